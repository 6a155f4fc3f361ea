// A socket without a network: Node's own stream, with what lies beneath it made by hand. Bytes come
// in when the simulation delivers them, in whatever pieces; what the server writes fills a buffer
// as the kernel's, of few bytes or many, and waits in the stream until the client takes some.
//
// What a "data" event brings is lent, as in the product (server/lent-input.ts), and is spoilt behind
// the call: whoever keeps it without a copy reads rubbish.

import { Socket } from "node:net";

import type { Bytes } from "../../src/base/bytes.ts";

const LENT_BYTES = 64 * 1024;
const lent = Buffer.alloc(LENT_BYTES);

interface Pending {
  rest: Bytes;
  readonly done: () => void;
}

export class SimulatedSocket extends Socket {
  /** Told of what the server writes, at the moment it is written. */
  onWritten: (bytes: Bytes) => void = () => {};
  /** The server has ended its side, or the whole. */
  isEnded = false;
  readonly #kernelBytesMax: number;
  #kernel: Bytes = "";
  #pending: Pending | null = null;

  constructor(kernelBytesMax: number, port: number) {
    super({ allowHalfOpen: true });
    this.#kernelBytesMax = kernelBytesMax;
    for (const [name, value] of [
      ["remoteAddress", "127.0.0.1"],
      ["remotePort", port],
      ["localAddress", "127.0.0.1"],
      ["localPort", 6379],
    ] as const) {
      Object.defineProperty(this, name, { value });
    }
  }

  /** Bytes that the client could read now. */
  get waitingBytes(): number {
    return this.#kernel.length;
  }

  /** Whether the server would notice more input. */
  get isListening(): boolean {
    return !this.destroyed && !this.isPaused();
  }

  /** Input from the client, at most 64 KB. */
  deliver(bytes: Bytes): void {
    const size = lent.latin1Write(bytes, 0);
    this.emit("data", lent.subarray(0, size));
    lent.fill(0x58, 0, size);
  }

  /** The client will send no more. */
  deliverEnd(): void {
    if (!this.destroyed) this.push(null);
  }

  /** The connection breaks. */
  reset(): void {
    this.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  }

  /** The client reads. */
  drink(bytesMax: number): Bytes {
    const taken = this.#kernel.slice(0, bytesMax);
    this.#kernel = this.#kernel.slice(taken.length);
    const pending = this.#pending;
    if (pending !== null) this.#fill(pending);
    return taken;
  }

  override _read(): void {
    // Input is delivered, not asked for.
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    const bytes = typeof chunk === "string" ? latin1(chunk, encoding) : chunk.latin1Slice();
    this.#take(bytes, done);
  }

  override _writev(
    chunks: { chunk: Buffer | string; encoding: BufferEncoding }[],
    done: () => void,
  ): void {
    let bytes = "";
    for (const { chunk, encoding } of chunks) {
      bytes += typeof chunk === "string" ? latin1(chunk, encoding) : chunk.latin1Slice();
    }
    this.#take(bytes, done);
  }

  #take(bytes: Bytes, done: () => void): void {
    this.onWritten(bytes);
    this.#pending = { rest: bytes, done };
    this.#fill(this.#pending);
  }

  #fill(pending: Pending): void {
    const room = this.#kernelBytesMax - this.#kernel.length;
    this.#kernel += pending.rest.slice(0, room);
    pending.rest = pending.rest.slice(room);
    if (pending.rest !== "") return;
    this.#pending = null;
    pending.done();
  }

  override _final(done: () => void): void {
    this.isEnded = true;
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.isEnded = true;
    this.#pending = null;
    // oxlint-disable-next-line no-underscore-dangle -- it is Node's name
    super._destroy(error, done);
  }
}

function latin1(text: string, encoding: BufferEncoding): Bytes {
  return encoding === "latin1" ? text : Buffer.from(text, encoding).latin1Slice();
}
