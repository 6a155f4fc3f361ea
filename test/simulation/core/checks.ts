// What must hold whenever the simulated server is at rest.

import assert from "node:assert/strict";

import type { Bytes } from "../../../src/base/bytes.ts";
import { ManualClock } from "../../../src/base/clock.ts";
import { decodeDataKey, expiryKey } from "../../../src/encoding/key.ts";
import {
  CATALOG_KEY,
  DROP_PREFIX,
  SYSTEM_INCARNATION_ID,
  decodeCatalog,
} from "../../../src/encoding/meta.ts";
import { readHeader } from "../../../src/encoding/record.ts";
import { DATA, EXPIRY, META, type StoreId } from "../../../src/engine/engine.ts";
import type { MemoryEngine } from "../../../src/engine/memory.ts";
import type { Reply } from "../../../src/resp/reply.ts";
import { format } from "../../conversations/notation.ts";
import { openWorld, type World } from "../../support/world.ts";
import { GATHER_US_MAX } from "../../../src/commit/gathering.ts";
import { Client } from "./client.ts";

const DATABASE_COUNT = 16;

/** Says one command on a connection of its own and gives its answer. */
async function ask(world: World, client: Client, args: readonly Bytes[]): Promise<Reply> {
  let answer: Reply | undefined;
  client.send(args, (reply) => {
    answer = reply;
  });
  if (answer === undefined) await world.settle();
  if (answer === undefined) {
    // What it rests on may wait a moment for others that want the same fsync (commit/gathering.ts).
    world.clock.advance(GATHER_US_MAX / 1000 + 1);
    await world.settle();
  }
  assert.ok(answer !== undefined, `replies: no answer to ${args.join(" ")} at rest`);
  return answer;
}

/** Every key of every database with its content, as clients see it; counts are checked on the way. */
export async function contentOf(world: World): Promise<string[]> {
  const client = new Client(world.core);
  const lines: string[] = [];
  for (let index = 0; index < DATABASE_COUNT; index++) {
    await ask(world, client, ["SELECT", String(index)]);
    const keys = await scanAll(world, client);
    const size = await ask(world, client, ["DBSIZE"]);
    assert.equal(size, keys.length, `counts: DBSIZE of ${index} is not what SCAN finds`);
    const listed = await ask(world, client, ["KEYS", "*"]);
    assert.ok(Array.isArray(listed));
    assert.equal(listed.length, keys.length, `counts: KEYS of ${index} is not what SCAN finds`);
    for (const key of keys.sort()) {
      const value = await ask(world, client, ["DUMP", key]);
      const expiry = await ask(world, client, ["PEXPIRETIME", key]);
      lines.push(`${index} ${JSON.stringify(key)} ${format(value)} ${format(expiry)}`);
    }
  }
  client.leave();
  return lines;
}

async function scanAll(world: World, client: Client): Promise<Bytes[]> {
  const found: Bytes[] = [];
  let cursor = "0";
  do {
    const step = await ask(world, client, ["SCAN", cursor, "COUNT", "3"]);
    assert.ok(Array.isArray(step));
    const [next, keys]: unknown[] = step;
    assert.ok(typeof next === "string" && Array.isArray(keys));
    for (const key of keys) {
      assert.ok(typeof key === "string");
      found.push(key);
    }
    cursor = next;
  } while (cursor !== "0");
  assert.equal(new Set(found).size, found.length, "counts: SCAN returned a key twice at rest");
  return found;
}

/** What is in memory is what another process would find. */
export async function checkMemoryIsDisk(world: World): Promise<void> {
  const inMemory = await contentOf(world);
  await world.engine.checkpoint("rest");
  const copy = world.engine.checkpoints.get("rest");
  assert.ok(copy !== undefined);
  await using other = await openWorld({
    engine: copy,
    clock: new ManualClock(world.clock.nowMs()),
  });
  assert.deepEqual(inMemory, await contentOf(other), "disk: another process finds something else");
}

/** The index holds exactly the keys that expire; nothing is left of flushed databases. */
export function checkIndex(engine: MemoryEngine): void {
  const catalog = engine.get(META, CATALOG_KEY);
  if (typeof catalog !== "string") return;
  const { incarnationIds } = decodeCatalog(catalog);
  const known = new Set([...incarnationIds, SYSTEM_INCARNATION_ID]);
  const wanted: Bytes[] = [];
  for (const [physical, value] of entriesOf(engine, DATA)) {
    const { key, ...address } = decodeDataKey(physical);
    assert.ok(known.has(address.incarnationId), "index: a flushed database has left data");
    const { expiryMs } = readHeader(value);
    if (expiryMs !== 0) wanted.push(expiryKey(expiryMs, address, key));
  }
  const found = entriesOf(engine, EXPIRY).map(([key]) => key);
  assert.deepEqual(found, wanted.sort(), "index: it does not hold just the keys that expire");
}

/** Whether something that was flushed is not collected yet. */
export function hasDropNotes(engine: MemoryEngine): boolean {
  return entriesOf(engine, META).some(([key]) => key.startsWith(DROP_PREFIX));
}

function entriesOf(engine: MemoryEngine, store: StoreId): [Bytes, Bytes][] {
  const range = { lower: "", upper: null, reverse: false, valueBytesMax: Infinity } as const;
  const cursor = engine.cursor(store, { ...range, patience: "wait" });
  const flat = cursor.next(1_000_000) ?? [];
  cursor.close();
  const entries: [Bytes, Bytes][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    entries.push([flat[index] ?? "", flat[index + 1] ?? ""]);
  }
  return entries;
}
