// Operations on registers, by the commands, scripts and transactions that applications use for them.

import assert from "node:assert/strict";

import { ErrorReply, NullArray, Status, type Reply } from "../../src/resp/reply.ts";
import { LostAnswer, type Caller, type Writer } from "./caller.ts";
import type { RegisterStep } from "./register.ts";

const SLOTS = 3;
/** Operations of one process on a register before it turns to the next. */
const OPERATIONS_MAX = 25;
const used: { generation: number; count: number }[] = Array.from({ length: SLOTS }, () => ({
  generation: 0,
  count: 0,
}));

const SWAP = `if redis.call("GET", KEYS[1]) == ARGV[1] then
  redis.call("SET", KEYS[1], ARGV[2]) return 1 end return 0`;

export async function runRegister(writer: Writer): Promise<void> {
  const { random, caller, journal } = writer;
  if (!(await caller.connect())) return;
  const slot = random.below(SLOTS);
  const use = used[slot];
  assert.ok(use !== undefined);
  if (++use.count > OPERATIONS_MAX) {
    use.count = 0;
    use.generation++;
  }
  const key = `r:${slot}:${use.generation}`;
  const step = stepOf(writer);
  const id = journal.begin("register", { key, step });
  try {
    journal.end(id, await perform(caller, key, { step, isWatched: random.below(2) === 0 }));
  } catch (error) {
    if (!(error instanceof LostAnswer)) throw error;
  }
}

/** Few values, so that swaps hit; still each write is telling among its neighbours. */
function stepOf({ random }: Writer): RegisterStep {
  const value = () => `v${random.below(6)}`;
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return { kind: "read" };
    case 3:
      return { kind: "write", value: value() };
    case 4:
      return { kind: "exchange", value: value() };
    case 5:
      return { kind: "delete" };
    case 6:
      return { kind: "swap", from: value(), to: value() };
    default:
      return { kind: "extend" };
  }
}

/** [result], or null when it certainly did nothing. */
async function perform(
  caller: Caller,
  key: string,
  { step, isWatched }: { step: RegisterStep; isWatched: boolean },
): Promise<[string | null] | null> {
  switch (step.kind) {
    case "read":
      return plain(await caller.run(["GET", key]));
    case "write":
      return plain(await caller.run(["SET", key, step.value]));
    case "exchange":
      return plain(await caller.run(["SET", key, step.value, "GET"]));
    case "delete":
      return plain(await caller.run(["DEL", key]));
    case "extend":
      return plain(await caller.run(["APPEND", key, "+"]));
    case "swap":
      if (isWatched) return await watchedSwap(caller, key, step);
      return plain(await caller.run(["EVAL", SWAP, "1", key, step.from, step.to]));
    default:
      return step satisfies never;
  }
}

async function watchedSwap(
  caller: Caller,
  key: string,
  { from, to }: { from: string; to: string },
): Promise<[string | null] | null> {
  const [, found] = await caller.run(["WATCH", key], ["GET", key]);
  if (found !== from) {
    await caller.run(["UNWATCH"]);
    return ["0"];
  }
  const replies = await caller.run(["MULTI"], ["SET", key, to], ["EXEC"]);
  const last = replies.at(-1);
  if (last instanceof NullArray) return null;
  if (last instanceof ErrorReply) return plain([last]);
  return ["1"];
}

const REFUSED = /^(LOADING|MISCONF|TRYAGAIN|READONLY|EXECABORT|BUSY)/;

function plain([reply]: readonly Reply[]): [string | null] | null {
  if (reply instanceof ErrorReply) {
    assert.match(reply.text, REFUSED);
    return null;
  }
  if (reply instanceof Status) return [reply.text];
  if (typeof reply === "string" || typeof reply === "number") return [String(reply)];
  assert.equal(reply, null);
  return [null];
}
