// A server for proofs that kill it and start it again on the same data: KeptProcess (which see, for
// command lines and refusals) with its settings by name, and its clients closed with it.
//
//   await using server = await ServerProcess.start({ dir, settings: { appendfsync: "always" } });
//   using client = await server.client();
//   await server.kill();
//
// At the end of the block a server that still runs is stopped as an operator would, and must end
// with 0 and without a word about a bug.

import assert from "node:assert/strict";

import { KeptProcess, type Ended } from "./kept-process.ts";
import type { RawClient } from "./raw-client.ts";

export interface ServerOptions {
  readonly dir: string;
  /** Directives; one with several words has them between single spaces. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default 0: a free one. */
  readonly port?: number;
  /** Runs before the server in its shell: a `ulimit`. */
  readonly shellSetup?: string;
  /** More of the environment: a library beneath the file calls. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Command line of `kept-server` for these options, without the program. */
export function argumentsOf({ dir, settings = {}, port = 0 }: ServerOptions): string[] {
  const args = ["--port", String(port), "--dir", dir];
  for (const [name, value] of Object.entries(settings)) {
    args.push(`--${name}`, ...value.split(" "));
  }
  return args;
}

export class ServerProcess implements AsyncDisposable {
  readonly #process: KeptProcess;
  readonly #clients: RawClient[] = [];

  private constructor(running: KeptProcess) {
    this.#process = running;
  }

  /** Resolves when it takes connections; rejects when it ends before, killed by `signal` or not. */
  static async start(options: ServerOptions, signal?: AbortSignal): Promise<ServerProcess> {
    const { shellSetup, env = {} } = options;
    const setup = shellSetup === undefined ? { env } : { env, shellSetup };
    const running = KeptProcess.launch(argumentsOf(options), setup);
    signal?.addEventListener("abort", () => running.signal("SIGKILL"));
    try {
      await running.saysReady();
    } catch (error) {
      running.signal("SIGKILL");
      await running.ended();
      throw error;
    }
    return new ServerProcess(running);
  }

  get port(): number {
    return this.#process.port;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** What it has said so far. */
  get output(): string {
    return this.#process.stdout;
  }

  get isRunning(): boolean {
    return !this.#process.isOver;
  }

  /** A connection, closed with the server. */
  async client(): Promise<RawClient> {
    const client = await this.#process.client();
    this.#clients.push(client);
    return client;
  }

  waitForOutput(words: RegExp): Promise<void> {
    return this.#process.says(words);
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process.signal("SIGKILL");
    await this.#process.ended();
    this.#closeClients();
  }

  /** As an operator stops it: it settles, ends with 0, and complains about nothing. */
  async stop(): Promise<Ended> {
    const ended = await this.#process.stop();
    this.#closeClients();
    assert.equal(ended.code, 0, `kept-server ended badly:\n${ended.stdout}${ended.stderr}`);
    return ended;
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
