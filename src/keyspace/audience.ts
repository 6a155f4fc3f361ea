// Those who listen to messages, as command handlers see them. Implemented by pubsub/hub.ts and set
// by the server; without one, nobody listens.

import type { Bytes } from "../base/bytes.ts";

/** Channels, with the patterns that match them, or shard channels. */
export type Space = "channel" | "shard";

export interface Audience {
  /** How often a message would be told now: once for each subscription it meets. */
  receiverCount(space: Space, channel: Bytes): number;
  /** What a client has published: told here and, if it is relayed, to the other processes. */
  announce(space: Space, channel: Bytes, payload: Bytes): void;
  /** Channels somebody is subscribed to by name; all of them when `pattern` is null. */
  channels(space: Space, pattern: Bytes | null): Bytes[];
  /** Subscriptions by name; patterns are not counted. */
  subscriberCount(space: Space, channel: Bytes): number;
  /** Different patterns, however many are subscribed to each. */
  readonly patternCount: number;
  /** Messages to channels go to other processes, too, whoever listens here. */
  readonly isRelayed: boolean;
}

export const NOBODY: Audience = {
  receiverCount: () => 0,
  announce: () => {},
  channels: () => [],
  subscriberCount: () => 0,
  patternCount: 0,
  isRelayed: false,
};
