// What the clients of the simulation say: operations on the logs, as commands, transactions, scripts
// and functions; random commands of all families (those of the differential fuzzer and some more);
// waits, messages, pauses, silence.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { ATOMS, FAMILIES } from "../differential/families.ts";
import { fill, pick, template, type Template } from "../differential/template.ts";
import { commandOf, randomSteps } from "./logs.ts";
import { CHANNEL } from "./messages.ts";
import { operationOf, type Operation, type Sentence } from "./operation.ts";

export interface Flavour {
  /** Scripts and functions: not together with read errors, which end them half-way. */
  readonly hasScripts: boolean;
  /** FLUSHALL, FLUSHDB, SWAPDB: then the logs cannot be judged. */
  readonly hasFlushes: boolean;
}

export interface Moment {
  readonly random: Random;
  /** Unique to the operation, whatever other steps do. */
  readonly id: number;
  readonly nowMs: number;
  readonly flavour: Flavour;
}

/** Runs the commands in ARGV, each behind the number of its words; errors become answers. */
const RUN_ALL = `local out, i = {}, 1
while i <= #ARGV do
  local n, words = tonumber(ARGV[i]), {}
  for j = 1, n do words[j] = ARGV[i + j] end
  out[#out + 1] = redis.pcall(unpack(words))
  i = i + n + 1
end
return out`;
export const LIBRARY = `#!lua name=simulation
redis.register_function("run_all", function(KEYS, ARGV) ${RUN_ALL} end)`;

/** Chosen by chance, or told of what is not compared: what they leave differs from run to run. */
const LEFT_OUT =
  /^(?:HLEN|SPOP|RANDOMKEY|NOSUCH|SELECT|UNWATCH|WATCH|OBJECT|DBSIZE|RESTORE|CLIENT|PUBSUB)$/;
const FLUSHES = /^(?:FLUSHDB|FLUSHALL|SWAPDB)$/;
const MOST = FAMILIES.flatMap(({ keys, templates }) =>
  templates.filter(({ name }) => !LEFT_OUT.test(name)).map((one) => ({ keys, template: one })),
);
const OWN_KEYS = ["s1", "h1", "h2", "set1", "z1", "l1", "l2", "x1", "none"];
const MORE = [
  "PEXPIRE $k $soon",
  "SET $k $v PX $soon",
  "GETEX $k PX $soon",
  "PEXPIREAT $k $about",
  "HPEXPIRE h1 $soon FIELDS 2 f1 f2",
  "HPTTL h1 FIELDS 1 f1",
  "HPERSIST h1 FIELDS 1 f1",
  "HGETALL h1",
  "PTTL $k",
  "MSET s1 $v s2 $long",
  "APPEND s1 $long",
  "DUMP $k",
].map((text) => template(text));

const MORE_ATOMS = {
  ...ATOMS,
  soon: ({ random }: { random: Random }) => String(1 + random.below(200)),
  long: ({ random }: { random: Random }) => "x".repeat(random.below(600)),
};

export function randomCommand({ random, nowMs, flavour }: Moment): Bytes[] {
  for (;;) {
    const words = anyCommand(random, nowMs);
    if (flavour.hasFlushes || !FLUSHES.test(words[0] ?? "")) return words;
  }
}

function anyCommand(random: Random, nowMs: number): Bytes[] {
  const about = (): Bytes => String(nowMs + random.below(300) - 50);
  if (random.below(4) === 0) return filled(pick(random, MORE), random, { own: OWN_KEYS, about });
  const { keys, template: chosen } = pick(random, MOST);
  return filled(chosen, random, { own: keys, about });
}

function filled(
  chosen: Template,
  random: Random,
  { own, about }: { own: readonly Bytes[]; about: () => Bytes },
): Bytes[] {
  return fill(chosen, { ...MORE_ATOMS, about }, { random, own });
}

const isBlocking = (args: readonly Bytes[]): boolean => /^(?:B[LRZ]|XREAD)/.test(args[0] ?? "");

/** A command, or several in a transaction, of any family. */
export function randomOperation(moment: Moment): Operation {
  const { random, id } = moment;
  if (random.below(3) > 0) {
    const args = randomCommand(moment);
    return operationOf(id, [{ args }], { mayBlock: isBlocking(args) });
  }
  const commands: Bytes[][] = [];
  for (let left = 1 + random.below(4); left > 0; left--) commands.push(randomCommand(moment));
  if (moment.flavour.hasScripts && random.below(3) === 0) {
    // A script may not run what a script may not; it then answers so, and goes on.
    return operationOf(id, [{ args: scriptOf(random, commands) }]);
  }
  const watched = random.below(3) === 0 ? ["WATCH", "s1", "h1", "l1"] : null;
  return operationOf(id, transactionOf(commands, watched), { queuedCount: commands.length });
}

function transactionOf(
  commands: readonly (readonly Bytes[])[],
  watched: readonly Bytes[] | null,
): Sentence[] {
  const sentences: Sentence[] = watched === null ? [] : [{ args: watched }];
  sentences.push({ args: ["MULTI"] });
  for (const args of commands) sentences.push({ args });
  sentences.push({ args: ["EXEC"] });
  return sentences;
}

function scriptOf(random: Random, commands: readonly (readonly Bytes[])[]): Bytes[] {
  const argv = commands.flatMap((words) => [String(words.length), ...words]);
  return random.below(2) === 0
    ? ["EVAL", RUN_ALL, "0", ...argv]
    : ["FCALL", "run_all", "0", ...argv];
}

/** Adds to logs and reads them, in one of the ways there are to do several things at once. */
export function logOperation(moment: Moment): Operation {
  const { random, id, flavour } = moment;
  const roll = random.below(flavour.hasScripts ? 8 : 6);
  const steps = randomSteps(random, id, roll < 3 ? 1 : 1 + random.below(4));
  const commands = steps.map(commandOf);
  if (roll < 3) return operationOf(id, [{ args: commands[0] ?? [] }], { steps });
  if (roll >= 6) return operationOf(id, [{ args: scriptOf(random, commands) }], { steps });
  const watched = random.below(4) === 0 ? ["WATCH", "log:list:a", "log:hash:a"] : null;
  // A command that fails among the others: it leaves nothing, and they go on.
  const fails = random.below(4) === 0 ? [["SETRANGE", "log:string:a", "-1", "x"]] : [];
  const message = random.below(4) === 0 ? `m${id}` : null;
  const sends = message === null ? [] : [["PUBLISH", CHANNEL, message]];
  const all = [...commands, ...sends, ...fails];
  return operationOf(id, transactionOf(all, watched), {
    steps,
    message,
    queuedCount: all.length,
  });
}

/** A transaction that may be tried again and counts once. */
export function onceOperation(id: number, token: Bytes): Operation {
  const steps = [{ key: "log:list:a", value: `once.${token}` }];
  const commands = [["ONCE", token], ...steps.map(commandOf)];
  return operationOf(id, transactionOf(commands, null), {
    steps,
    token,
    queuedCount: commands.length,
  });
}

/** Changes, lists and calls a library that nobody else needs: libraries are data. */
function libraryOperation({ random, id }: Moment): Operation {
  const register = `redis.register_function("extra", function() return "${id}" end)`;
  const commands = [
    ["FUNCTION", "LOAD", "REPLACE", `#!lua name=extra\n${register}`],
    ["FUNCTION", "LOAD", `#!lua name=extra\n${register}`],
    ["FUNCTION", "LOAD", "REPLACE", `#!lua name=extra\n${register}\nerror("no")`],
    ["FUNCTION", "DELETE", "extra"],
    ["FUNCTION", "LIST", "LIBRARYNAME", "extra", "WITHCODE"],
    ["FCALL", "extra", "0"],
    ["FCALL", "extra", "0"],
  ];
  if (random.below(2) === 0) return operationOf(id, [{ args: pick(random, commands) }]);
  const several = [pick(random, commands), pick(random, commands), ["SET", "s1", `extra ${id}`]];
  return operationOf(id, transactionOf(several, null), { queuedCount: several.length });
}

/** Waits until what the client has written is safe from the death of the machine. */
export function waitOperation(id: number): Operation {
  return operationOf(id, [{ args: ["WAITAOF", "1", "0", "400"] }], { mayBlock: true });
}

/** Things that a client says now and then, with the number of replies that are due. */
export function rareOperation(moment: Moment): Operation {
  const { random, id, flavour } = moment;
  if (flavour.hasScripts && random.below(3) === 0) return libraryOperation(moment);
  const value = `v${id}.0`;
  const step = { key: "log:list:b", value };
  const roll = random.below(14);
  if (roll < 3) {
    const silence: Sentence[] = [{ args: ["CLIENT", "REPLY", "OFF"], replyCount: 0 }];
    silence.push({ args: commandOf(step), replyCount: 0 }, { args: ["CLIENT", "REPLY", "ON"] });
    return operationOf(id, silence, { steps: [step] });
  }
  if (roll < 5) {
    const sentences = [
      { args: ["CLIENT", "REPLY", "SKIP"], replyCount: 0 },
      { args: commandOf(step), replyCount: 0 },
    ];
    return operationOf(id, sentences, { steps: [step] });
  }
  if (roll < 8) return waitOperation(id);
  if (roll < 10) {
    const message = `m${id}`;
    return operationOf(id, [{ args: ["PUBLISH", CHANNEL, message] }], { message });
  }
  const line = pick(random, [
    "CLIENT PAUSE 40 WRITE",
    "CLIENT PAUSE 40 ALL",
    "CLIENT UNPAUSE",
    "BGSAVE",
    "PING",
    "SCRIPT FLUSH",
    "CLIENT NO-TOUCH ON",
  ]);
  return operationOf(id, [{ args: line.split(" ") }], { mayBlock: true });
}

/** Waits for a key; whoever it is, somebody may have to end the wait. */
export function blockingOperation({ random, id }: Moment): Operation {
  const line = pick(random, [
    "BLPOP l1 l2 0",
    "BRPOP l2 0.05",
    "BLMOVE l1 l2 LEFT RIGHT 0.1",
    "BZPOPMIN z1 z2 0",
    "BLMPOP 0 2 l1 l2 LEFT COUNT 2",
    "XREAD BLOCK 50 STREAMS x1 9-0",
    "BZMPOP 0.05 1 z1 MAX",
  ]);
  return operationOf(id, [{ args: line.split(" ") }], { mayBlock: true });
}
