// Transactions on lists as applications write them: MULTI and EXEC, WATCH with what was read before,
// scripts, and single commands. A list is one of Redis's lists, a string with commas, or a stream.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, NullArray, type Reply } from "../../src/resp/reply.ts";
import { LostAnswer, type Writer } from "./caller.ts";

interface Plan {
  readonly key: string;
  /** Null reads. */
  readonly value: string | null;
}

const SLOTS = 4;
/** From here on a list is left alone and the next one begun, so that reads stay short. */
const LENGTH_MAX = 30;
const STEPS_MAX = 4;
const generations: number[] = Array.from({ length: SLOTS }, () => 0);

const SCRIPT = `local out = {}
for i = 1, #KEYS do
  local kind = string.sub(KEYS[i], 1, 1)
  local value = ARGV[i]
  if kind == "l" then
    if value == "" then out[i] = redis.call("LRANGE", KEYS[i], 0, -1)
    else out[i] = redis.call("RPUSH", KEYS[i], value) end
  elseif kind == "s" then
    if value == "" then out[i] = redis.call("GET", KEYS[i])
    else out[i] = redis.call("APPEND", KEYS[i], value .. ",") end
  else
    if value == "" then out[i] = redis.call("XRANGE", KEYS[i], "-", "+")
    else out[i] = redis.call("XADD", KEYS[i], "*", "v", value) end
  end
end
return out`;

export async function runList(writer: Writer): Promise<void> {
  const { random, caller, journal } = writer;
  if (!(await caller.connect())) return;
  const plan = planOf(writer);
  const id = journal.begin("list", plan);
  try {
    journal.end(id, await perform(writer, plan, random.below(4)));
  } catch (error) {
    if (!(error instanceof LostAnswer)) throw error;
  }
}

/** What each step gave: the values read, or null for an append; null when nothing was done. */
async function perform(
  { caller }: Writer,
  plan: readonly Plan[],
  way: number,
): Promise<(readonly string[] | null)[] | null> {
  const commands = plan.map(commandOf);
  const [first] = commands;
  if (first !== undefined && commands.length === 1 && way < 2) {
    const [reply] = await caller.run(first);
    return resultsOf(plan, reply instanceof ErrorReply ? reply : [reply ?? null]);
  }
  if (way === 0) {
    const args = plan.map(({ value }) => value ?? "");
    const keys = plan.map(({ key }) => key);
    const [reply] = await caller.run(["EVAL", SCRIPT, String(keys.length), ...keys, ...args]);
    return resultsOf(plan, reply);
  }
  if (way === 1) return await watched({ caller }, plan);
  const replies = await caller.run(["MULTI"], ...commands, ["EXEC"]);
  return resultsOf(plan, replies.at(-1));
}

/** Everything that is read is read before the MULTI, under WATCH; then the appends are made. */
async function watched({ caller }: Pick<Writer, "caller">, plan: readonly Plan[]) {
  const keys = plan.map(({ key }) => key);
  const reads = keys.map((key) => commandOf({ key, value: null }));
  const [, ...found] = await caller.run(["WATCH", ...keys], ...reads);
  const appends = plan.filter(({ value }) => value !== null);
  const replies = await caller.run(["MULTI"], ...appends.map(commandOf), ["EXEC"]);
  const last = replies.at(-1);
  if (last instanceof NullArray || isRefused(last)) return null;
  resultsOf(appends, last);
  const own = new Map<string, string[]>();
  return plan.map(({ key, value }, at) => {
    const mine = own.get(key) ?? [];
    if (value === null) return [...valuesOf(key, found[at]), ...mine];
    own.set(key, [...mine, value]);
    return null;
  });
}

function planOf(writer: Writer): Plan[] {
  const { random } = writer;
  return Array.from({ length: 1 + random.below(STEPS_MAX) }, () => {
    const slot = random.below(SLOTS);
    const kind = "lsx"[slot % 3] ?? "l";
    const key = `${kind}:${slot}:${generations[slot] ?? 0}`;
    const value = random.below(2) === 0 ? null : `${writer.name}_${writer.count++}`;
    return { key, value };
  });
}

function commandOf({ key, value }: Plan): readonly Bytes[] {
  switch (key.slice(0, 1)) {
    case "l":
      return value === null ? ["LRANGE", key, "0", "-1"] : ["RPUSH", key, value];
    case "s":
      return value === null ? ["GET", key] : ["APPEND", key, `${value},`];
    default:
      return value === null ? ["XRANGE", key, "-", "+"] : ["XADD", key, "*", "v", value];
  }
}

/** Null for what was refused as a whole: then nothing of it was done. */
function resultsOf(plan: readonly Plan[], reply: Reply | undefined) {
  if (isRefused(reply)) return null;
  assert.ok(Array.isArray(reply) && reply.length === plan.length, JSON.stringify(reply));
  return plan.map(({ key, value }, at) => {
    const one: Reply | undefined = reply[at];
    assert.ok(!(one instanceof ErrorReply), `half a transaction: ${JSON.stringify(reply)}`);
    return value === null ? valuesOf(key, one) : null;
  });
}

const REFUSED = /^(LOADING|MISCONF|TRYAGAIN|READONLY|EXECABORT|BUSY)/;

function isRefused(reply: Reply | undefined): boolean {
  if (!(reply instanceof ErrorReply)) return false;
  assert.match(reply.text, REFUSED);
  return true;
}

function valuesOf(key: string, reply: Reply | undefined): string[] {
  const values = parsed(key, reply);
  const slot = Number(key.split(":")[1]);
  const generation = Number(key.split(":")[2]);
  if (values.length >= LENGTH_MAX && generations[slot] === generation) {
    generations[slot] = generation + 1;
  }
  return values;
}

function parsed(key: string, reply: Reply | undefined): string[] {
  if (key.startsWith("s")) return typeof reply === "string" ? reply.split(",").slice(0, -1) : [];
  assert.ok(Array.isArray(reply), `${key}: ${JSON.stringify(reply)}`);
  if (key.startsWith("l")) return reply.map(String);
  return reply.map((entry: Reply) => {
    const fields = Array.isArray(entry) ? entry[1] : null;
    assert.ok(Array.isArray(fields));
    return String(fields[1]);
  });
}
