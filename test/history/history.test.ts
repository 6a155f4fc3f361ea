// The real server over TCP, as many client processes see it while it is killed, stopped and started
// again: what they were told must be one history in which every transaction, script and command
// took effect at one moment between its beginning and its answer. Killing the process may lose
// nothing that was answered, in any durability mode. Clients are killed and stopped as well.
//
// KEPT_HISTORY_ROUNDS sets the rounds in each mode (1; each is a history of its own of about 5 s),
// KEPT_HISTORY_SEED the seed; when things happen is never quite the same.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test, type TestContext } from "node:test";

import { SeededRandom, type Random } from "../../src/base/random.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { itemsOf } from "../support/queries.ts";
import { readJournals, type Histories } from "./journal-reader.ts";
import { checkListAppend } from "./list-append.ts";
import { checkRegisters } from "./register.ts";
import type { Step, Transaction } from "./transactions.ts";

const ROUNDS = Number(process.env["KEPT_HISTORY_ROUNDS"] ?? "1");
const SEED = Number(process.env["KEPT_HISTORY_SEED"] ?? randomBytes(4).readUInt32LE());
const CLIENTS = 4;
const ROUND_MS = 4000;
const FAULTS = 4;
const PAUSE_MS_MAX = 700;
const CLIENT = fileURLToPath(new URL("client.js", import.meta.url));

type Settings = Readonly<Record<string, string>>;

interface Options {
  readonly dir: string;
  readonly settings: Settings;
}

/** What was done to the server and its clients, for the report. */
const NO_COUNTS = { killed: 0, restarted: 0, stopped: 0, clientsKilled: 0, clientsStopped: 0 };
type Counts = typeof NO_COUNTS;

class Round {
  readonly #random: Random;
  readonly #folder: TemporaryDirectory;
  readonly #options: Options;
  readonly #clients = new Map<number, ChildProcess>();
  readonly #failures: string[] = [];
  readonly #ended: Promise<void>[] = [];
  readonly journals: string[] = [];
  readonly #counts: Counts;
  server: ServerProcess;
  #nextClient = 0;

  constructor(parts: {
    random: Random;
    /** Where the clients write down what they do. */
    folder: TemporaryDirectory;
    options: Options;
    server: ServerProcess;
    counts: Counts;
  }) {
    this.#random = parts.random;
    this.#folder = parts.folder;
    this.#options = parts.options;
    this.server = parts.server;
    this.#counts = parts.counts;
  }

  async run(): Promise<void> {
    try {
      await this.#play();
    } finally {
      for (const child of this.#clients.values()) child.kill("SIGKILL");
      await Promise.all(this.#ended);
    }
  }

  async #play(): Promise<void> {
    for (let client = 0; client < CLIENTS; client++) this.#spawn(ROUND_MS);
    const endMs = performance.now() + ROUND_MS;
    for (let fault = 0; fault < FAULTS; fault++) {
      // oxlint-disable-next-line no-await-in-loop -- one fault after the other
      await pause(200 + this.#random.below(ROUND_MS / FAULTS));
      // oxlint-disable-next-line no-await-in-loop -- one fault after the other
      await this.#fault(fault === 0 ? 0 : this.#random.below(6), endMs - performance.now());
    }
    await Promise.all(this.#ended);
    assert.deepEqual(this.#failures, []);
  }

  #spawn(ms: number): void {
    const number = this.#nextClient++;
    const path = this.#folder.join(`journal-${number}-${this.journals.length}`);
    const seed = this.#random.below(0x1000_0000);
    const args = [CLIENT, this.server.port, path, number, seed, ms].map(String);
    const child = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "pipe"] });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    this.journals.push(path);
    this.#clients.set(number, child);
    this.#ended.push(
      new Promise((resolve) => {
        child.once("close", (code, signal) => {
          this.#clients.delete(number);
          if (code !== 0 && signal !== "SIGKILL") this.#failures.push(complaint);
          resolve();
        });
      }),
    );
  }

  async #fault(kind: number, leftMs: number): Promise<void> {
    const counts = this.#counts;
    switch (kind) {
      case 0:
      case 1:
        counts.killed++;
        await this.server.kill();
        await this.#comeBack();
        break;
      case 2:
        counts.restarted++;
        await this.server.stop();
        await this.#comeBack();
        break;
      case 3:
        counts.stopped++;
        await this.#stopped(this.server.pid);
        break;
      case 4:
        counts.clientsStopped++;
        await this.#stopped(this.#anyClient()?.pid);
        break;
      default:
        counts.clientsKilled++;
        this.#anyClient()?.kill("SIGKILL");
        this.#spawn(Math.max(100, leftMs));
    }
  }

  #anyClient(): ChildProcess | undefined {
    const all = [...this.#clients.values()];
    return all[this.#random.below(Math.max(1, all.length))];
  }

  /** The process stands still, as on a machine that swaps or is moved; its sockets stay open. */
  async #stopped(pid: number | undefined): Promise<void> {
    if (pid === undefined) return;
    process.kill(pid, "SIGSTOP");
    await pause(this.#random.below(PAUSE_MS_MAX));
    process.kill(pid, "SIGCONT");
  }

  async #comeBack(): Promise<void> {
    const { port } = this.server;
    this.server = await ServerProcess.start({ ...this.#options, port });
  }
}

/** The moment of a fault: chance, not a wait for something. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Reads every list once more, in one transaction after everything. */
async function lastRead(server: ServerProcess, keys: readonly string[]): Promise<Transaction> {
  const client = await server.client();
  const beganUs = Number(process.hrtime.bigint() / 1000n);
  const steps: Step[] = [];
  for (const key of keys) {
    if (key.startsWith("l")) {
      // oxlint-disable-next-line no-await-in-loop -- nobody writes any more
      const values = itemsOf(await client.send("LRANGE", key, "0", "-1")).map(String);
      steps.push({ kind: "read", key, values });
    } else if (key.startsWith("s")) {
      // oxlint-disable-next-line no-await-in-loop -- nobody writes any more
      const text = (await client.send("GET", key)) ?? "";
      assert.ok(typeof text === "string");
      steps.push({ kind: "read", key, values: text.split(",").slice(0, -1) });
    }
  }
  await client.send("FLUSHALL");
  const endedUs = Number(process.hrtime.bigint() / 1000n);
  return { name: "last", steps, outcome: "ok", beganUs, endedUs };
}

/** A history that is refused is kept: it is the only witness there is. */
function keepJournals(paths: readonly string[]): string {
  const kept = new TemporaryDirectory();
  for (const [index, path] of paths.entries()) {
    if (existsSync(path)) copyFileSync(path, kept.join(`journal-${index}`));
  }
  return `journals in ${kept.path}`;
}

interface Verdict {
  readonly complaints: readonly string[];
  readonly histories: Histories;
}

async function judge(round: Round): Promise<Verdict> {
  const histories = readJournals(round.journals.filter((path) => existsSync(path)));
  const last = await lastRead(round.server, [...histories.keys]);
  const anomalies = checkListAppend([...histories.transactions, last]);
  const complaints = [
    ...anomalies.map(({ name, because }) => `${name}: ${because}`),
    ...checkRegisters(histories.operations),
  ];
  return { complaints, histories };
}

interface Plays {
  readonly rounds: number;
  /** More rounds, until so many transactions have been tried: on a busy machine a round has few. */
  readonly transactionsMin: number;
  /** Whether nothing should be found: then what is found is a fault, and its witnesses stay. */
  readonly keep: boolean;
}

async function play(t: TestContext, settings: Settings, plays: Plays): Promise<string[]> {
  const random = new SeededRandom(SEED + Buffer.from(settings["appendfsync"] ?? "").length);
  const counts = { ...NO_COUNTS };
  const totals = { transactions: 0, operations: 0, unknown: 0 };
  let complaints: readonly string[] = [];
  using folder = new TemporaryDirectory();
  const options = { dir: folder.join("data"), settings };
  let server = await ServerProcess.start(options);
  try {
    const isEnough = (index: number): boolean =>
      index >= plays.rounds && totals.transactions >= plays.transactionsMin;
    for (let index = 0; !isEnough(index) && complaints.length === 0; index++) {
      using journals = new TemporaryDirectory();
      const round = new Round({ random, folder: journals, options, server, counts });
      // oxlint-disable-next-line no-await-in-loop -- one history after the other
      await round.run().finally(() => (server = round.server));
      // oxlint-disable-next-line no-await-in-loop -- one history after the other
      const verdict = await judge(round);
      complaints = verdict.complaints;
      totals.transactions += verdict.histories.transactions.length;
      totals.operations += verdict.histories.operations.length;
      totals.unknown += verdict.histories.unknown;
      if (complaints.length > 0 && plays.keep) t.diagnostic(keepJournals(round.journals));
    }
  } finally {
    if (server.isRunning) await server.kill();
  }
  t.diagnostic(`KEPT_HISTORY_SEED=${SEED} ${JSON.stringify({ ...totals, ...counts })}`);
  return [...complaints];
}

for (const mode of ["always", "everysec", "no"]) {
  test(`appendfsync ${mode}: what the clients saw is strictly serializable`, async (t) => {
    const settings = { appendfsync: mode, "rocksdb.write_buffer_size": "1" };
    assert.deepEqual(
      await play(t, settings, { rounds: ROUNDS, transactionsMin: 100, keep: true }),
      [],
    );
  });
}

test("the proof sees a loss when there is one: without a log, writes are gone", async (t) => {
  const settings = { "rocksdb.write_options.disable_wal": "yes" };
  assert.notDeepEqual(
    await play(t, settings, { rounds: 6, transactionsMin: 2000, keep: false }),
    [],
  );
});
