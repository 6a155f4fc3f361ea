// Who listens to what, and the telling. Channels and patterns share one space of names; shard
// channels have their own, and patterns do not reach into it.
//
// The hub tells at once. That nothing is told of a write before its commit, and in which order, is
// settled by whoever calls `publish`: an effect of a batch (commit/pipeline.ts).

import type { Bytes } from "../base/bytes.ts";
import { matches } from "../base/glob.ts";
import { Push } from "../resp/reply.ts";
import { encode, encodeParts } from "../resp/writer.ts";

export type SubscriptionKind = "channel" | "pattern" | "shard";
/** Where a message goes: channels, with the patterns that match them, or shard channels. */
export type Space = "channel" | "shard";

export interface Subscriber {
  readonly protocol: 2 | 3;
  /** Bytes of a message, or the next piece of a long one, in the subscriber's protocol. */
  tell(bytes: Bytes): void;
}

type Listeners = Map<Bytes, Set<Subscriber>>;

/** Longer messages are told in pieces: a string has a greatest length. */
const WHOLE_BYTES_MAX = 1024 * 1024;

export class Hub {
  readonly #listeners: Readonly<Record<SubscriptionKind, Listeners>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  };

  /** True if the subscription is new. */
  subscribe(kind: SubscriptionKind, name: Bytes, subscriber: Subscriber): boolean {
    const listeners = this.#listeners[kind];
    let subscribers = listeners.get(name);
    if (subscribers === undefined) {
      subscribers = new Set();
      listeners.set(name, subscribers);
    }
    if (subscribers.has(subscriber)) return false;
    subscribers.add(subscriber);
    return true;
  }

  /** True if there was such a subscription. */
  unsubscribe(kind: SubscriptionKind, name: Bytes, subscriber: Subscriber): boolean {
    const listeners = this.#listeners[kind];
    const subscribers = listeners.get(name);
    if (subscribers === undefined || !subscribers.delete(subscriber)) return false;
    if (subscribers.size === 0) listeners.delete(name);
    return true;
  }

  /** Whether no message to a channel would be heard; shard channels are not asked. */
  get isDeaf(): boolean {
    return this.#listeners.channel.size === 0 && this.#listeners.pattern.size === 0;
  }

  /** How often a message to `channel` would be told now: once for each subscription it meets. */
  receiverCount(space: Space, channel: Bytes): number {
    let count = this.subscriberCount(space, channel);
    if (space === "shard") return count;
    for (const [pattern, subscribers] of this.#listeners.pattern) {
      if (matches(pattern, channel)) count += subscribers.size;
    }
    return count;
  }

  /** Tells everybody who is subscribed now; those of the channel first, then those of patterns. */
  publish(space: Space, channel: Bytes, payload: Bytes): void {
    const subscribers = this.#listeners[space].get(channel);
    if (subscribers !== undefined) {
      const word = space === "shard" ? "smessage" : "message";
      tellAll(subscribers, [word, channel, payload]);
    }
    if (space === "shard") return;
    for (const [pattern, others] of this.#listeners.pattern) {
      if (matches(pattern, channel)) tellAll(others, ["pmessage", pattern, channel, payload]);
    }
  }

  /** Tells other processes of a message to a channel; null where there are none. Not of keyspace events. */
  relay: ((channel: Bytes, payload: Bytes) => void) | null = null;

  get isRelayed(): boolean {
    return this.relay !== null;
  }

  /** What a client has published; a shard channel is one process's. */
  announce(space: Space, channel: Bytes, payload: Bytes): void {
    this.publish(space, channel, payload);
    if (space === "channel") this.relay?.(channel, payload);
  }

  // Looking around: PUBSUB

  /** Channels somebody is subscribed to by name; all of them when `pattern` is null. */
  channels(space: Space, pattern: Bytes | null): Bytes[] {
    const names = [...this.#listeners[space].keys()];
    return pattern === null ? names : names.filter((name) => matches(pattern, name));
  }

  /** Subscriptions by name; patterns are not counted. */
  subscriberCount(space: Space, channel: Bytes): number {
    return this.#listeners[space].get(channel)?.size ?? 0;
  }

  /** Different patterns, however many are subscribed to each. */
  get patternCount(): number {
    return this.#listeners.pattern.size;
  }
}

/** Encoded once for each protocol, however many listen. */
function tellAll(subscribers: ReadonlySet<Subscriber>, items: readonly Bytes[]): void {
  const message = new Push(items);
  const isLong = items.some((item) => item.length > WHOLE_BYTES_MAX);
  const encoded: { 2: Bytes[] | null; 3: Bytes[] | null } = { 2: null, 3: null };
  for (const subscriber of subscribers) {
    const { protocol } = subscriber;
    let parts = encoded[protocol];
    if (parts === null) {
      parts = isLong ? encodeParts(message, protocol) : [encode(message, protocol)];
      encoded[protocol] = parts;
    }
    for (const part of parts) subscriber.tell(part);
  }
}
