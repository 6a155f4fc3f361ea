// DEBUG STORAGE-FAULT: each fault is answered as the real one is, ends when it should, and shows in INFO.

import assert from "node:assert/strict";
import { test } from "node:test";

import { machineClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { Config } from "../../src/config/config.ts";
import { readText } from "../../src/config/parse.ts";
import { Drill } from "../../src/engine/drill.ts";
import { ErrorReply, MapReply, OK, type Reply } from "../../src/resp/reply.ts";
import { startKept, type Kept, type KeptSettings } from "../support/kept.ts";
import { until, type RawClient } from "../support/raw-client.ts";

const NO_FILES = () => ({ problem: "there are no files here" });
const STALLED = new ErrorReply("TRYAGAIN Write stall; retry in 100 ms");

function start(settings: KeptSettings = {}): Promise<Kept> {
  const config = Config.of(readText("enable-debug-command yes", "the test", NO_FILES));
  const drill = new Drill(machineClock, new SeededRandom(1));
  return startKept({ config, drill, ...settings });
}

function textOf(reply: Reply | undefined): string {
  assert.ok(reply instanceof ErrorReply, `not an error: ${JSON.stringify(reply)}`);
  return reply.text;
}

async function info(client: RawClient, field: string): Promise<string> {
  const text = await client.send("INFO", "kept");
  assert.ok(typeof text === "string");
  return new RegExp(`^${field}:(.*)\r$`, "m").exec(text)?.[1] ?? "";
}

test("a stall: writers hear TRYAGAIN, readers are served, and off ends it", async () => {
  await using kept = await start();
  const client = await kept.client();
  await client.say("SET committed c");
  assert.deepEqual(await client.say("DEBUG STORAGE-FAULT stall"), OK);
  assert.deepEqual(await client.say("SET a b"), STALLED);
  assert.equal(await client.say("GET committed"), "c");
  assert.equal(await info(client, "storage_fault"), "stall");
  assert.equal(await info(client, "writes"), "stopped");
  assert.deepEqual(await client.say("DEBUG STORAGE-FAULT off"), OK);
  assert.deepEqual(await client.say("SET a b"), OK);
  assert.equal(await info(client, "storage_fault"), "none");
  assert.equal(await info(client, "storage_fault_hits"), "1");
  assert.equal(await info(client, "writes"), "ok");
});

test("a stall under write-stall-policy wait: writers wait, and are served when it ends", async () => {
  await using kept = await start({ pipeline: { stallWaitMs: 60_000 } });
  const client = await kept.client();
  const writer = await kept.client();
  await client.say("DEBUG STORAGE-FAULT stall");
  writer.write("SET a b\r\n");
  await until("the writer waits", () => kept.core.pipeline.isStalled);
  writer.expectNothingUnread();
  await client.say("DEBUG STORAGE-FAULT off");
  assert.deepEqual(await writer.readReply(), OK);
});

test("a refused commit: at once, whatever the policy, with the reason that was asked for", async () => {
  await using kept = await start({ pipeline: { stallWaitMs: 60_000 } });
  const client = await kept.client();
  await client.say("SET committed c");
  const expected = {
    stall: /^TRYAGAIN Write stall; retry in 100 ms$/,
    "too-large": /^ERR /,
    "read-only": /^READONLY /,
    "no-space": /^MISCONF .*the disk is full/,
    io: /^MISCONF .*the disk reports errors/,
  };
  for (const [reason, words] of Object.entries(expected)) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await client.say(`DEBUG STORAGE-FAULT refuse-commit AS ${reason} COUNT 1`);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.match(textOf(await client.say("SET a b")), words);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.deepEqual(await client.say("SET was taken"), OK);
  }
  assert.equal(await client.say("GET a"), null);

  await client.say("DEBUG STORAGE-FAULT refuse-commit");
  for (const line of ["MULTI", "GET committed", "SET a b", "GET a"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await client.say(line);
  }
  const aborted = new ErrorReply(
    "EXECABORT Transaction discarded because of: Write stall; retry in 100 ms",
  );
  assert.deepEqual(await client.say("EXEC"), ["c", aborted, aborted]);
});

test("an unknown commit found to be applied is answered OK, one found absent as refused", async () => {
  await using kept = await start();
  const client = await kept.client();
  await client.say("DEBUG STORAGE-FAULT unknown-commit OUTCOME applied MILLISECONDS 60 COUNT 1");
  assert.deepEqual(await client.say("SET a applied"), OK);
  assert.equal(await client.say("GET a"), "applied");
  await client.say("DEBUG STORAGE-FAULT unknown-commit OUTCOME absent MILLISECONDS 60 COUNT 1");
  assert.match(textOf(await client.say("SET a absent")), /^MISCONF /);
  assert.equal(await client.say("GET a"), "applied");
  assert.deepEqual(await client.say("SET a again"), OK);
  assert.equal(await info(client, "commits_unknown"), "2");
});

test("a commit in doubt for longer than unknown-outcome-timeout: the connection is closed", async () => {
  await using kept = await start({ pipeline: { unknownTimeoutMs: 50 } });
  const client = await kept.client();
  const writer = await kept.client();
  const line = "DEBUG STORAGE-FAULT unknown-commit OUTCOME applied MILLISECONDS 600000";
  await client.say(line);
  writer.write("SET a b\r\n");
  await writer.expectClosed();
  assert.match(textOf(await client.say("SET other v")), /^MISCONF /);
  assert.equal(await info(client, "commit_in_doubt"), "1");
  await client.say("DEBUG STORAGE-FAULT off");
  await until("the doubt is over", () => !kept.core.pipeline.isInDoubt);
  assert.equal(await client.say("GET a"), "b");
  assert.deepEqual(await client.say("SET other v"), OK);
});

for (const [fault, advice] of [
  ["no-space", /^MISCONF .*No space left on device.*the disk is full/],
  ["io-error", /^MISCONF .*Input\/output error.*the disk reports errors/],
] as const) {
  test(`${fault}: writes are refused before they run, reads go on, off is the end of it`, async () => {
    await using kept = await start();
    const client = await kept.client();
    await client.say("SET committed c");
    await client.say(`DEBUG STORAGE-FAULT ${fault}`);
    assert.match(textOf(await client.say("SET a b")), advice);
    await client.say("MULTI");
    assert.match(textOf(await client.say("SET a b")), advice);
    assert.match(textOf(await client.say("EXEC")), /^EXECABORT /);
    assert.equal(await client.say("GET committed"), "c");
    assert.equal(await info(client, "writes"), "refused");
    assert.match(textOf(await client.say("SAVE")), advice);
    await client.say("DEBUG STORAGE-FAULT off");
    assert.deepEqual(await client.say("SET a b"), OK);
    assert.equal(await info(client, "writes"), "ok");
  });
}

test("io-error on reads: who asks the engine hears so, writes are taken", async () => {
  await using kept = await start();
  const client = await kept.client();
  await client.say("SET a b");
  await client.say("DEBUG DROPCACHE");
  await client.say("DEBUG STORAGE-FAULT io-error ON reads");
  assert.match(textOf(await client.say("GET a")), /^MISCONF .*Input\/output error/);
  assert.equal(await info(client, "writes"), "ok");
  await client.say("DEBUG STORAGE-FAULT off");
  assert.equal(await client.say("GET a"), "b");
});

test("slow: the writer waits, others do not, and what is committed is told", async () => {
  await using kept = await start();
  const client = await kept.client();
  const writer = await kept.client();
  await client.say("SET committed c");
  await client.say("DEBUG STORAGE-FAULT slow MILLISECONDS 200");
  writer.write("SET a b\r\n");
  await until("the commit is under way", () => kept.core.drill?.hits === 1);
  assert.equal(await client.say("GET committed"), "c");
  writer.expectNothingUnread();
  assert.deepEqual(await writer.readReply(), OK);
});

test("COUNT, SECONDS and PROBABILITY bound a fault", async () => {
  await using kept = await start();
  const client = await kept.client();
  await client.say("DEBUG STORAGE-FAULT refuse-commit COUNT 2");
  assert.deepEqual(await client.say("SET a 1"), STALLED);
  assert.deepEqual(await client.say("SET a 2"), STALLED);
  assert.deepEqual(await client.say("SET a 3"), OK);
  await until("it is over", () => kept.core.drill?.fault === null);

  await client.say("DEBUG STORAGE-FAULT no-space SECONDS 1");
  assert.match(textOf(await client.say("SET a 4")), /^MISCONF /);
  await until("it is over", () => kept.core.drill?.fault === null);
  assert.deepEqual(await client.say("SET a 5"), OK);
  assert.ok(kept.logged.some((line) => line.includes("no-space, is over")));

  await client.say("DEBUG STORAGE-FAULT refuse-commit PROBABILITY 0.5");
  const outcomes = { taken: 0, refused: 0 };
  for (let round = 0; round < 200; round++) {
    // oxlint-disable-next-line no-await-in-loop -- a commit each
    const reply = await client.say(`SET a ${round}`);
    if (reply instanceof ErrorReply) outcomes.refused++;
    else outcomes.taken++;
  }
  assert.ok(outcomes.taken > 60 && outcomes.refused > 60, JSON.stringify(outcomes));
  assert.equal(await info(client, "storage_fault_hits"), String(outcomes.refused));
});

test("what is on can be asked, and what makes no sense is refused", async () => {
  await using kept = await start();
  const client = await kept.client();
  await client.say("HELLO 3");
  await client.say("DEBUG STORAGE-FAULT slow MILLISECONDS 7 ON reads COUNT 9");
  const told = await client.say("DEBUG STORAGE-FAULT");
  assert.ok(told instanceof MapReply);
  assert.match(
    JSON.stringify(told),
    /"fault","slow","hits",0,.*"count",9,"milliseconds",7,"on","reads"/,
  );
  const words: readonly (readonly [string, RegExp])[] = [
    ["quiet", /^ERR unknown fault, try one of: stall /],
    ["off now", /^ERR unknown fault/],
    ["stall MILLISECONDS 5", /^ERR syntax error/],
    ["stall COUNT", /^ERR syntax error/],
    ["stall COUNT 0", /^ERR value is not an integer/],
    ["stall PROBABILITY 0", /^ERR the probability/],
    ["stall PROBABILITY 2", /^ERR the probability/],
    ["slow MILLISECONDS 0", /^ERR the time is out of range/],
    ["slow ON disk", /^ERR syntax error/],
    ["refuse-commit AS closed", /^ERR syntax error/],
  ];
  for (const [rest, expected] of words) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.match(textOf(await client.say(`DEBUG STORAGE-FAULT ${rest}`)), expected, rest);
  }
  assert.equal(kept.core.drill?.fault?.kind, "slow");
});

test("a server without enable-debug-command has no drills", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  assert.match(
    textOf(await client.say("DEBUG STORAGE-FAULT stall")),
    /^ERR DEBUG command not allowed/,
  );
  assert.equal(kept.core.drill, null);
  assert.deepEqual(await client.say("SET a b"), OK);
});

test("a server stops while a fault is on", async () => {
  await using kept = await start({ pipeline: { stallWaitMs: 60_000 } });
  const client = await kept.client();
  await client.say("DEBUG STORAGE-FAULT unknown-commit MILLISECONDS 600000");
  client.write("SET a b\r\n");
  await until("the doubt has begun", () => kept.core.pipeline.isInDoubt);
  await kept.stop();
  assert.deepEqual(kept.bugs, []);
});
