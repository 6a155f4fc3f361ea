// Tells random programs to Kept and to Debian's redis-server and compares every reply. A difference is
// shrunk to the fewest commands that still show it.

import { connect } from "node:net";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { format, quoted } from "../conversations/notation.ts";
import { WireTarget } from "../conversations/wire.ts";
import type { Family } from "./families.ts";
import { ScriptWriter } from "./lua.ts";
import { reasonFor, type Difference } from "./known.ts";
import { normal } from "./normal.ts";
import { PROGRAM_LENGTH, programOf, type Command, type Program } from "./program.ts";

export interface Endpoints {
  readonly kept: WireTarget;
  readonly redis: WireTarget;
}

export interface Found extends Difference {
  readonly program: Program;
}

export interface Summary {
  readonly commands: number;
  readonly programs: number;
  readonly found: readonly Found[];
  /** How often each known difference was met. */
  readonly known: ReadonlyMap<string, number>;
}

interface FuzzOptions {
  readonly families: readonly Family[];
  readonly commands: number;
  readonly seed: number;
  /** Different differences, by command and kind of reply, before it stops. */
  readonly foundMax: number;
  readonly onFound?: (found: Found) => void;
}

const SHRINK_RUNS_MAX = 300;

export function connectTo(port: number): WireTarget {
  return new WireTarget(connect({ port, host: "127.0.0.1", noDelay: true }));
}

export async function fuzz(endpoints: Endpoints, options: FuzzOptions): Promise<Summary> {
  const known = new Map<string, number>();
  const found = new Map<string, Found>();
  const programs = Math.ceil(options.commands / PROGRAM_LENGTH);
  let done = 0;
  for (; done < programs && found.size < options.foundMax; done++) {
    const program = programOf(options.seed + done, options.families);
    // oxlint-disable-next-line no-await-in-loop -- one program after the other is the point
    const difference = await firstDifference(endpoints, program, known);
    if (difference === null) continue;
    const signature = signatureOf(difference);
    if (found.has(signature)) continue;
    // oxlint-disable-next-line no-await-in-loop -- the same
    const least = await shrink(endpoints, { ...difference, program });
    found.set(signature, least);
    options.onFound?.(least);
  }
  return { commands: done * PROGRAM_LENGTH, programs: done, found: [...found.values()], known };
}

/** Where the two first say different things; null when they agree, but for what is known. */
async function firstDifference(
  endpoints: Endpoints,
  program: Program,
  known: Map<string, number>,
): Promise<Difference | null> {
  const [kept, redis] = await Promise.all([
    told(endpoints.kept, program),
    told(endpoints.redis, program),
  ]);
  const differences = compare(program.commands, kept, redis);
  for (const difference of differences) {
    const reason = reasonFor(difference);
    if (reason === undefined) return difference;
    known.set(reason.what, (known.get(reason.what) ?? 0) + 1);
    // The two may hold different data from here on.
    if (reason.ends) return null;
  }
  return null;
}

async function told(target: WireTarget, program: Program): Promise<Reply[]> {
  const before = [["RESET"], ["HELLO", program.protocol], ["FLUSHALL"]];
  if (program.hasScripts) before.push(["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"]);
  const all = [...before, ...program.commands].map((command) => target.send(command));
  return (await Promise.all(all)).slice(before.length);
}

function* compare(
  commands: readonly Command[],
  kept: readonly Reply[],
  redis: readonly Reply[],
): Generator<Difference> {
  let queue: Command[] = [];
  for (const [index, args] of commands.entries()) {
    const ours = kept[index] ?? null;
    const theirs = redis[index] ?? null;
    const isExec = (args[0] ?? "").toUpperCase() === "EXEC";
    if (isExec && Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length) {
      yield* compareElements(queue, ours, theirs);
    } else yield* compareOne(args, ours, theirs);
    if (format(theirs) === "QUEUED") queue.push(args);
    else if (!(theirs instanceof ErrorReply) || isExec) queue = [];
  }
}

function* compareElements(
  queue: readonly Command[],
  kept: readonly Reply[],
  redis: readonly Reply[],
): Generator<Difference> {
  for (const [at, args] of queue.entries()) {
    yield* compareOne(args, kept[at] ?? null, redis[at] ?? null);
  }
}

function* compareOne(args: Command, kept: Reply, redis: Reply): Generator<Difference> {
  const ours = normal(args, kept);
  const theirs = normal(args, redis);
  if (ours !== theirs) yield { args, kept: ours, redis: theirs };
}

/** Leaves out commands, many at a time and then one by one, then lines of scripts, while it differs. */
async function shrink(endpoints: Endpoints, found: Found): Promise<Found> {
  let least = found;
  let runs = 0;
  const isLess = async (commands: readonly Command[]): Promise<boolean> => {
    runs++;
    const program = { ...least.program, commands };
    const difference = await firstDifference(endpoints, program, new Map());
    if (difference === null || signatureOf(difference) !== signatureOf(found)) return false;
    least = { ...difference, program };
    return true;
  };
  for (let size = Math.floor(found.program.commands.length / 2); size >= 1;) {
    let hasShrunk = false;
    for (let at = 0; at < least.program.commands.length && runs < SHRINK_RUNS_MAX;) {
      const { commands } = least.program;
      // oxlint-disable-next-line no-await-in-loop -- each attempt rests on the one before
      if (await isLess([...commands.slice(0, at), ...commands.slice(at + size)])) hasShrunk = true;
      else at += size;
    }
    if (size > 1) size = Math.floor(size / 2);
    else if (!hasShrunk || runs >= SHRINK_RUNS_MAX) break;
  }
  for (let number = 0; number < least.program.commands.length; number++) {
    for (let line = 1; line < linesOf(least, number).length && runs < 2 * SHRINK_RUNS_MAX;) {
      const fewer = linesOf(least, number).toSpliced(line, 1).join("\n");
      const words = least.program.commands[number] ?? [];
      const command = words.map((word) => (word.includes("\n") ? fewer : word));
      // oxlint-disable-next-line no-await-in-loop -- each attempt rests on the one before
      if (!(await isLess(least.program.commands.with(number, command)))) line++;
    }
  }
  return least;
}

function linesOf({ program }: Found, number: number): string[] {
  return (program.commands[number] ?? []).find((word) => word.includes("\n"))?.split("\n") ?? [];
}

const DIGITS = /[0-9a-f]{8,}|-?\d+/g;

/** Differences with the same signature are taken for one. */
function signatureOf({ args, kept, redis }: Difference): string {
  const kind = (text: string): string =>
    text.startsWith("-") ? text : (/^[^\d ]*/.exec(text)?.[0] ?? "");
  const name = (args[0] ?? "").toUpperCase();
  if (!SCRIPTS.test(name)) return `${name} ${kind(kept).slice(0, 40)} ${kind(redis).slice(0, 40)}`;
  let same = 0;
  while (same < kept.length && kept[same] === redis[same]) same++;
  const from = (text: string): string => text.slice(same, same + 40).replaceAll(DIGITS, "");
  return `script ${from(kept)} ${from(redis)}`;
}

const SCRIPTS = /^(?:EVAL|FCALL|FUNCTION)/;

export function describe({ args, kept, redis, program }: Found): string {
  const say = (command: readonly Bytes[]): string =>
    command.map((word) => quoted(word.replace(ScriptWriter.helpers, "--helpers"))).join(" ");
  return [
    `seed ${program.seed}, RESP${program.protocol}:`,
    ...program.commands.map((command) => `  > ${say(command)}`),
    `  differs at: ${say(args)}`,
    `    Kept:  ${kept.slice(0, 400)}`,
    `    Redis: ${redis.slice(0, 400)}`,
  ].join("\n");
}
