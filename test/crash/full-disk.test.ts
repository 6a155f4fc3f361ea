// No room for more while the server runs. A limit on the size of files is the full disk a test can
// have: the log of writes cannot grow beyond it. What the server acknowledged is there, what it refused
// is not, reads go on, it can be stopped, it takes writes again when there is room, and a restart finds
// the same.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { expectExactSize, isOk, readAll, untilTaken } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import { runToolWell } from "../support/tool.ts";

/** In units of 512 bytes, as sh counts: one megabyte. The signal that comes with it is not wanted. */
const SHELL_SETUP = "trap '' XFSZ; ulimit -S -f 2048";
const SETTINGS = { "unknown-outcome-timeout": "1000" };
const VALUE = "x".repeat(4096);
const ROUNDS = 12;
const PIPELINE = 100;

interface Outcome {
  readonly taken: Bytes[];
  readonly refused: Bytes[];
  /** Sent on a connection that was closed before it was answered: nobody knows. */
  readonly unknown: Bytes[];
}

async function writeMore(server: ServerProcess, outcome: Outcome, round: number): Promise<void> {
  const client = await server.client();
  const keys = Array.from({ length: PIPELINE }, (_, index) => `key:${round}:${index}`);
  client.write(keys.map((key) => request("SET", key, VALUE)).join(""));
  const replies = await repliesOrEnd(client, keys.length);
  for (const [index, key] of keys.entries()) {
    const reply = replies[index];
    if (reply === undefined) outcome.unknown.push(key);
    else if (isOk(reply)) outcome.taken.push(key);
    else {
      assert.ok(reply instanceof ErrorReply);
      assert.match(reply.text, /^(MISCONF|TRYAGAIN) /);
      outcome.refused.push(key);
    }
  }
}

/** All replies, or those that came before the server closed the connection. */
async function repliesOrEnd(client: RawClient, count: number): Promise<readonly Reply[]> {
  const replies: Reply[] = [];
  while (replies.length < count) {
    if (client.unreadCount === 0 && client.isClosed) return replies;
    // oxlint-disable-next-line no-await-in-loop -- until there are enough
    if (client.unreadCount === 0) await client.whenChanged();
    // oxlint-disable-next-line no-await-in-loop -- these are here already
    replies.push(...(await client.readReplies(client.unreadCount)));
  }
  return replies;
}

/** What was acknowledged is there, what was refused is not. */
async function expectTruth(server: ServerProcess, outcome: Outcome): Promise<void> {
  const client = await server.client();
  const values = await readAll(client, outcome.taken);
  for (const [index, key] of outcome.taken.entries()) {
    assert.equal(values[index], VALUE, `${key} was acknowledged`);
  }
  for (const [index, value] of (await readAll(client, outcome.refused)).entries()) {
    assert.equal(value, null, `${outcome.refused[index]} was refused and is there`);
  }
}

/** While a commit is in doubt a walk would meet it, and be held as long as the doubt (laws 6, 9). */
async function expectWholeTruth(server: ServerProcess, outcome: Outcome): Promise<void> {
  await expectTruth(server, outcome);
  const keys = await expectExactSize(await server.client());
  assert.ok(keys.size >= outcome.taken.length);
  assert.ok(keys.size <= outcome.taken.length + outcome.unknown.length);
}

async function fill(server: ServerProcess): Promise<Outcome> {
  const outcome: Outcome = { taken: [], refused: [], unknown: [] };
  for (let round = 0; round < ROUNDS; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await writeMore(server, outcome, round);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await expectTruth(server, outcome);
  }
  assert.ok(outcome.refused.length + outcome.unknown.length > 0, "the limit was never met");
  assert.ok(outcome.taken.length > 0);
  return outcome;
}

/** There is room: writes are taken again, and what was said before is still true. */
async function expectRecovery(server: ServerProcess, outcome: Outcome): Promise<void> {
  await untilTaken(await server.client(), VALUE);
  outcome.taken.push("taken");
  await writeMore(server, outcome, ROUNDS);
  assert.equal(outcome.taken.at(-1), `key:${ROUNDS}:${PIPELINE - 1}`);
  await expectWholeTruth(server, outcome);
}

for (const mode of ["always", "everysec", "no"]) {
  const settings = { ...SETTINGS, appendfsync: mode };
  const inFull = { settings, shellSetup: SHELL_SETUP };

  test(`appendfsync ${mode}: the disk is full; it can be stopped, and nothing is lost`, async (t) => {
    using directory = new TemporaryDirectory();
    await using server = await ServerProcess.start({ dir: directory.path, ...inFull });
    const outcome = await fill(server);
    const { taken, refused, unknown } = outcome;
    t.diagnostic(`${taken.length} taken, ${refused.length} refused, ${unknown.length} unknown`);
    await server.stop();
    await using again = await ServerProcess.start({ dir: directory.path, settings });
    await expectWholeTruth(again, outcome);
    await expectRecovery(again, outcome);
  });

  test(`appendfsync ${mode}: when there is room again, writes are taken without a restart`, async () => {
    using directory = new TemporaryDirectory();
    await using server = await ServerProcess.start({ dir: directory.path, ...inFull });
    const outcome = await fill(server);
    await server.waitForOutput(/The storage engine refuses writes: /);
    const limits = ["--pid", String(server.pid), "--fsize=unlimited:"];
    await runToolWell("prlimit", limits);
    await expectRecovery(server, outcome);
    await server.waitForOutput(/The storage engine has recovered: writes are taken again\./);

    await server.kill();
    await using again = await ServerProcess.start({ dir: directory.path, settings });
    await expectWholeTruth(again, outcome);
  });
}
