// The event loop's end of the thread for long scripts (script-worker.ts). The thread is started for the first of
// them and kept; stopping a script is ending its thread.

import { Worker } from "node:worker_threads";

import type { Bytes } from "../base/bytes.ts";
import { CommandError } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { freeze, thaw } from "../resp/stored.ts";
import { ScriptAborted } from "../scripting/interpreter.ts";
import type { LogLevel } from "../scripting/redis-library.ts";
import type { LongHost, LongJob, ScriptThread } from "../session/long-scripts.ts";

export interface ThreadData {
  readonly signal: SharedArrayBuffer;
  readonly memoryBytesMax: number;
}

export type ToThread =
  | { readonly what: "run"; readonly job: LongJob }
  | { readonly what: "reply"; readonly reply: Bytes }
  | { readonly what: "allowed"; readonly isAllowed: boolean }
  | { readonly what: "unknown" };

export type FromThread =
  | { readonly what: "call"; readonly args: readonly Bytes[] }
  | { readonly what: "check"; readonly args: readonly Bytes[] }
  | { readonly what: "log"; readonly level: LogLevel; readonly text: Bytes }
  | { readonly what: "done"; readonly reply: Bytes };

interface Run {
  readonly host: LongHost;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

export class WorkerThread implements ScriptThread {
  readonly #memoryBytesMax: number;
  readonly #signal = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | null = null;
  #run: Run | null = null;

  constructor(memoryBytesMax: number) {
    this.#memoryBytesMax = memoryBytesMax;
  }

  run(job: LongJob, host: LongHost): Promise<Reply> {
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#run = { host, resolve, reject };
      this.#tell(worker, { what: "run", job });
    });
  }

  stop(why: ScriptAborted): void {
    const run = this.#run;
    if (run === null) return;
    this.close();
    run.reject(why);
  }

  /** Ends the thread; the next script starts another. */
  close(): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#run = null;
    if (worker === null) return;
    worker.removeAllListeners();
    // Nobody waits for its end: it holds nothing that anybody wants.
    void worker.terminate();
  }

  #start(): Worker {
    const workerData: ThreadData = {
      signal: this.#signal.buffer,
      memoryBytesMax: this.#memoryBytesMax,
    };
    const worker = new Worker(new URL("script-worker.js", import.meta.url), { workerData });
    worker.unref();
    worker.on("message", (message: FromThread) => this.#heard(worker, message));
    worker.on("error", (error) => this.#died(error.message));
    worker.on("exit", () => this.#died("it has ended"));
    return worker;
  }

  #died(words: string): void {
    this.stop(new ScriptAborted(`ERR the thread of the script failed: ${words}`));
    this.#worker = null;
  }

  #tell(worker: Worker, message: ToThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    worker.postMessage(message);
    Atomics.store(this.#signal, 0, 1);
    Atomics.notify(this.#signal, 0);
  }

  #heard(worker: Worker, message: FromThread): void {
    const run = this.#run;
    if (run === null) return;
    switch (message.what) {
      case "call":
        // What it rejects with is told by `run.reject`.
        void this.#answer(worker, run, message.args);
        break;
      case "check":
        this.#tell(worker, this.#checked(run.host, message.args));
        break;
      case "log":
        run.host.log(message.level, message.text);
        break;
      case "done":
        this.#run = null;
        run.resolve(thaw(message.reply));
        break;
      default:
        throw new TypeError("a message that no thread sends");
    }
  }

  async #answer(worker: Worker, run: Run, args: readonly Bytes[]): Promise<void> {
    try {
      const reply = await run.host.call(args);
      if (this.#run === run) this.#tell(worker, { what: "reply", reply: freeze(reply) });
    } catch (error) {
      if (this.#run === run) this.close();
      run.reject(error);
    }
  }

  #checked(host: LongHost, args: readonly Bytes[]): ToThread {
    try {
      return { what: "allowed", isAllowed: host.mayCall(args) };
    } catch (error) {
      if (error instanceof CommandError) return { what: "unknown" };
      throw error;
    }
  }
}
