// What the bench understands, and what it says of what it does not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BadArguments, peerOf, planOf } from "./plan.ts";

test("without arguments everything is measured, and nothing is written", () => {
  const plan = planOf([]);
  assert.ok(plan !== null);
  assert.ok(plan.tests.length > 15);
  assert.deepEqual(plan.pipelines, [1, 16, 64]);
  const { fsync, memory, write, peers, flushPeers } = plan;
  assert.deepEqual({ fsync, memory, write }, { fsync: true, memory: true, write: false });
  assert.deepEqual({ peers, flushPeers }, { peers: [], flushPeers: false });
});

test("--peer may be given again, with a password, and names IPv6 in brackets", () => {
  const plan = planOf(["--peer", "[::1]:7000", "--peer=redis://me:p%40ss@db.example:6380/"]);
  assert.deepEqual(plan?.peers, [
    { host: "::1", port: 7000, user: null, password: null },
    { host: "db.example", port: 6380, user: "me", password: "p@ss" },
  ]);
  assert.equal(planOf(["--flush-peer"])?.flushPeers, true);
});

for (const address of ["7000", "host", "host:", "host:0", "host:70000", "http://a:1", "a:1/2"]) {
  test(`'${address}' is no peer`, () => {
    assert.throws(() => peerOf(address), BadArguments);
  });
}

test("the password of a mistyped peer is not repeated", () => {
  assert.throws(
    () => peerOf("redis://me:secret@host"),
    (error) => error instanceof BadArguments && !error.message.includes("secret"),
  );
});

const WRONG: readonly (readonly [string[], RegExp])[] = [
  [["--tests", "set,gte"], /there is no test 'gte'; there are set, get/],
  [["--pipelines", "1,x"], /--pipelines: 'x' is no whole number/],
  [["--pipelines", ""], /--pipelines: '' is no whole number/],
  [["--rounds", "0"], /--rounds: '0' is no whole number/],
  [["--seconds", "-1"], /'--seconds' argument is ambiguous/],
  [["--seconds", "0"], /--seconds: '0' is no number above 0/],
  [["--fast"], /Unknown option '--fast'/],
  [["set"], /Unexpected argument 'set'/],
];

for (const [args, words] of WRONG) {
  test(`${args.join(" ")} is refused, and it is said why`, () => {
    assert.throws(
      () => planOf(args),
      (error) => error instanceof BadArguments && words.test(error.message),
    );
  });
}

test("--help asks for the usage", () => {
  assert.equal(planOf(["--help"]), null);
});
