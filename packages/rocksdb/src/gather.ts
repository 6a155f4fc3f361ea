// A binary string gathered from pieces, whose bytes are never copied again: they lie outside of
// JavaScript's heap. For strings of megabytes, which would take the event loop tens of milliseconds otherwise.

import { abandoned, KIND_GATHER, native, type Handle } from "./native.ts";

export class Gather {
  readonly #handle: Handle;

  /** Of so many bytes, at most. */
  constructor(length: number) {
    this.#handle = native.gatherCreate(length);
    abandoned.register(this, { handle: this.#handle, kind: KIND_GATHER }, this);
  }

  /** Throws RangeError when that is more than was announced, or than there is memory for. */
  append(bytes: Uint8Array, from: number, to: number): void {
    native.gatherAppend(this.#handle, bytes, from, to);
  }

  /** What was gathered. Nothing can be appended any more. */
  take(): string {
    abandoned.unregister(this);
    return native.gatherTake(this.#handle);
  }

  /** Gives its memory back: nobody will take it. */
  drop(): void {
    abandoned.unregister(this);
    native.release(this.#handle, KIND_GATHER);
  }
}
