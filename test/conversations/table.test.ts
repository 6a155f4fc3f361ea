// The rows of the command table against COMMAND INFO of Debian's redis-server, for the families
// that are complete: arity, flags and positions of keys are facts, and clients act on them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { COMMANDS } from "../../src/commands/registry.ts";
import type { CommandRow } from "../../src/commands/table.ts";
import { MapReply, Status, type Reply } from "../../src/resp/reply.ts";
import { isOracleInstalled, startOracle } from "./oracle.ts";

const GROUPS = ["string", "bitmap"];
/** Beside these, all that Redis 7.0 knows of these groups is compared. */
const COMPARED = [...GROUPS, "generic", "list"];

function textOf(reply: Reply | undefined): string {
  if (reply instanceof Status) return reply.text;
  assert.ok(typeof reply === "string");
  return reply;
}

function listOf(reply: Reply | undefined): readonly Reply[] {
  assert.ok(reply !== undefined && reply !== null && typeof reply === "object");
  assert.ok(!("kind" in reply));
  return reply;
}

function fieldsOf(reply: Reply | undefined): ReadonlyMap<string, Reply> {
  const flat = reply instanceof MapReply ? reply.flat : listOf(reply);
  const fields = new Map<string, Reply>();
  for (let index = 0; index < flat.length; index += 2) {
    fields.set(textOf(flat[index]), flat[index + 1] ?? null);
  }
  return fields;
}

/** COMMAND INFO gives the last key and the step relative to the first; our rows are absolute. */
function specOf(reply: Reply): unknown {
  const spec = fieldsOf(reply);
  const begin = fieldsOf(fieldsOf(spec.get("begin_search")).get("spec"));
  const find = fieldsOf(fieldsOf(spec.get("find_keys")).get("spec"));
  const first = Number(begin.get("index"));
  const flags = listOf(spec.get("flags")).map(textOf).sort();
  if (begin.size === 0) return { flags };
  if (find.has("keynumidx")) {
    const countAt = first + Number(find.get("keynumidx"));
    return { flags, countAt, first: first + Number(find.get("firstkey")) };
  }
  const lastKey = Number(find.get("lastkey"));
  const step = Number(find.get("keystep"));
  if (begin.has("keyword")) {
    const word = textOf(begin.get("keyword"));
    return { flags, word, from: Number(begin.get("startfrom")), last: lastKey, step };
  }
  return {
    flags,
    first,
    last: lastKey < 0 ? lastKey : first + lastKey,
    step,
  };
}

function factsOf(row: CommandRow): unknown {
  return {
    arity: row.arity,
    flags: row.flags.filter((flag) => flag !== "movablekeys").sort(),
    keys: row.keys.map((spec) => {
      const flags = [...spec.flags].sort();
      if (spec.kind === "count") return { flags, countAt: spec.countAt, first: spec.first };
      if (spec.kind === "unknown") return { flags };
      if (spec.kind === "keyword") {
        const { word, from, last, step } = spec;
        return { flags, word, from, last, step };
      }
      return { flags, first: spec.first, last: spec.last, step: spec.step };
    }),
  };
}

test("strings and bitmaps have every command of Redis 7.2", () => {
  const names = Object.entries(COMMANDS)
    .filter(([, { group, since }]) => GROUPS.includes(group) && !isNewerThanOracle(since))
    .map(([name]) => name);
  assert.deepEqual(
    names.sort(),
    // prettier-ignore
    [
      "APPEND", "BITCOUNT", "BITFIELD", "BITFIELD_RO", "BITOP", "BITPOS", "DECR", "DECRBY", "GET",
      "GETBIT", "GETDEL", "GETEX", "GETRANGE", "GETSET", "INCR", "INCRBY", "INCRBYFLOAT", "LCS",
      "MGET", "MSET", "MSETNX", "PSETEX", "SET", "SETBIT", "SETEX", "SETNX", "SETRANGE", "STRLEN",
      "SUBSTR",
    ],
  );
});

/** Scripts may call commands that block since Redis 7.2: they do not wait there. */
function isNoScriptOf(row: CommandRow, flag: string): boolean {
  return flag === "noscript" && row.flags.includes("blocking");
}

function isNewerThanOracle(since: string): boolean {
  const [major = 0, minor = 0] = since.split(".").map(Number);
  return major > 7 || (major === 7 && minor > 0);
}

if (isOracleInstalled()) {
  test("arity, flags and key positions are Redis's", async () => {
    await using oracle = await startOracle();
    for (const [name, row] of Object.entries(COMMANDS)) {
      if (!COMPARED.includes(row.group) || isNewerThanOracle(row.since)) continue;
      const [info] = listOf(await oracle.target.send(["COMMAND", "INFO", name]));
      const parts = listOf(info);
      const theirs = {
        arity: Number(parts[1]),
        // Few rows say "movablekeys": it follows from their keys.
        flags: listOf(parts[2])
          .map(textOf)
          .filter((flag) => flag !== "movablekeys" && !isNoScriptOf(row, flag))
          .sort(),
        keys: listOf(parts[8]).map(specOf),
      };
      assert.deepEqual(factsOf(row), theirs, name);
    }
  });
}
