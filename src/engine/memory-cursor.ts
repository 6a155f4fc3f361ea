// A walk over what the memory engine held when it began; it meets a cold entry as the product's does.

import type { Bytes } from "../base/bytes.ts";
import { StorageError, type Cold, type Cursor, type CursorRange } from "./engine.ts";
import type { OrderedSnapshot } from "./ordered-map.ts";

export class MemoryCursor implements Cursor {
  readonly #range: CursorRange;
  readonly #isCold: ((key: Bytes) => boolean) | null;
  readonly #entries: Generator<readonly [Bytes, Bytes]>;
  #state: "open" | "cold" | "closed" = "open";

  constructor(
    snapshot: OrderedSnapshot,
    range: CursorRange,
    isCold: ((key: Bytes) => boolean) | null,
  ) {
    this.#range = range;
    this.#isCold = isCold;
    this.#entries = snapshot.entries(range);
  }

  next(entriesMax: number): Bytes[] | Cold {
    if (this.#state === "closed") throw new StorageError("closed", "refused", "a closed cursor");
    const flat: Bytes[] = [];
    while (this.#state === "open" && flat.length < entriesMax * 2) {
      const step = this.#entries.next();
      if (step.done === true) return flat;
      const [key, value] = step.value;
      if (this.#isCold?.(key) === true) this.#state = "cold";
      else flat.push(key, value.slice(0, this.#range.valueBytesMax));
    }
    return flat.length === 0 && entriesMax > 0 ? undefined : flat;
  }

  close(): void {
    this.#state = "closed";
  }
}
