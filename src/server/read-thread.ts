// The event loop's end of the threads for reading commands that take long (read-worker.ts). A thread is started for
// the first of them, serves one at a time, and ends when it has had nothing to do for a while: its heap goes with it.

import { Worker } from "node:worker_threads";

import type { Bytes } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { LongBytes } from "../resp/long-reply.ts";
import type { LongReader, ReadEnd, ReadJob, Reading } from "../session/long-reader.ts";

export interface ToReader {
  readonly job: ReadJob;
}

export type FromReader =
  | { readonly what: "piece"; readonly bytes: Uint8Array }
  | {
      readonly what: "long";
      readonly length: number;
      readonly error: Bytes | null;
      readonly microseconds: number;
    }
  | {
      readonly what: "end";
      readonly end:
        | Exclude<ReadEnd, { readonly kind: "reply" }>
        | (Extract<ReadEnd, { readonly kind: "reply" }> & { readonly bytes: Bytes });
    };

export interface ReadThreadSettings {
  /** `long-read-memory-max`, bytes. */
  memoryBytesMax: number;
}

const MB = 1024 * 1024;
/** Much of what a run makes lives to its end: a larger space for the young means fewer copies of it. */
const YOUNG_MB_MAX = 64;
const YOUNG_SHARE = 1 / 16;
const IDLE_MS = 30_000;
/** A piece of a reply on its way out. */
const PIECE_BYTES = 64 * 1024;
const OUT_OF_MEMORY: Bytes =
  "ERR the command needs more memory than long-read-memory-max; ask for less at a time, with SCAN, ranges or " +
  "fewer keys";

export class ReadThreads implements LongReader {
  readonly #clock: Clock;
  readonly #settings: ReadThreadSettings;
  readonly #idle: ReadThread[] = [];
  readonly #busy = new Set<ReadThread>();

  constructor(clock: Clock, settings: ReadThreadSettings) {
    this.#clock = clock;
    this.#settings = settings;
  }

  get threadCount(): number {
    return this.#idle.length + this.#busy.size;
  }

  start(job: ReadJob): Reading {
    const thread = this.#idle.pop() ?? new ReadThread(this.#settings.memoryBytesMax);
    this.#busy.add(thread);
    return { end: this.#run(thread, job), stop: () => thread.end(null) };
  }

  async #run(thread: ReadThread, job: ReadJob): Promise<ReadEnd> {
    const end = await thread.run(job);
    this.#busy.delete(thread);
    if (!thread.hasEnded) this.#rest(thread);
    return end;
  }

  #rest(thread: ReadThread): void {
    this.#idle.push(thread);
    thread.rest(this.#clock, () => {
      this.#idle.splice(this.#idle.indexOf(thread), 1);
    });
  }

  /** Ends all threads; what runs on them is ended. */
  close(): void {
    for (const thread of [...this.#idle.splice(0), ...this.#busy]) thread.end(null);
  }
}

class ReadThread {
  readonly #worker: Worker;
  #resolve: ((end: ReadEnd) => void) | null = null;
  #pieces: Buffer[] = [];
  #restTimer: Timer | null = null;
  hasEnded = false;

  constructor(memoryBytesMax: number) {
    const memoryMb = Math.ceil(memoryBytesMax / MB);
    this.#worker = new Worker(new URL("read-worker.js", import.meta.url), {
      resourceLimits: {
        maxOldGenerationSizeMb: memoryMb,
        maxYoungGenerationSizeMb: Math.min(YOUNG_MB_MAX, Math.ceil(memoryMb * YOUNG_SHARE)),
      },
    });
    this.#worker.unref();
    this.#worker.on("message", (message: FromReader) => this.#heard(message));
    this.#worker.on("error", (error) => this.end(error));
    this.#worker.on("exit", () => this.end(null));
  }

  run(job: ReadJob): Promise<ReadEnd> {
    this.#restTimer?.cancel();
    this.#pieces = [];
    const message: ToReader = { job };
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    this.#worker.postMessage(message);
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** `onEnd` is called when it has rested for too long. */
  rest(clock: Clock, onEnd: () => void): void {
    this.#restTimer = clock.after(IDLE_MS, () => {
      onEnd();
      this.end(null);
    });
  }

  #heard(message: FromReader): void {
    switch (message.what) {
      case "piece": {
        const { buffer, byteOffset, byteLength } = message.bytes;
        this.#pieces.push(Buffer.from(buffer, byteOffset, byteLength));
        break;
      }
      case "long": {
        const { length, error, microseconds } = message;
        const bytes = new ReceivedReply(this.#pieces, length);
        this.#settle({ kind: "reply", bytes, error, microseconds });
        break;
      }
      case "end":
        this.#settle(message.end);
        break;
      default:
        throw new TypeError("a message that no thread sends");
    }
  }

  #settle(end: ReadEnd): void {
    const resolve = this.#resolve;
    this.#resolve = null;
    this.#pieces = [];
    resolve?.(end);
  }

  /** With the error that ended it, or because nobody needs it. */
  end(error: Error | null): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#restTimer?.cancel();
    this.#worker.removeAllListeners();
    // Nobody waits for its end: what it has borrowed it gives back by itself.
    void this.#worker.terminate();
    this.#settle({ kind: "ended", why: wordsFor(error) });
  }
}

function wordsFor(error: Error | null): Bytes {
  if (error === null) return "ERR the command was stopped";
  const isFull = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
  if (isFull) return OUT_OF_MEMORY;
  return `ERR the thread of the command failed: ${error.message.replaceAll(/[\r\n]+/g, " ")}`;
}

/** The bytes of a reply that another thread has made. */
class ReceivedReply implements LongBytes {
  readonly length: number;
  readonly #buffers: readonly Buffer[];

  constructor(buffers: readonly Buffer[], length: number) {
    this.#buffers = buffers;
    this.length = length;
  }

  *pieces(): Generator<Bytes> {
    for (const buffer of this.#buffers) {
      for (let from = 0; from < buffer.length; from += PIECE_BYTES) {
        yield buffer.latin1Slice(from, Math.min(buffer.length, from + PIECE_BYTES));
      }
    }
  }
}
