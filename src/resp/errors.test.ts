// The table of errors: every refusal of this room has its row, and the rows are fit to be printed.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as errors from "./errors.ts";
import { CommandError, ERROR_TABLE, ProtocolError, rowOf } from "./errors.ts";
import type { ErrorReply } from "./reply.ts";

test("every shared refusal has a row of its own", () => {
  let count = 0;
  for (const value of Object.values(errors)) {
    if (!(value instanceof CommandError)) continue;
    assert.equal(rowOf(value.reply.text)?.text, value.reply.text);
    count++;
  }
  assert.ok(count >= 9);
});

test("every refusal that is made up has its row", () => {
  const made: readonly (readonly [ErrorReply, string])[] = [
    [errors.wrongArity("get").reply, "ERR wrong number of arguments for '<command>' command"],
    [errors.invalidExpireTime("set").reply, "ERR invalid expire time in '<command>' command"],
    [errors.tryAgain("Write stall", 50), "TRYAGAIN <engine's words>; retry in <n> ms"],
    [errors.misconfigured("No space", "free some"), misconf()],
    [errors.readOnly("You can't write"), "READONLY <words>"],
    [errors.batchTooLarge("limit is 5"), "ERR write batch too large: <words>"],
    [errors.transactionDiscarded("Write stall", 50), discarded()],
    [errors.transactionDiscarded("previous errors", null), discarded()],
    [new ProtocolError("expected '$', got 'x'").reply, expectedDollar()],
  ];
  for (const [reply, text] of made) assert.equal(rowOf(reply.text)?.text, text);
  assert.equal(rowOf("ERR no such error"), null);
  assert.equal(rowOf("ERR syntax error!"), null);
});

function misconf(): string {
  return "MISCONF <engine's words>; <what the operator must do>";
}

function discarded(): string {
  return "EXECABORT Transaction discarded because of: <words>";
}

function expectedDollar(): string {
  return "ERR Protocol error: expected '$', got '<byte>'";
}

test("storage failures are worded as the design has them", () => {
  assert.equal(errors.tryAgain("Write stall", 50).text, "TRYAGAIN Write stall; retry in 50 ms");
  const whole = errors.transactionDiscarded("Write stall", 50).text;
  assert.equal(whole, "EXECABORT Transaction discarded because of: Write stall; retry in 50 ms");
});

test("the rows begin with their code, say something, and stand once", () => {
  const texts = new Set<string>();
  for (const { code, text, when, action } of ERROR_TABLE) {
    assert.ok(code === "(closed)" || text.startsWith(`${code} `), text);
    assert.ok(/^[A-Z].*\.$/.test(when), `${text}: ${when}`);
    assert.ok(/^[A-Z].*\.$/.test(action), `${text}: ${action}`);
    assert.ok(!texts.has(text), text);
    texts.add(text);
  }
});

test("a refusal is made without capturing a stack", () => {
  assert.ok(new CommandError("ERR x").stack?.includes("\n") === false);
  assert.ok(Error.stackTraceLimit > 0);
});
