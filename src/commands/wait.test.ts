import assert from "node:assert/strict";
import { test } from "node:test";

import { CommandError } from "../resp/errors.ts";
import { parseTimeout } from "./wait.ts";

test("a timeout is seconds, perhaps with a fraction; too small to be told from nothing is not nothing", () => {
  const known: [string, number][] = [
    ["0", 0],
    ["1", 1000],
    ["1.5", 1500],
    ["0.0001", 1],
    ["0x10", 16_000],
    ["1e3", 1_000_000],
    ["-0.0001", 0],
    ["9223372036854", 9_223_372_036_854_000],
  ];
  for (const [text, expected] of known) {
    const milliseconds = parseTimeout(text);
    assert.ok(Object.is(milliseconds, expected), `${text}: ${milliseconds}`);
  }
});

test("what is no timeout is refused in Redis's words", () => {
  const known: [string, string][] = [
    ["", "ERR timeout is not a float or out of range"],
    [" 1", "ERR timeout is not a float or out of range"],
    ["nan", "ERR timeout is not a float or out of range"],
    ["-1", "ERR timeout is negative"],
    ["-inf", "ERR timeout is negative"],
    ["inf", "ERR timeout is out of range"],
    ["1e18", "ERR timeout is out of range"],
  ];
  for (const [text, words] of known) {
    assert.throws(
      () => parseTimeout(text),
      (error) => error instanceof CommandError && error.reply.text === words,
      text,
    );
  }
});
