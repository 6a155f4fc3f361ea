// What many proofs ask of a running server, and what they expect of every answer.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { Status, type Reply } from "../../src/resp/reply.ts";
import { Patience } from "./patience.ts";
import { WAIT_MS_MAX, type RawClient } from "./raw-client.ts";

export function isOk(reply: Reply | undefined): boolean {
  return reply instanceof Status && reply.text === "OK";
}

/** The items of an array reply; anything else fails the test. */
export function itemsOf(reply: Reply | undefined): readonly Reply[] {
  assert.ok(Array.isArray(reply), `no array: ${JSON.stringify(reply)}`);
  return reply;
}

export function bytesOf(reply: Reply | undefined): Bytes {
  assert.ok(typeof reply === "string", `no string: ${JSON.stringify(reply)}`);
  return reply;
}

const SCAN_COUNT = "1000";
const READ_COUNT = 500;

/** Every key that a full SCAN finds. */
export async function scanAll(client: RawClient): Promise<Set<Bytes>> {
  const keys = new Set<Bytes>();
  let cursor = "0";
  do {
    // oxlint-disable-next-line no-await-in-loop -- the next cursor is in the answer
    const [next, some] = itemsOf(await client.send("SCAN", cursor, "COUNT", SCAN_COUNT));
    for (const key of itemsOf(some)) keys.add(bytesOf(key));
    cursor = bytesOf(next);
  } while (cursor !== "0");
  return keys;
}

/** DBSIZE is exact: it says as many as a walk finds. Returns what the walk found. */
export async function expectExactSize(client: RawClient): Promise<Set<Bytes>> {
  const keys = await scanAll(client);
  assert.equal(await client.send("DBSIZE"), keys.size, "DBSIZE and SCAN disagree");
  return keys;
}

/** The values of many keys, in their order; null for those that are not there. */
export async function readAll(client: RawClient, keys: readonly Bytes[]): Promise<Reply[]> {
  const values: Reply[] = [];
  for (let from = 0; from < keys.length; from += READ_COUNT) {
    // oxlint-disable-next-line no-await-in-loop -- bounded pieces
    const some = await client.send("MGET", ...keys.slice(from, from + READ_COUNT));
    values.push(...itemsOf(some));
  }
  return values;
}

/** The number behind a name in INFO. */
export async function infoNumber(client: RawClient, section: string, name: string) {
  const text = bytesOf(await client.send("INFO", section));
  const line = text.split("\r\n").find((one) => one.startsWith(`${name}:`));
  assert.ok(line !== undefined, `INFO ${section} has no ${name}`);
  return Number(line.slice(name.length + 1));
}

/** Tries to write the key `taken`, as a client would, until it is taken. */
export async function untilTaken(client: RawClient, value: Bytes): Promise<void> {
  const patience = new Patience(2 * WAIT_MS_MAX, client.processId);
  for (;;) {
    const reply = await client.send("SET", "taken", value);
    if (isOk(reply)) return;
    assert.ok(!patience.isOver(), `writes are refused for good: ${JSON.stringify(reply)}`);
  }
}
