// COMMAND INFO of every command against Debian's redis-server: clients route, retry and refuse by
// these facts. What Redis 7.0 does not know yet, or tells otherwise than 7.2, stands here.

import assert from "node:assert/strict";
import { test } from "node:test";

import { COMMANDS } from "../../src/commands/registry.ts";
import { Status, type Reply } from "../../src/resp/reply.ts";
import { isOracleInstalled, startOracle } from "../conversations/oracle.ts";
import { startKept } from "../support/kept.ts";

/** Redis 7.2 needs one argument less, or takes one more. */
const CHANGED_IN_7_2 = new Set(["command|getkeys", "command|getkeysandflags", "zrank", "zrevrank"]);
/** Redis 7.2 lets scripts call these; they do not wait there. */
const IN_SCRIPTS_SINCE_7_2 = new Set([
  "blmove",
  "blpop",
  "brpop",
  "brpoplpush",
  "bzpopmax",
  "bzpopmin",
]);
const ONLY_KEPT = new Set(["once"]);

type Plain = string | number | null | readonly Plain[];

function plain(reply: Reply): Plain {
  if (reply === null || typeof reply === "string" || typeof reply === "number") return reply;
  if (reply instanceof Status) return reply.text;
  assert.ok(Array.isArray(reply));
  return reply.map(plain);
}

function list(value: Plain | undefined): readonly Plain[] {
  assert.ok(Array.isArray(value));
  return value as readonly Plain[];
}

/** Whether the row says that the command, by its full name, came after Redis 7.0. */
function isNewer(name: string): boolean {
  const [first = "", second] = name.toUpperCase().split("|");
  let row = COMMANDS[first];
  if (second !== undefined && row?.kind === "container") row = row.subcommands[second];
  assert.ok(row !== undefined, name);
  const [major = 0, minor = 0] = row.since.split(".").map(Number);
  return major > 7 || (major === 7 && minor > 0);
}

/** The entry and those of its subcommands. */
function entriesOf(entry: Plain): (readonly Plain[])[] {
  const facts = list(entry);
  return [facts, ...list(facts[9]).flatMap(entriesOf)];
}

function withoutNotes(spec: Plain): Plain {
  const facts = list(spec);
  return facts[0] === "notes" ? facts.slice(2) : facts;
}

/** What must be the same: arity, flags, keys, categories, tips. */
function compared(entry: readonly Plain[]) {
  return {
    arity: entry[1],
    flags: new Set(list(entry[2])),
    keys: entry.slice(3, 6),
    categories: new Set(list(entry[6])),
    tips: new Set(list(entry[7])),
    specs: list(entry[8]).map(withoutNotes),
  };
}

if (isOracleInstalled()) {
  test("every command has Redis's arity, flags, keys and categories", async () => {
    await using oracle = await startOracle();
    await using kept = await startKept();
    const client = await kept.client();
    const entries = list(plain(await client.say("COMMAND"))).flatMap(entriesOf);
    assert.ok(entries.length > 100);
    for (const ours of entries) {
      const name = ours[0];
      assert.ok(typeof name === "string");
      const [theirs] = list(plain(await oracle.target.send(["COMMAND", "INFO", name])));
      if (ONLY_KEPT.has(name) || isNewer(name)) {
        assert.equal(theirs, null, `${name} is known to Redis 7.0`);
        continue;
      }
      assert.ok(theirs !== null, `${name} is not known to Redis 7.0`);
      if (CHANGED_IN_7_2.has(name)) continue;
      const expected = compared(list(theirs));
      if (IN_SCRIPTS_SINCE_7_2.has(name)) assert.ok(expected.flags.delete("noscript"), name);
      assert.deepEqual(compared(ours), expected, name);
    }
  });
}
