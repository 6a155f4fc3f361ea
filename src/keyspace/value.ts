// What a key's record holds: a string's bytes, nothing, or a collection. What the collections of each
// type look like in memory is the business of the room types; here is what the keyspace needs of them.

import type { Bytes } from "../base/bytes.ts";
import { payloadBytes, type Payload } from "../encoding/record.ts";
import type { Home } from "./home.ts";

/** The content of a list, set, sorted set, hash or stream; changed in place (View.mutate). */
export interface Collection extends Payload {
  /** Bytes in memory, by estimate; of an exploded one without its elements. */
  readonly memoryBytes: number;
  /** Where its elements live; null while it is inline. */
  readonly home: Home | null;
  /** When something in it dies by itself, milliseconds since the epoch; 0 or nothing for never. */
  readonly dueMs?: number;
}

export type Value = Bytes | null | Collection;

/** A collection as the disk has it, until somebody wants to look into it (View.unpack). */
export class Packed implements Collection {
  readonly payload: Bytes;
  readonly home: Home | null;
  readonly dueMs: number;

  constructor(payload: Bytes, home: Home | null, dueMs: number) {
    this.payload = payload;
    this.home = home;
    this.dueMs = dueMs;
  }

  get payloadSize(): number {
    return this.payload.length;
  }

  get memoryBytes(): number {
    return this.payload.length;
  }

  writePayload(target: Buffer, at: number): void {
    target.latin1Write(this.payload, at, this.payload.length);
  }
}

export function homeOf(value: Value): Home | null {
  return value === null || typeof value === "string" ? null : value.home;
}

/** When something in it dies, 0 for never. */
export function dueIn(value: Value): number {
  return value === null || typeof value === "string" ? 0 : (value.dueMs ?? 0);
}

/** The earlier of two moments of which 0 is never. */
export function earlier(left: number, right: number): number {
  if (left === 0 || right === 0) return left + right;
  return Math.min(left, right);
}

export function memoryOf(value: Value): number {
  if (value === null) return 0;
  return typeof value === "string" ? value.length : value.memoryBytes;
}

/** The payload as bytes of its own. */
export function payloadOf(collection: Collection): Bytes {
  return collection instanceof Packed ? collection.payload : payloadBytes(collection);
}
