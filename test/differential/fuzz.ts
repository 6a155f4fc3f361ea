// Tells random programs to Kept and to Debian's redis-server and compares every reply. A difference is
// shrunk to the fewest commands that still show it.

import { connect } from "node:net";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { format, quoted } from "../conversations/notation.ts";
import { WireTarget } from "../conversations/wire.ts";
import { crossed } from "./cross.ts";
import type { Family } from "./families.ts";
import { ScriptWriter } from "./lua.ts";
import { reasonsFor, type Difference, type Known } from "./known.ts";
import { normal } from "./normal.ts";
import { isOfSecond, tellTwo, wordsOf, type Trio } from "./pair.ts";
import { PROGRAM_LENGTH, programOf, type Command, type Program } from "./program.ts";

export interface Endpoints {
  readonly kept: WireTarget;
  readonly redis: WireTarget;
  /** For programs of two connections; without them only the first connection is told. */
  readonly trios?: { readonly kept: Trio; readonly redis: Trio };
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
/** What the servers hold is compared after one program in so many. */
const CROSSED_EACH = 24;

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
    const difference = await firstDifference(endpoints, program, known).catch((error: unknown) => {
      throw new Error(`seed ${program.seed} ends a server`, { cause: error });
    });
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
    told(endpoints.kept, program, endpoints.trios?.kept),
    told(endpoints.redis, program, endpoints.trios?.redis),
  ]);
  const differences = compare(program.commands, kept, redis);
  for (const difference of differences) {
    // oxlint-disable-next-line no-await-in-loop -- few have to be proved
    const reason = await trueReason(endpoints, program, difference);
    if (reason === null) return difference;
    known.set(reason.what, (known.get(reason.what) ?? 0) + 1);
    // The two may hold different data from here on.
    if (reason.ends) return null;
  }
  if (program.seed % CROSSED_EACH !== 0) return null;
  const crossing = await crossed(endpoints, program.hasScripts);
  if (crossing === null) return null;
  const difference = { ...crossing, before: program.commands.map(wordsOf), after: [] };
  const reason = await trueReason(endpoints, program, difference);
  if (reason === null) return difference;
  known.set(reason.what, (known.get(reason.what) ?? 0) + 1);
  return null;
}

async function trueReason(
  endpoints: Endpoints,
  program: Program,
  difference: Difference,
): Promise<Known | null> {
  for (const reason of reasonsFor(difference)) {
    // oxlint-disable-next-line no-await-in-loop -- most have one
    if (await isTrue(endpoints, program, { reason, difference })) return reason;
  }
  return null;
}

/**
 * Whether the reason holds, where it is about what there was: the program is told again up to that moment. Inside an
 * EXEC that is the state before it, or else the state behind it; likewise with an earlier moment.
 */
async function isTrue(
  { kept, trios }: Endpoints,
  program: Program,
  { reason, difference }: { readonly reason: Known; readonly difference: Difference },
): Promise<boolean> {
  const { isProved } = reason;
  if (isProved === undefined) return true;
  const length = reason.momentOf?.(difference) ?? difference.before.length;
  for (const end of [length, length + 1]) {
    // oxlint-disable no-await-in-loop -- one after the other
    await told(kept, { ...program, commands: program.commands.slice(0, end) }, trios?.kept);
    await kept.send(["DISCARD"]);
    if (await isProved(kept, difference)) return true;
    // oxlint-enable no-await-in-loop
  }
  return false;
}

async function told(target: WireTarget, program: Program, trio?: Trio): Promise<Reply[]> {
  const before = [["RESET"], ["HELLO", program.protocol], ["FLUSHALL"]];
  if (program.hasScripts) before.push(["SCRIPT", "FLUSH"], ["FUNCTION", "FLUSH"]);
  if (program.isForTwo) {
    if (trio === undefined) return [];
    const { second } = trio;
    for (const one of [...before.map((words) => target.send(words)), second.send(["RESET"])]) {
      // oxlint-disable-next-line no-await-in-loop -- a few
      await one;
    }
    await second.send(["HELLO", program.protocol]);
    return await tellTwo(trio, program.commands);
  }
  const all = [...before, ...program.commands].map((command) => target.send(command));
  return (await Promise.all(all)).slice(before.length);
}

function* compare(
  commands: readonly Command[],
  kept: readonly Reply[],
  redis: readonly Reply[],
): Generator<Difference> {
  const words = commands.map(wordsOf);
  const queues: [Command[], Command[]] = [[], []];
  for (const [index, args] of words.entries()) {
    const who = isOfSecond(commands[index] ?? []) ? 1 : 0;
    const queue = queues[who];
    const [ours = null, theirs = null] = [kept[index], redis[index]];
    const [before, after] = [words.slice(0, index), words.slice(index + 1)];
    const isExec = (args[0] ?? "").toUpperCase() === "EXEC";
    if (isExec && areAlike(ours, theirs)) {
      for (const [at, queued] of queue.entries()) {
        yield* compareOne({ args: queued, before, after, ...elementsAt(ours, theirs, at) });
      }
    } else yield* compareOne({ args, before, after, ours, theirs });
    if (format(theirs) === "QUEUED") queue.push(args);
    else if (!(theirs instanceof ErrorReply) || isExec) queues[who] = [];
  }
}

function areAlike(ours: Reply, theirs: Reply): boolean {
  return Array.isArray(ours) && Array.isArray(theirs) && ours.length === theirs.length;
}

function elementsAt(ours: Reply, theirs: Reply, at: number): { ours: Reply; theirs: Reply } {
  const elementOf = (reply: Reply): Reply => (Array.isArray(reply) ? (reply[at] ?? null) : null);
  return { ours: elementOf(ours), theirs: elementOf(theirs) };
}

interface Pair {
  readonly args: Command;
  readonly before: readonly Command[];
  readonly after: readonly Command[];
  readonly ours: Reply;
  readonly theirs: Reply;
}

function* compareOne({ args, before, after, ours, theirs }: Pair): Generator<Difference> {
  const kept = normal(args, ours);
  const redis = normal(args, theirs);
  if (kept !== redis) yield { args, before, after, kept, redis };
}

/** Looks for less that still differs in the same way. */
class Shrinking {
  readonly #endpoints: Endpoints;
  readonly #signature: string;
  least: Found;
  #runsLeft = SHRINK_RUNS_MAX;

  constructor(endpoints: Endpoints, found: Found) {
    this.#endpoints = endpoints;
    this.#signature = signatureOf(found);
    this.least = found;
  }

  get #commands(): readonly Command[] {
    return this.least.program.commands;
  }

  async #isEnough(commands: readonly Command[]): Promise<boolean> {
    this.#runsLeft--;
    const program = { ...this.least.program, commands };
    const difference = await firstDifference(this.#endpoints, program, new Map());
    if (difference === null || signatureOf(difference) !== this.#signature) return false;
    this.least = { ...difference, program };
    return true;
  }

  /** Leaves out `size` commands at a time; true if any could be. */
  async dropCommands(size: number): Promise<boolean> {
    let hasShrunk = false;
    for (let at = 0; at < this.#commands.length && this.#runsLeft > 0;) {
      const fewer = [...this.#commands.slice(0, at), ...this.#commands.slice(at + size)];
      // oxlint-disable-next-line no-await-in-loop -- each attempt rests on the one before
      if (await this.#isEnough(fewer)) hasShrunk = true;
      else at += size;
    }
    return hasShrunk && this.#runsLeft > 0;
  }

  /** Leaves out lines of the scripts. */
  async dropLines(): Promise<void> {
    this.#runsLeft = SHRINK_RUNS_MAX;
    for (let number = 0; number < this.#commands.length; number++) {
      for (let line = 1; line < linesOf(this.least, number).length && this.#runsLeft > 0;) {
        const fewer = linesOf(this.least, number).toSpliced(line, 1).join("\n");
        const words = this.#commands[number] ?? [];
        const command = words.map((word) => (word.includes("\n") ? fewer : word));
        // oxlint-disable-next-line no-await-in-loop -- each attempt rests on the one before
        if (!(await this.#isEnough(this.#commands.with(number, command)))) line++;
      }
    }
  }
}

/** Leaves out commands, many at a time and then one by one, then lines of scripts. */
async function shrink(endpoints: Endpoints, found: Found): Promise<Found> {
  const shrinking = new Shrinking(endpoints, found);
  let size = Math.floor(found.program.commands.length / 2);
  // oxlint-disable-next-line no-await-in-loop -- each attempt rests on the one before
  for (; size > 1; size = Math.floor(size / 2)) await shrinking.dropCommands(size);
  // oxlint-disable-next-line no-await-in-loop -- the same
  while (await shrinking.dropCommands(1)) {
    // Until nothing more can go.
  }
  await shrinking.dropLines();
  return shrinking.least;
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
