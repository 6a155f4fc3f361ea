// Keyspace events: what happened to which key, noted once by the keyspace when a handler changes
// something, and told to the world only after the commit (law 5).

import type { Bytes } from "../base/bytes.ts";

/** Redis's classes of notify-keyspace-events, by letter; a class is one bit of a mask. */
export const EVENT_CLASSES = {
  generic: 1 << 2, // g
  string: 1 << 3, // $
  list: 1 << 4, // l
  set: 1 << 5, // s
  hash: 1 << 6, // h
  sortedSet: 1 << 7, // z
  expired: 1 << 8, // x
  evicted: 1 << 9, // e
  stream: 1 << 10, // t
  keyMiss: 1 << 11, // m
  module: 1 << 13, // d
  newKey: 1 << 14, // n
} as const;

// The two bits of the mask that are no classes: which of the channels are told.
export const NOTIFY_KEYSPACE = 1 << 0; // K
export const NOTIFY_KEYEVENT = 1 << 1; // E

export type EventClass = keyof typeof EVENT_CLASSES;

export interface KeyEvent {
  readonly eventClass: EventClass;
  /** Redis's event name: "set", "expire", "del" ... */
  readonly name: string;
  readonly databaseIndex: number;
  readonly key: Bytes;
}
