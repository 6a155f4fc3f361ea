// The server as users run it: a process of `bin/kept-server`, on a port the system chose.
//
//   await using server = await ServerProcess.start({ dir, settings: { appendfsync: "always" } });
//   using client = await server.client();
//   await server.kill();
//
// At the end of the block a server that still runs is stopped as an operator would, and must end
// with 0. Whatever happens, no process outlives the test.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

import { RawClient } from "./raw-client.ts";

const PROGRAM = fileURLToPath(new URL("../../../bin/kept-server", import.meta.url));
const START_MS_MAX = 30_000;
const END_MS_MAX = 30_000;
/** Words of the greeting: the port is chosen, the store is open. */
const GREETING = /, port (\d+)$/m;
const READY = /Ready to accept connections/;

export interface ServerOptions {
  readonly dir: string;
  /** Directives; one with several words has them between single spaces. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default 0: a free one. */
  readonly port?: number;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output and standard error together, in the order they came. */
  readonly output: string;
}

/** Command line of `kept-server` for these options, without the program. */
export function argumentsOf({ dir, settings = {}, port = 0 }: ServerOptions): string[] {
  const args = ["--port", String(port), "--dir", dir];
  for (const [name, value] of Object.entries(settings)) {
    args.push(`--${name}`, ...value.split(" "));
  }
  return args;
}

/** Runs `kept-server` to its end: for what it is expected to refuse. */
export async function runServer(args: readonly string[]): Promise<Ending> {
  const running = new RunningProcess(process.execPath, [PROGRAM, ...args]);
  return running.ended(START_MS_MAX);
}

/** A shell line with `kept-server` in it as "$@": for limits that only a shell sets. */
export function runServerInShell(script: string, args: readonly string[]): Promise<Ending> {
  const shell = ["-c", script, "sh", process.execPath, PROGRAM, ...args];
  return new RunningProcess("sh", shell).ended(START_MS_MAX);
}

export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly #process: RunningProcess;
  readonly #clients: RawClient[] = [];

  private constructor(running: RunningProcess, port: number) {
    this.#process = running;
    this.port = port;
  }

  /**
   * Resolves when it takes connections; rejects with all it said when it ends instead, and when it
   * is killed before by `signal`.
   */
  static start(options: ServerOptions, signal?: AbortSignal): Promise<ServerProcess> {
    const command = [PROGRAM, ...argumentsOf(options)];
    return ServerProcess.#startCommand(process.execPath, command, signal);
  }

  /** The same through a shell line that ends in `exec "$@"`. */
  static startInShell(script: string, options: ServerOptions): Promise<ServerProcess> {
    const command = [process.execPath, PROGRAM, ...argumentsOf(options)];
    return ServerProcess.#startCommand("sh", ["-c", script, "sh", ...command]);
  }

  static async #startCommand(
    file: string,
    args: readonly string[],
    signal?: AbortSignal,
  ): Promise<ServerProcess> {
    const running = new RunningProcess(file, args);
    signal?.addEventListener("abort", () => void running.kill("SIGKILL"));
    const isUp = await running.waitFor(() => READY.test(running.output), START_MS_MAX);
    const port = GREETING.exec(running.output)?.[1];
    if (isUp && port !== undefined) return new ServerProcess(running, Number(port));
    await running.kill("SIGKILL");
    throw new Error(`kept-server did not start:\n${running.output}`);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it has said so far. */
  get output(): string {
    return this.#process.output;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  /** A connection, closed with the server. */
  async client(): Promise<RawClient> {
    const client = await RawClient.connect(this.port);
    this.#clients.push(client);
    return client;
  }

  /** Waits until it has said this. */
  async waitForOutput(words: RegExp): Promise<void> {
    const isSaid = await this.#process.waitFor(() => words.test(this.output), START_MS_MAX);
    assert.ok(isSaid, `kept-server never said ${String(words)}:\n${this.output}`);
  }

  /** Resolves when it is gone. */
  async kill(): Promise<Ending> {
    const ending = await this.#process.kill("SIGKILL");
    this.#closeClients();
    return ending;
  }

  /** As an operator stops it: it settles, ends with 0, and complains about nothing. */
  async stop(): Promise<Ending> {
    const ending = await this.#process.kill("SIGTERM");
    this.#closeClients();
    assert.equal(ending.code, 0, `kept-server ended badly:\n${ending.output}`);
    return ending;
  }

  #closeClients(): void {
    for (const client of this.#clients.splice(0)) client[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.stop();
    this.#closeClients();
    assert.doesNotMatch(this.output, /A bug in Kept/);
  }
}

/** Processes that must not outlive this one. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

class RunningProcess {
  output = "";
  readonly #child: ChildProcess;
  #ending: Ending | null = null;
  #changed: (() => void)[] = [];

  constructor(file: string, args: readonly string[]) {
    this.#child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.output += chunk.toString("utf8");
        this.#wake();
      });
    }
    this.#child.once("error", (error) => {
      this.output += error.message;
      this.#end(null, null);
    });
    this.#child.once("close", (code, signal) => this.#end(code, signal));
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    running.delete(this.#child);
    this.#ending ??= { code, signal, output: this.output };
    this.#wake();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#ending === null;
  }

  #wake(): void {
    const waiters = this.#changed;
    this.#changed = [];
    for (const waiter of waiters) waiter();
  }

  /** Whether it came to be so, before the process ended and within the limit. */
  async waitFor(isSo: () => boolean, limitMs: number): Promise<boolean> {
    const limit = { passed: false };
    const timer = setTimeout(() => {
      limit.passed = true;
      this.#wake();
    }, limitMs);
    try {
      while (!isSo() && this.#ending === null && !limit.passed) {
        // oxlint-disable-next-line no-await-in-loop -- waiting is the point
        await new Promise<void>((resolve) => {
          this.#changed.push(resolve);
        });
      }
    } finally {
      clearTimeout(timer);
    }
    return isSo();
  }

  async ended(limitMs: number): Promise<Ending> {
    await this.waitFor(() => this.#ending !== null, limitMs);
    const wasRunning = this.isRunning;
    const ending = await this.kill("SIGKILL");
    assert.ok(!wasRunning, `the process did not end within ${limitMs} ms:\n${ending.output}`);
    return ending;
  }

  async kill(signal: NodeJS.Signals): Promise<Ending> {
    this.#child.kill(signal);
    await this.waitFor(() => this.#ending !== null, END_MS_MAX);
    if (this.#ending === null && signal !== "SIGKILL") {
      this.#child.kill("SIGKILL");
      assert.fail(`the process did not end by ${signal} within ${END_MS_MAX} ms:\n${this.output}`);
    }
    assert.ok(this.#ending !== null, "a killed process does not end");
    return this.#ending;
  }
}
