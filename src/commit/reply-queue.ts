// The replies of one connection, in order. A reply that rests on uncommitted writes waits for their
// batch, and everything behind it waits with it (laws 1 and 6).
//
// When nothing waits a reply goes straight to the output: the common case of a read costs one
// comparison more than without the law.

import type { Encoded } from "../resp/long-reply.ts";
import type { Failure } from "./settle.ts";

/** A reply that waits. */
export interface HeldReply {
  /** The batch that must be committed first. */
  readonly batch: number;
  /** What to send once it is. */
  committed(): Encoded;
  /** What to send when it was refused; called once, after the keyspace has been undone. */
  refused(failure: Failure): Encoded;
}

export interface Output {
  write(bytes: Encoded): void;
  /** Cuts the connection: the truth about what it waits for is not known (law 9). */
  abandon(): void;
}

/** What a waiting reply is taken to cost besides its bytes. */
const WAITING_OVERHEAD = 128;

/** Replies are gathered up to this before they are written. */
const PIECE_BYTES = 64 * 1024;

export class ReplyQueue {
  readonly #output: Output;
  #waitingBytes = 0;
  /** A ready reply stands here as its bytes when something before it waits. */
  #waiting: (HeldReply | Encoded)[] = [];
  /** Whether the pipeline has this queue on its list. */
  listed = false;
  /** The newest batch this connection wrote in: what WAITAOF waits for. */
  lastWriteBatch = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** An estimate of the memory that waiting replies take. */
  get waitingBytes(): number {
    return this.#waitingBytes + this.#waiting.length * WAITING_OVERHEAD;
  }

  /** A reply that rests on committed data only. */
  send(bytes: Encoded): void {
    if (this.#waiting.length === 0) this.#output.write(bytes);
    else {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.length;
    }
  }

  /** `size`: the length of what `held` will be once committed. */
  hold(held: HeldReply, size: number): void {
    this.#waiting.push(held);
    this.#waitingBytes += size;
  }

  /** Sends what rests on batches up to `committedBatch`; true when nothing waits any more. */
  release(committedBatch: number): boolean {
    const waiting = this.#waiting;
    let out: Encoded = "";
    let index = 0;
    for (; index < waiting.length; index++) {
      const entry = waiting[index];
      if (entry === undefined) break;
      const isWaiting = isHeld(entry);
      if (isWaiting && entry.batch > committedBatch) break;
      const bytes = isWaiting ? entry.committed() : entry;
      this.#waitingBytes -= bytes.length;
      out = this.#gather(out, bytes);
    }
    if (index === waiting.length) this.#waiting = [];
    else if (index > 0) this.#waiting = waiting.slice(index);
    if (out !== "") this.#output.write(out);
    return this.#waiting.length === 0;
  }

  /** Every batch that is waited for was refused: turns each reply into what is true now, and sends. */
  refuse(failure: Failure): void {
    const waiting = this.#waiting;
    this.drop();
    let out: Encoded = "";
    for (const entry of waiting) {
      out = this.#gather(out, isHeld(entry) ? entry.refused(failure) : entry);
    }
    if (out !== "") this.#output.write(out);
  }

  /** One write for many small replies, without strings longer than V8 can make. */
  #gather(out: Encoded, bytes: Encoded): Encoded {
    if (typeof out === "string" && typeof bytes === "string") {
      if (out.length + bytes.length <= PIECE_BYTES || out === "") return out + bytes;
    }
    if (out !== "") this.#output.write(out);
    return bytes;
  }

  /** Law 9: the outcome stays unknown; the connection is closed and nothing is guessed. */
  abandon(): void {
    this.drop();
    this.#output.abandon();
  }

  /** The connection is gone; nobody will read what waits. */
  drop(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

function isHeld(entry: HeldReply | Encoded): entry is HeldReply {
  return typeof entry === "object" && "batch" in entry;
}
