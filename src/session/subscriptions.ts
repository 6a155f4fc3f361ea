// The subscriptions of one connection, and their confirmations.
//
// Each name is confirmed by itself, with the number of subscriptions that are left. Outside EXEC the
// confirmations are pushed; inside it they are the command's element, because an EXEC answers exactly
// one element a command (law 2): the one confirmation, or an array of them for several names.
//
// An EXEC that is stopped by a cold read runs again from its start, so what it changed here must be
// undone at once: nobody may be told in between of what has not happened yet.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { SubscriptionKind } from "../commands/ports.ts";
import type { Hub, Subscriber } from "../pubsub/hub.ts";
import { Push, type Reply } from "../resp/reply.ts";

const PREFIX: Readonly<Record<SubscriptionKind, string>> = {
  channel: "",
  pattern: "p",
  shard: "s",
};

/** What one subscription costs beside its name: it stands here and in the hub. */
const NAME_OVERHEAD_BYTES = 256;

export class Subscriptions {
  readonly #hub: Hub;
  readonly #subscriber: Subscriber;
  readonly #names: Readonly<Record<SubscriptionKind, Set<Bytes>>> = {
    channel: new Set(),
    pattern: new Set(),
    shard: new Set(),
  };
  /** What the EXEC now running has changed, newest last. */
  #undo: (() => void)[] = [];
  #bytes = 0;

  constructor(hub: Hub, subscriber: Subscriber) {
    this.#hub = hub;
    this.#subscriber = subscriber;
  }

  /** All of them: with any, the connection is a subscriber. */
  get count(): number {
    return this.#names.channel.size + this.#names.pattern.size + this.#names.shard.size;
  }

  /** Memory of all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  get names(): Readonly<Record<SubscriptionKind, ReadonlySet<Bytes>>> {
    return this.#names;
  }

  get counts(): Record<SubscriptionKind, number> {
    const { channel, pattern, shard } = this.#names;
    return { channel: channel.size, pattern: pattern.size, shard: shard.size };
  }

  /** Memory of all of them together with `names`, as far as those are new. */
  bytesWith(kind: SubscriptionKind, names: readonly Bytes[]): number {
    let bytes = this.#bytes;
    for (const name of names) {
      if (!this.#names[kind].has(name)) bytes += name.length + NAME_OVERHEAD_BYTES;
    }
    return bytes;
  }

  /** The confirmations, one for each name. */
  subscribe(kind: SubscriptionKind, names: readonly Bytes[]): Push[] {
    return names.map((name) => {
      if (this.#add(kind, name)) this.#undo.push(() => this.#remove(kind, name));
      return this.#confirmation(kind, "subscribe", name);
    });
  }

  /** The same; without names, from all of the kind, and there is always one confirmation. */
  unsubscribe(kind: SubscriptionKind, names: readonly Bytes[]): Push[] {
    const wanted = names.length > 0 ? names : [...this.#names[kind]];
    if (wanted.length === 0) return [this.#confirmation(kind, "unsubscribe", null)];
    return wanted.map((name) => {
      if (this.#remove(kind, name)) this.#undo.push(() => this.#add(kind, name));
      return this.#confirmation(kind, "unsubscribe", name);
    });
  }

  /** Unsubscribes from everything and confirms nothing. */
  clear(): void {
    for (const kind of ["channel", "pattern", "shard"] as const) {
      for (const name of this.#names[kind]) this.#remove(kind, name);
    }
    this.#undo = [];
  }

  /** What has changed so far stays. */
  keep(): void {
    if (this.#undo.length > 0) this.#undo = [];
  }

  /** Takes back what has changed since the last `keep`. */
  revert(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
  }

  #add(kind: SubscriptionKind, name: Bytes): boolean {
    const isNew = this.#hub.subscribe(kind, name, this.#subscriber);
    if (!isNew) return false;
    this.#names[kind].add(name);
    this.#bytes += name.length + NAME_OVERHEAD_BYTES;
    return true;
  }

  #remove(kind: SubscriptionKind, name: Bytes): boolean {
    if (!this.#names[kind].delete(name)) return false;
    this.#bytes -= name.length + NAME_OVERHEAD_BYTES;
    const was = this.#hub.unsubscribe(kind, name, this.#subscriber);
    assert(was, "the hub knows every subscription");
    return true;
  }

  #confirmation(kind: SubscriptionKind, verb: string, name: Bytes | null): Push {
    const { channel, pattern, shard } = this.#names;
    const left = kind === "shard" ? shard.size : channel.size + pattern.size;
    return new Push([PREFIX[kind] + verb, name, left]);
  }
}

/** Confirmations as one element of an EXEC: pushes cannot stand inside an array. */
export function asElement(confirmations: readonly Push[]): Reply {
  const [first] = confirmations;
  if (confirmations.length === 1 && first !== undefined) return first.items;
  return confirmations.map(({ items }) => items);
}
