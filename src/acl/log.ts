// ACL LOG: what was denied lately, newest first. Repetitions within a minute are one entry.

import type { Bytes } from "../base/bytes.ts";

export interface AclEvent {
  readonly reason: "auth" | "command" | "key" | "channel";
  readonly context: "toplevel" | "multi" | "lua";
  readonly object: Bytes;
  readonly userName: Bytes;
  /** The line of CLIENT LIST. */
  readonly client: Bytes;
}

export interface AclLogEntry extends AclEvent {
  readonly id: number;
  count: number;
  readonly createdMs: number;
  updatedMs: number;
}

const SAME_WITHIN_MS = 60_000;
/** No more entries than this are compared with a new one. */
const COMPARED_MAX = 10;

export class AclLog {
  #entries: AclLogEntry[] = [];
  #nextId = 0;
  #lengthMax: number;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  set lengthMax(length: number) {
    this.#lengthMax = length;
    this.#entries.length = Math.min(this.#entries.length, length);
  }

  add(event: AclEvent, nowMs: number): void {
    const at = this.#entries
      .slice(0, COMPARED_MAX)
      .findIndex((entry) => isSame(entry, event) && nowMs - entry.createdMs <= SAME_WITHIN_MS);
    const [known] = at === -1 ? [] : this.#entries.splice(at, 1);
    const entry: AclLogEntry =
      known === undefined
        ? { ...event, id: this.#nextId++, count: 1, createdMs: nowMs, updatedMs: nowMs }
        : { ...known, client: event.client, count: known.count + 1, updatedMs: nowMs };
    this.#entries.unshift(entry);
    this.#entries.length = Math.min(this.#entries.length, this.#lengthMax);
  }

  newest(count: number): readonly AclLogEntry[] {
    return this.#entries.slice(0, count);
  }

  clear(): void {
    this.#entries = [];
  }
}

function isSame(entry: AclEvent, event: AclEvent): boolean {
  return (
    entry.reason === event.reason &&
    entry.context === event.context &&
    entry.object === event.object &&
    entry.userName === event.userName
  );
}
