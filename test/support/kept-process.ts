// kept-server as users run it: a process of its own, on a free port, with everything it says kept.
//
//   using folder = new TemporaryDirectory();
//   await using server = await KeptProcess.start(["--dir", folder.path]);
//   using client = await server.client();
//
// A process that is still there at the end of the block is killed.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

import { Patience } from "./patience.ts";
import { RawClient } from "./raw-client.ts";

const LIMIT_MS = 30_000;

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What standard input holds; without it there is none. */
  readonly input?: string;
  /** Runs before the server in its shell: a `ulimit`. */
  readonly shellSetup?: string;
}

const BIN = `${process.cwd()}/bin/kept-server`;

/** Servers that must not outlive the test, however it ends. */
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

export class KeptProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  readonly #onOutput: (() => void)[] = [];
  #stdout = "";
  #stderr = "";
  #isOver = false;
  port = 0;

  private constructor(args: readonly string[], options: ProcessOptions) {
    const { shellSetup } = options;
    const [program, all] =
      shellSetup === undefined
        ? [process.execPath, [BIN, ...args]]
        : ["/bin/sh", ["-c", `${shellSetup}; exec "$@"`, "sh", process.execPath, BIN, ...args]];
    const child = spawn(program, all, {
      cwd: options.cwd ?? process.cwd(),
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    alive.add(child);
    child.stdin.on("error", () => {
      // It has read enough, or refused to start.
    });
    child.stdin.end(options.input ?? "");
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#changed();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.#changed();
    });
    this.#ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        this.#isOver = true;
        alive.delete(child);
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
        this.#changed();
      });
    });
  }

  /** Starts on a free port unless `args` say otherwise, and waits until connections are taken. */
  static async start(args: readonly string[], options: ProcessOptions = {}): Promise<KeptProcess> {
    const server = new KeptProcess(["--port", "0", ...args], options);
    await server.saysReady();
    return server;
  }

  /** As given, without waiting: what it says is the test's. */
  static launch(args: readonly string[], options: ProcessOptions = {}): KeptProcess {
    return new KeptProcess(args, options);
  }

  /** Runs a server that is expected to end by itself. */
  static async toItsEnd(args: readonly string[], options: ProcessOptions = {}): Promise<Ended> {
    await using server = new KeptProcess(args, options);
    return await server.ended();
  }

  get pid(): number {
    assert.ok(this.#child.pid !== undefined);
    return this.#child.pid;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get stdout(): string {
    return this.#stdout;
  }

  async saysReady(): Promise<void> {
    await this.says(/Ready to accept connections/);
    this.port = Number(/, port (\d+)/.exec(this.#stdout)?.[1] ?? 0);
  }

  /** Waits until standard output holds a match; fails when the process ends without. */
  async says(pattern: RegExp): Promise<void> {
    const patience = new Patience(LIMIT_MS, this.#child.pid ?? null);
    while (!pattern.test(this.#stdout)) {
      if (this.#isOver || patience.isOver()) {
        const state = this.#isOver ? "it has ended" : threadsOf(this.#child.pid);
        assert.fail(`no ${String(pattern)} in:\n${this.#stdout}${this.#stderr}\n${state}`);
      }
      // oxlint-disable-next-line no-await-in-loop -- waiting is the point
      await this.#nextChange(patience.stepMs);
    }
  }

  client(): Promise<RawClient> {
    return RawClient.connect(this.port, { processId: this.pid });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when the process is gone; one that stays is killed. */
  async ended(): Promise<Ended> {
    const patience = new Patience(LIMIT_MS, this.#child.pid ?? null);
    while (!this.#isOver) {
      if (patience.isOver()) this.#child.kill("SIGKILL");
      // oxlint-disable-next-line no-await-in-loop -- waiting is the point
      await this.#nextChange(patience.stepMs);
    }
    return await this.#ended;
  }

  /** Asks it to stop as a supervisor does. */
  async stop(): Promise<Ended> {
    this.signal("SIGTERM");
    return await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #changed(): void {
    const waiting = this.#onOutput.splice(0);
    for (const wake of waiting) wake();
  }

  #nextChange(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#onOutput.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** What each thread waits for, as the kernel says: whether a silent server hangs or gets no processor. */
function threadsOf(pid: number | undefined): string {
  const folder = `/proc/${pid}/task`;
  if (!existsSync(folder)) return "its threads are not known";
  const lines = readdirSync(folder).map((thread) => {
    const about = (file: string): string => {
      try {
        return readFileSync(`${folder}/${thread}/${file}`, "utf8").trim();
      } catch {
        return "gone";
      }
    };
    const [, state = "?"] = /^State:\s*(.*)$/m.exec(about("status")) ?? [];
    const fields = about("stat").split(" ");
    return `${about("comm")}: ${state}, in ${about("wchan")}, ${fields[13]}+${fields[14]} ticks`;
  });
  return `it has these threads:\n${lines.join("\n")}`;
}
