// The watch of the event loop tells true turns: what holds the loop is in them, what waits is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { LoopWatch } from "@kept/rocksdb";

const LONG_MS = 10;

function turnEnd(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Works for so long, on the processor of this thread. */
function work(ms: number): void {
  const { user, system } = process.cpuUsage();
  for (;;) {
    const now = process.cpuUsage();
    if (now.user + now.system - user - system >= ms * 1000) return;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

test("a turn that holds the loop is told with its length and its end, once", async () => {
  const watch = new LoopWatch(LONG_MS);
  await turnEnd();
  watch.take();
  const before = process.hrtime.bigint();
  work(30);
  const after = process.hrtime.bigint();
  await turnEnd();
  await turnEnd();
  const { long, longestUs, longCount } = watch.take();
  const found = long.find(({ turnUs }) => turnUs >= 25_000);
  assert.ok(found !== undefined, JSON.stringify(long));
  const { endUs, turnUs, processorUs } = found;
  assert.ok(longestUs >= turnUs && longCount >= 1);
  assert.ok(processorUs >= 20_000, `${processorUs} us on a processor`);
  assert.ok(endUs >= Number(after / 1000n) && endUs - turnUs <= Number(before / 1000n));
  assert.ok(!watch.take().long.some((turn) => turn.endUs === endUs), "it was taken");
  watch.stop();
});

test("waiting for events is no turn, and turns are counted", async () => {
  const watch = new LoopWatch(LONG_MS);
  await turnEnd();
  const first = watch.take();
  await pause(200);
  await turnEnd();
  const second = watch.take();
  const passedUs = second.nowUs - first.nowUs;
  assert.ok(second.turnCount > first.turnCount);
  // Whatever the machine is busy with, the wait itself is left out.
  assert.ok(second.busyUs - first.busyUs < passedUs - 150_000, `${passedUs} us`);
  watch.stop();
});

test("a turn without a processor is long and says that it did not run", async () => {
  const watch = new LoopWatch(LONG_MS);
  await turnEnd();
  watch.take();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  await turnEnd();
  await turnEnd();
  const found = watch.take().long.find(({ turnUs }) => turnUs >= 45_000);
  assert.ok(found !== undefined);
  assert.ok(found.turnUs - found.processorUs >= 30_000, JSON.stringify(found));
  watch.stop();
});

test("a watch that was stopped says so, and can be stopped again", () => {
  const watch = new LoopWatch(LONG_MS);
  watch.stop();
  assert.throws(() => watch.take(), { code: "ERR_ROCKSDB_CLOSED" });
  watch.stop();
});

test("two watches do not take from each other", async () => {
  const one = new LoopWatch(LONG_MS);
  const other = new LoopWatch(1_000_000);
  await turnEnd();
  work(20);
  await turnEnd();
  await turnEnd();
  assert.ok(one.take().longCount >= 1);
  const { longCount, longestUs } = other.take();
  assert.equal(longCount, 0);
  assert.ok(longestUs >= 15_000);
  one.stop();
  other.stop();
});

test("no nonsense is taken for a length", () => {
  assert.throws(() => new LoopWatch(0), RangeError);
  assert.throws(() => new LoopWatch(Number.NaN), RangeError);
});

test("a thread that ends with a watch still running ends well", async () => {
  const index = import.meta.resolve("@kept/rocksdb");
  const program = `
    import { LoopWatch } from ${JSON.stringify(index)};
    globalThis.watch = new LoopWatch(10);
    new LoopWatch(10).stop();
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  const code = await new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", resolve);
  });
  assert.equal(code, 0);
});
