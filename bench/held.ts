// What holds the event loop, case by case: one server, and for each case the longest turn of its loop as
// INFO and the log tell it, with what of it had a processor, and what ran in it.
//
//   node build/bench/latency.js --data DIR --fill              fills DIR/kept: small keys, large collections
//   node build/bench/held.js --data DIR [--only words] [--from words] [--rounds 3] [--list] [-- settings of the server]
//
// The data are copied, so the cases may do with them what they like. A case that changes them is run
// once; the others so many rounds. A turn counts by the processor time in it: what the machine has taken away is
// no work of the server.

import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

import { copied } from "./copied.ts";
import { CASES, type HeldCase } from "./held-cases.ts";
import { Talker } from "./held-client.ts";
import { print } from "./measure.ts";
import { startKeptOn, type Target } from "./server-process.ts";

/** The monitor looks at its watch ten times a second; replies may take a moment longer to leave. */
const SETTLE_MS = 300;
const LONG_MS = 10;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    only: { type: "string", default: "" },
    from: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    list: { type: "boolean", default: false },
  },
});

interface LongTurn {
  readonly turnMs: number;
  readonly processorMs: number;
  readonly words: string;
}

interface Round {
  readonly longestMs: number;
  readonly turns: readonly LongTurn[];
}

/** The lines that a server with `loglevel verbose` writes of long turns, from a place in its log on. */
function longTurns(log: string, from: number): LongTurn[] {
  const turns: LongTurn[] = [];
  const lines = readFileSync(log, "latin1").slice(from).split("\n");
  for (const line of lines) {
    const found = /held for long: (usec=(\d+),processor=(\d+).*)$/.exec(line);
    if (found === null) continue;
    const [, words = "", turn, processor] = found;
    turns.push({ turnMs: Number(turn) / 1000, processorMs: Number(processor) / 1000, words });
  }
  return turns;
}

async function measured(target: Target, log: string, one: HeldCase): Promise<Round> {
  const talker = new Talker(target);
  try {
    await one.before?.(talker);
    await pause(SETTLE_MS);
    await talker.say(["CONFIG", "RESETSTAT"]);
    const from = statSync(log).size;
    await one.run(talker);
    await pause(SETTLE_MS);
    const info = await talker.ask(["INFO", "kept"]);
    const longest = /^event_loop_longest_usec:(\d+)/m.exec(info)?.[1] ?? "NaN";
    const round = { longestMs: Number(longest) / 1000, turns: longTurns(log, from) };
    await one.after?.(talker);
    return round;
  } finally {
    talker.close();
  }
}

function dearest(turns: readonly LongTurn[]): LongTurn | null {
  let found: LongTurn | null = null;
  for (const turn of turns) {
    if (found === null || turn.processorMs > found.processorMs) found = turn;
  }
  return found;
}

/** The longest turn of a round, by processor time where that is known: only long ones are told of. */
function heldMs({ longestMs, turns }: Round): number {
  return dearest(turns)?.processorMs ?? Math.min(longestMs, LONG_MS);
}

function row({ name }: HeldCase, rounds: readonly Round[]): string {
  const turns = rounds.flatMap((round) => round.turns);
  const own = turns.filter(({ processorMs }) => processorMs >= LONG_MS);
  const held = rounds.map((round) => heldMs(round).toFixed(1)).join(" ");
  const wall = Math.max(...rounds.map(({ longestMs }) => longestMs)).toFixed(1);
  const words = dearest(own)?.words.replace(/^.*?processor=\d+,?/, "") ?? "";
  return `| ${[name, held, wall, `${own.length} / ${turns.length}`, words].join(" | ")} |`;
}

async function main(): Promise<void> {
  const first = CASES.findIndex(({ name }) => name.includes(options.from));
  const chosen = CASES.slice(first).filter(({ name }) =>
    options.only.split(",").some((part) => name.includes(part)),
  );
  if (options.list) {
    for (const { name } of chosen) print(name);
    return;
  }
  if (options.data === undefined) throw new Error("--data says where latency.js --fill was");
  const dir = copied(join(options.data, "kept"));
  const logs = mkdtempSync(join(tmpdir(), "kept-bench-log-"));
  const log = join(logs, "log");
  const settings = ["--logfile", log, "--loglevel", "verbose", ...positionals];
  const target = await startKeptOn(process.cwd(), dir, settings);
  try {
    print(
      "| case | longest turn of each round, ms of processor (of the clock below 10) | longest by the clock | over 10 ms: with a processor / all | what ran in it |",
    );
    print("|---|---|---|---|---|");
    for (const one of chosen) {
      const rounds: Round[] = [];
      const count = one.isOnce === true ? 1 : Number(options.rounds);
      try {
        for (let round = 0; round < count; round++) {
          // oxlint-disable-next-line no-await-in-loop -- one after the other
          rounds.push(await measured(target, log, one));
        }
        print(row(one, rounds));
      } catch (error) {
        print(`| ${one.name} | ${String(error).replaceAll(/\s+/g, " ")} |`);
      }
    }
  } finally {
    await target.stop();
    rmSync(dir, { recursive: true, force: true });
    rmSync(logs, { recursive: true, force: true });
  }
}

await main();
