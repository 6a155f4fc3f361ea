import assert from "node:assert/strict";
import { test } from "node:test";

import { Slowlog } from "./slowlog.ts";

function call(...args: string[]) {
  return { atSeconds: 1, microseconds: 2, args, address: "a:1", clientName: "" };
}

test("the newest come first, and only as many as the log may hold", () => {
  const log = new Slowlog(3);
  for (let index = 0; index < 10; index++) log.add(call(String(index)));
  assert.equal(log.length, 3);
  assert.deepEqual(
    log.newest(10).map(({ id, args }) => [id, args[0]]),
    [
      [9, "9"],
      [8, "8"],
      [7, "7"],
    ],
  );
  assert.equal(log.newest(1).length, 1);
  assert.deepEqual(log.newest(0), []);
});

test("a log made shorter shows less, one of no length nothing", () => {
  const log = new Slowlog(10);
  for (let index = 0; index < 10; index++) log.add(call(String(index)));
  log.lengthMax = 2;
  assert.equal(log.newest(100).length, 2);
  log.lengthMax = 0;
  log.add(call("x"));
  assert.equal(log.length, 0);
  assert.deepEqual(log.newest(100), []);
});

test("32 arguments of 128 bytes are kept whole; one more of either is cut", () => {
  const log = new Slowlog(10);
  log.add(call(...Array.from({ length: 32 }, () => "x".repeat(128))));
  log.add(call(...Array.from({ length: 33 }, () => "y"), "z".repeat(129)));
  const [cut, whole] = log.newest(2);
  assert.ok(whole?.args.length === 32 && whole.args.every((arg) => arg.length === 128));
  assert.equal(cut?.args.length, 32);
  assert.equal(cut.args[31], "... (3 more arguments)");
  log.add(call("z".repeat(129)));
  assert.deepEqual(log.newest(1)[0]?.args, [`${"z".repeat(128)}... (1 more bytes)`]);
});

test("numbers go on after the log is emptied", () => {
  const log = new Slowlog(10);
  log.add(call("a"));
  log.clear();
  assert.equal(log.length, 0);
  log.add(call("b"));
  assert.equal(log.newest(1)[0]?.id, 1);
});
