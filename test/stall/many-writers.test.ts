// Fifty connections with a thousand pipelined SETs each, into both kinds of stall: every reply is OK
// or TRYAGAIN, what was taken is there, what was refused is not, and DBSIZE is exact.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { expectExactSize, isOk, readAll } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import { PERMANENT_STALL, TRANSIENT_STALL, type StallRecipe } from "./recipes.ts";
import { noise, refusalText, startByRecipe, type StalledServer } from "./stalled-server.ts";

const CONNECTIONS = 50;
const WRITES = 1000;
const VALUE_TAIL = noise(512);

/** The value names its key, so that a mix-up is seen. */
function valueOf(key: Bytes): Bytes {
  return `${key}=${VALUE_TAIL}`;
}

interface Outcome {
  readonly taken: Bytes[];
  readonly refused: Bytes[];
}

async function writeAll(client: RawClient, prefix: Bytes): Promise<Outcome> {
  const keys = Array.from({ length: WRITES }, (_, index) => `${prefix}:${index}`);
  let bytes = "";
  for (const key of keys) bytes += request("SET", key, valueOf(key));
  const replies = await client.pipeline(bytes, WRITES);
  return sorted(keys, replies);
}

function sorted(keys: readonly Bytes[], replies: readonly Reply[]): Outcome {
  const outcome: Outcome = { taken: [], refused: [] };
  for (const [index, key] of keys.entries()) {
    const reply = replies[index];
    if (isOk(reply)) outcome.taken.push(key);
    else {
      refusalText(reply);
      outcome.refused.push(key);
    }
  }
  return outcome;
}

async function writeFromMany(stalled: StalledServer): Promise<Outcome> {
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, index) => stalled.client(index % 2 === 0 ? 2 : 3)),
  );
  const outcomes = await Promise.all(
    clients.map((client, index) => writeAll(client, `connection:${index}`)),
  );
  for (const client of clients) client.expectNothingUnread();
  return {
    taken: outcomes.flatMap((outcome) => outcome.taken),
    refused: outcomes.flatMap((outcome) => outcome.refused),
  };
}

async function expectOutcome(stalled: StalledServer, { taken, refused }: Outcome): Promise<void> {
  const client = await stalled.client();
  const keys = await expectExactSize(client);
  assert.equal(keys.size, taken.length);
  const values = await readAll(client, taken);
  for (const [index, key] of taken.entries()) assert.equal(values[index], valueOf(key));
  for (const key of refused) assert.ok(!keys.has(key), `${key} was refused and is there`);
  for (const value of await readAll(client, refused)) assert.equal(value, null);
}

for (const [name, recipe] of Object.entries({
  permanent: PERMANENT_STALL,
  transient: TRANSIENT_STALL,
}) satisfies [string, StallRecipe][]) {
  test(`${name} stall: 50 connections with 1,000 pipelined SETs each hear the truth`, async (t) => {
    await using stalled = await startByRecipe(recipe);
    const outcome = await writeFromMany(stalled);
    t.diagnostic(`${outcome.taken.length} taken, ${outcome.refused.length} refused`);
    assert.ok(outcome.taken.length > 0, "everything was refused: the server never wrote");
    assert.ok(outcome.refused.length > 0, "nothing was refused: there was no stall");
    await expectOutcome(stalled, outcome);
  });
}
