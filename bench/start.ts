// How long a Kept with ten million keys takes from its spawn to its first PONG, after it was stopped and
// after it was killed in the middle of writes; and what its directory takes, when all is merged, for each
// byte of keys and values (issue 6: under 2 s, 1.3 at most).
//
//   node build/bench/large.js --data DIR --fill
//   node build/bench/start.js --data DIR [--keys 10000000] [--rounds 5] [--writes 500000] [--disk]

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

import { Status, type Reply } from "../src/resp/reply.ts";
import { runCase, VALUE_BYTES } from "./cases.ts";
import { Client } from "./collection-client.ts";
import { keyAt } from "./fill.ts";
import { median, print } from "./measure.ts";
import { startKeptOn, type Target } from "./server-process.ts";

const SECONDS_MAX = 2;
const DISK_RATIO_MAX = 1.3;
const MB = 1024 * 1024;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "" },
    keys: { type: "string", default: "10000000" },
    rounds: { type: "string", default: "5" },
    writes: { type: "string", default: "500000" },
    disk: { type: "boolean", default: false },
  },
});
const KEYS = Number(options.keys);
const DIR = join(options.data, "keys");

/** What the server answers to one command, on a connection of its own. */
async function ask(target: Target, ...words: readonly string[]): Promise<Reply | undefined> {
  const client = new Client(target);
  try {
    const [reply] = await client.say(words);
    return reply;
  } finally {
    client.close();
  }
}

async function timedStart(): Promise<{ readonly target: Target; readonly seconds: number }> {
  const started = performance.now();
  const target = await startKeptOn(process.cwd(), DIR, positionals);
  const reply = await ask(target, "PING");
  const seconds = (performance.now() - started) / 1000;
  const isPong = reply instanceof Status && reply.text === "PONG";
  if (!isPong) throw new Error(`PING was answered with ${JSON.stringify(reply)}`);
  return { target, seconds };
}

function kill({ processId }: Target): Promise<void> {
  if (processId === null) throw new Error("a server of ours has a process");
  process.kill(processId, "SIGKILL");
  return new Promise((resolve) => {
    const look = (): void => {
      try {
        process.kill(processId, 0);
        setTimeout(look, 10);
      } catch {
        resolve();
      }
    };
    look();
  });
}

/** Starts, writes and ends a server a few times; seconds of the starts behind such an end. */
async function startsAfter(end: (target: Target) => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round <= Number(options.rounds); round++) {
    // oxlint-disable-next-line no-await-in-loop -- one life after the other
    const { target, seconds } = await timedStart();
    // The first has somebody else's log to read.
    if (round > 0) times.push(seconds);
    if (round < Number(options.rounds)) {
      const writes = { test: "set", pipeline: 16, keys: KEYS };
      // oxlint-disable-next-line no-await-in-loop -- the same
      await runCase(target, writes, Number(options.writes));
      // oxlint-disable-next-line no-await-in-loop -- the same
      await end(target);
    } else {
      // oxlint-disable-next-line no-await-in-loop -- the same
      await target.stop();
    }
  }
  return times;
}

function report(what: string, times: readonly number[]): void {
  const worst = Math.max(...times);
  const words = worst < SECONDS_MAX ? "met" : "missed";
  print(
    `| start after ${what} | ${median(times).toFixed(2)} s | ${worst.toFixed(2)} s | ${words} |`,
  );
}

function directoryBytes(dir: string): number {
  let bytes = 0;
  for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
    const facts = statSync(join(dir, name));
    if (facts.isFile()) bytes += facts.blocks * 512;
  }
  return bytes;
}

async function disk(): Promise<void> {
  const { target } = await timedStart();
  const before = directoryBytes(DIR);
  try {
    await ask(target, "BGREWRITEAOF");
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- until it is done
      const info = await ask(target, "INFO", "persistence");
      if (typeof info === "string" && info.includes("aof_rewrite_in_progress:0")) break;
      // oxlint-disable-next-line no-await-in-loop -- the same
      await pause(500);
    }
    const count = Number(await ask(target, "DBSIZE"));
    const raw = count * (keyAt(0).length + VALUE_BYTES);
    const ratio = directoryBytes(DIR) / raw;
    const words = ratio <= DISK_RATIO_MAX ? "met" : "missed";
    print(`${count} keys, ${(raw / MB).toFixed(0)} MB of keys and values by chance`);
    print(`on disk ${(before / raw).toFixed(2)} of it; merged ${ratio.toFixed(3)}: ${words}`);
  } finally {
    await target.stop();
  }
}

if (options.disk) await disk();
else {
  print("| | median | worst | |\n|---|---|---|---|");
  report("SIGTERM", await startsAfter((target) => target.stop()));
  report("kill -9", await startsAfter(kill));
}
