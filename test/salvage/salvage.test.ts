// `kept check --salvage` on directories damaged at many places: what is in the new directory equals the
// original or is named as lost, nothing is invented, the new directory is whole (`kept check`), and not a byte
// of the damaged one changes.
//
// KEPT_SALVAGE_POSITIONS sets at how many places each table and log is damaged (1).

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  cpSync,
  openSync,
  closeSync,
  readFileSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { after, before, test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { checkDirectory } from "../../src/server/check.ts";
import { salvage } from "../../src/server/salvage/salvage.ts";
import type { SalvageReport } from "../../src/server/salvage/report.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { bytesOf, itemsOf, scanAll } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import { runTool } from "../support/tool.ts";

const POSITIONS = Number(process.env["KEPT_SALVAGE_POSITIONS"] ?? 1);
/** Flushed whenever a quarter is written; the last quarter stays in the log. */
const SETTINGS = { "rocksdb.compression": "no" };
const STRINGS = 400;
const ELEMENTS = 600;
const COLLECTIONS = ["hash", "dying", "set", "zset", "list", "stream", "small"];

let original: TemporaryDirectory;
let truth: Map<Bytes, Reply>;

function valueOf(index: number): Bytes {
  return `value ${index} `.repeat(12);
}

/** Everything about a key that a client can see, in an order that does not depend on its encoding. */
async function contentOf(client: RawClient, key: Bytes): Promise<Reply> {
  const type = await client.send("TYPE", key);
  switch (typeof type === "object" && type !== null && "text" in type ? type.text : "") {
    case "string":
      return client.send("GET", key);
    case "hash":
      return inOrder(await client.send("HGETALL", key));
    case "set":
      return itemsOf(await client.send("SMEMBERS", key))
        .map(bytesOf)
        .sort();
    case "zset":
      return client.send("ZRANGE", key, "0", "-1", "WITHSCORES");
    case "list":
      return client.send("LRANGE", key, "0", "-1");
    case "stream":
      return [
        await client.send("XRANGE", key, "-", "+"),
        await client.send("XINFO", "GROUPS", key),
        ...(await pendingOf(client, key)),
      ];
    default:
      return null;
  }
}

async function pendingOf(client: RawClient, key: Bytes): Promise<Reply[]> {
  const groups = itemsOf(await client.send("XINFO", "GROUPS", key));
  return groups.length === 0 ? [] : [await client.send("XPENDING", key, "group")];
}

function inOrder(flat: Reply): Reply {
  const items = itemsOf(flat).map(bytesOf);
  const pairs = items.flatMap((field, at) =>
    at % 2 === 0 ? [`${field}\0${items[at + 1] ?? ""}`] : [],
  );
  return pairs.sort();
}

async function fill(client: RawClient, quarter: number): Promise<void> {
  let bytes = "";
  let count = 0;
  const send = (...args: Bytes[]): void => {
    bytes += request(...args);
    count++;
  };
  for (let index = quarter; index < STRINGS; index += 4)
    send("SET", `key:${index}`, valueOf(index));
  for (let index = quarter; index < ELEMENTS; index += 4) {
    const name = `element ${index}`;
    send("HSET", "hash", name, valueOf(index));
    send("HSET", "dying", name, valueOf(index));
    send("SADD", "set", `${name}${"m".repeat(80)}`);
    send("ZADD", "zset", String(index * 1.5), `${name}${"z".repeat(80)}`);
    send("RPUSH", "list", `${name}${"l".repeat(80)}`);
    send("XADD", "stream", `${index + 1 + quarter * ELEMENTS}-1`, "field", valueOf(index));
  }
  send("HPEXPIRE", "dying", "99999999", "FIELDS", "1", `element ${quarter}`);
  send("RPUSH", "small", `text ${quarter}`);
  send("SET", `once:${quarter}`, "v", "EX", "100000");
  await client.pipeline(bytes, count);
  if (quarter === 0) await client.send("XGROUP", "CREATE", "stream", "group", "0");
  await client.send(
    "XREADGROUP",
    "GROUP",
    "group",
    "reader",
    "COUNT",
    "40",
    "STREAMS",
    "stream",
    ">",
  );
}

before(async () => {
  original = new TemporaryDirectory();
  const server = await ServerProcess.start({ dir: original.path, settings: SETTINGS });
  const client = await server.client();
  for (let quarter = 0; quarter < 4; quarter++) {
    // oxlint-disable-next-line no-await-in-loop -- each quarter into files of its own
    await fill(client, quarter);
    // oxlint-disable-next-line no-await-in-loop -- each quarter into files of its own
    if (quarter < 3) await client.send("SAVE");
  }
  truth = await contents(client);
  await server.kill();
});

after(() => original[Symbol.dispose]());

async function contents(client: RawClient): Promise<Map<Bytes, Reply>> {
  const found = new Map<Bytes, Reply>();
  for (const key of [...(await scanAll(client))].sort()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    found.set(key, await contentOf(client, key));
  }
  return found;
}

function fingerprint(dir: string): string[] {
  return readdirSync(dir)
    .sort()
    .map((name) => {
      const digest = createHash("sha256")
        .update(readFileSync(`${dir}/${name}`))
        .digest("hex");
      return `${name} ${digest}`;
    });
}

/** Whether a report says that this key, or something about it, is missing. */
function isNamed(key: Bytes, { lost }: SalvageReport): boolean {
  const own = JSON.stringify(key);
  // What cannot be told apart by key: a place in the log, a table, a range of keys.
  const wide = /^(?:data: keys between|\S+\.(?:sst|log) |the table |a collection whose key)/;
  return lost.some((line) => line.includes(own) || wide.test(line));
}

/** Nothing that was not there: parts of a collection are parts of the original. */
function expectPart(key: Bytes, found: Reply, whole: Reply): void {
  const have = new Set(flatten(whole).map((item) => JSON.stringify(item)));
  // Counts of what is left are figures of their own.
  if (key === "stream") return;
  for (const item of flatten(found)) {
    assert.ok(have.has(JSON.stringify(item)), `${key} holds what it never held`);
  }
}

function flatten(reply: Reply): Reply[] {
  return Array.isArray(reply) ? reply.flatMap(flatten) : [reply];
}

interface Salvaged {
  readonly report: SalvageReport;
  readonly equal: number;
}

async function salvaged(damage: (db: string) => void): Promise<Salvaged> {
  using copy = new TemporaryDirectory();
  cpSync(original.path, copy.path, { recursive: true });
  damage(`${copy.path}/db`);
  const untouched = fingerprint(`${copy.path}/db`);
  using place = new TemporaryDirectory();
  const to = place.join("new");
  const report = await salvage(copy.path, to);
  assert.deepEqual(fingerprint(`${copy.path}/db`), untouched, "the damaged directory was changed");
  assert.deepEqual((await checkDirectory(to, { cutsLog: false })).damage, []);
  await using server = await ServerProcess.start({ dir: to, settings: SETTINGS });
  const client = await server.client();
  const found = await contents(client);
  let equal = 0;
  for (const [key, whole] of truth) {
    const now = found.get(key);
    if (now !== undefined && JSON.stringify(now) === JSON.stringify(whole)) equal++;
    else {
      assert.ok(isNamed(key, report), `${key} is not what it was, and nobody says so`);
      if (now !== undefined && Array.isArray(now)) expectPart(key, now, whole);
    }
  }
  for (const key of found.keys()) assert.ok(truth.has(key), `${key} was never there`);
  // It is a database like any other.
  for (const key of COLLECTIONS) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await client.send("DEL", key);
  }
  await client.send("RPUSH", "list", "again");
  assert.deepEqual(await client.send("LRANGE", "list", "0", "-1"), ["again"]);
  return { report, equal };
}

function turnByte(path: string, at: number): void {
  const file = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

function* places(size: number): Generator<number> {
  for (let index = 0; index < POSITIONS; index++) {
    yield Math.floor(((index + 0.5) * size) / POSITIONS);
  }
}

function namesOf(pattern: RegExp): string[] {
  const db = `${original.path}/db`;
  return readdirSync(db).filter((name) => pattern.test(name) && statSync(`${db}/${name}`).size > 0);
}

test("an undamaged directory is salvaged whole", async () => {
  const { report, equal } = await salvaged(() => {});
  assert.deepEqual(report.lost, []);
  assert.equal(equal, truth.size);
});

for (const [what, damage] of Object.entries<(db: string) => void>({
  "CURRENT is lost": (db) => rmSync(`${db}/CURRENT`),
  "CURRENT is empty": (db) => truncateSync(`${db}/CURRENT`),
  "the MANIFEST is lost": (db) => rmSync(`${db}/${namesOf(/^MANIFEST/)[0] ?? ""}`),
  "the MANIFEST is empty": (db) => truncateSync(`${db}/${namesOf(/^MANIFEST/)[0] ?? ""}`),
  "a byte of the MANIFEST is turned": (db) =>
    turnByte(`${db}/${namesOf(/^MANIFEST/)[0] ?? ""}`, 60),
})) {
  test(`${what}: the data is there`, async () => {
    const { report, equal } = await salvaged(damage);
    assert.deepEqual(report.lost, []);
    assert.equal(equal, truth.size);
  });
}

for (const [kind, pattern] of Object.entries({ table: /\.sst$/, log: /\.log$/ })) {
  test(`a byte of a ${kind} turned anywhere: what is there is right, what is not is named`, async (t) => {
    let equal = 0;
    let tried = 0;
    for (const name of namesOf(pattern)) {
      for (const at of places(statSync(`${original.path}/db/${name}`).size)) {
        // oxlint-disable-next-line no-await-in-loop -- one directory at a time
        const outcome = await salvaged((db) => turnByte(`${db}/${name}`, at));
        equal += outcome.equal;
        tried++;
      }
    }
    t.diagnostic(`${tried} directories, ${equal} of ${tried * truth.size} keys as they were`);
    assert.ok(equal > (tried * truth.size) / 2);
  });
}

test("a table that is cut short or gone is lost, and said to be", async () => {
  const [name = ""] = namesOf(/\.sst$/).slice(-1);
  for (const damage of [
    (db: string) => truncateSync(`${db}/${name}`, 1000),
    (db: string) => rmSync(`${db}/${name}`),
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one directory at a time
    const { report } = await salvaged(damage);
    assert.match(report.lost.join("\n"), /cannot be opened|is not there/);
  }
});

test("on the command line: what is salvaged, what is lost, and what is refused", async () => {
  using copy = new TemporaryDirectory();
  cpSync(original.path, copy.path, { recursive: true });
  const kept = (...args: string[]) => runTool(process.execPath, ["bin/kept", "check", ...args]);
  using place = new TemporaryDirectory();
  const whole = await kept("--salvage", copy.path, "--to", place.join("whole"));
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /^salvaged: database 0: 404 strings, 2 lists, 1 sets, 1 sorted sets/m);
  assert.match(whole.stdout, /^Nothing is lost\.$/m);
  const again = await kept("--salvage", copy.path, "--to", place.join("whole"));
  assert.equal(again.code, 1);
  assert.match(again.stderr, /is there already: name a new directory/);
  const nothing = await kept("--salvage", place.join("nothing"), "--to", place.join("new"));
  assert.equal(nothing.code, 1);
  assert.match(nothing.stderr, /there is no Kept database/);
  for (const args of [["--salvage", copy.path], ["--to", "x", copy.path], ["--odd"]]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const misused = await kept(...args);
    assert.equal(misused.code, 1);
    assert.match(misused.stderr, /^Usage: kept check/m);
  }
  for (const name of namesOf(/\.sst$/)) turnByte(`${copy.path}/db/${name}`, 400);
  const damaged = await kept("--salvage", copy.path, "--to", place.join("damaged"));
  assert.equal(damaged.code, 1);
  assert.match(damaged.stdout, /^LOST: /m);
});
