// Long replies on their way out of one connection: piece by piece, as the socket takes them, and no more in one
// turn of the event loop than the share of commands and replies together (turn-share.ts).
//
// What comes behind a long reply waits behind it, so that order is kept.

import type { Socket } from "node:net";

import type { Clock } from "../base/clock.ts";
import type { Stats } from "../observe/stats.ts";
import { cut, type Encoded } from "../resp/long-reply.ts";
import { send } from "./direct-output.ts";
import type { PutOff, TurnShare } from "./turn-share.ts";

export interface LongOutputParts {
  readonly socket: Socket;
  /** As `send` takes it. */
  readonly descriptor: number;
  readonly share: TurnShare;
  readonly clock: Clock;
  readonly stats: Stats;
  /** Something was sent; perhaps all. */
  readonly onSent: () => void;
}

export class LongOutput implements PutOff {
  readonly #parts: LongOutputParts;
  #queue: Encoded[] = [];
  /** Of the first in the queue. */
  #pieces: Iterator<string> | null = null;
  #waitingBytes = 0;
  /** The system has taken all that it could; or the next turn is waited for. */
  #isWaiting = false;

  constructor(parts: LongOutputParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Bytes that the socket has not been given yet, about. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  add(bytes: Encoded): void {
    this.#queue.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#isWaiting) return;
    // Not at once: the command that brought it has had its time.
    this.#isWaiting = true;
    this.#parts.share.putOff(this);
  }

  goOn(): void {
    this.#isWaiting = false;
    this.#sendOn();
    this.#parts.onSent();
  }

  /** The connection is closed: what waits is for nobody. */
  drop(): void {
    this.#queue = [];
    this.#pieces = null;
    this.#waitingBytes = 0;
  }

  #sendOn(): void {
    const { socket, descriptor, share, clock, stats } = this.#parts;
    while (this.#queue.length > 0) {
      if (socket.destroyed) {
        this.drop();
        return;
      }
      if (share.isUsedUp) {
        this.#isWaiting = true;
        share.putOff(this);
        return;
      }
      const startUs = clock.monotonicUs();
      const piece = this.#next();
      if (piece !== null) {
        stats.totalNetOutputBytes += piece.length;
        this.#waitingBytes = Math.max(0, this.#waitingBytes - piece.length);
        this.#isWaiting = !send(socket, descriptor, piece, () => this.goOn());
      }
      share.spent(clock.monotonicUs() - startUs);
      if (this.#isWaiting) return;
    }
    this.#waitingBytes = 0;
  }

  /** Null at the end of one of the queue. */
  #next(): string | null {
    const [first = ""] = this.#queue;
    this.#pieces ??= typeof first === "string" ? cut(first) : first.pieces();
    const next = this.#pieces.next();
    if (next.done !== true) return next.value;
    this.#pieces = null;
    this.#queue.shift();
    return null;
  }
}
