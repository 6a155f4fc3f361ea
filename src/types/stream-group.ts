// Consumer groups of a stream: who has got which entries and has not acknowledged them. A group is worked
// on through an OpenGroup, which notes changes of the group and its consumers and writes each once, at
// `flush`; pending entries are parts of their own, written at once.
//
// A pending entry is found by its ID, and a second order lists those of a consumer; counts are kept, so
// that nothing here looks at all that is pending but what asks for all.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { u32 } from "../encoding/key.ts";
import * as encoding from "../encoding/stream.ts";
import {
  Consumer,
  Group,
  NEVER,
  pendingValue,
  readConsumerId,
  readPending,
  type ConsumerParts,
  type GroupParts,
  type Pending,
} from "../encoding/stream-group.ts";
import { compareIds, ID_MIN, type StreamId } from "../encoding/stream-id.ts";
import type { PartContent } from "./stream-value.ts";
import type { StreamParts } from "./stream-parts.ts";

export { NEVER, TIME_MS_MAX, UNKNOWN, type Consumer } from "../encoding/stream-group.ts";

export interface PendingEntry extends Pending {
  readonly id: StreamId;
}

export class OpenGroup {
  readonly parts: StreamParts;
  readonly name: Bytes;
  #group: Group;
  #isChanged = false;
  readonly #consumers = new Map<number, Consumer>();
  readonly #changedConsumers = new Set<number>();

  constructor(parts: StreamParts, name: Bytes, group: Group) {
    this.parts = parts;
    this.name = name;
    this.#group = group;
  }

  get group(): Group {
    return this.#group;
  }

  change(changed: Partial<GroupParts>): void {
    this.#group = this.#group.with(changed);
    this.#isChanged = true;
  }

  /** Writes what was changed of the group and its consumers. */
  flush(): void {
    for (const id of this.#changedConsumers) {
      const consumer = this.#consumers.get(id);
      if (consumer === undefined) throw new AssertionFailed("a consumer that was changed");
      this.parts.set(encoding.consumerSubkey(this.#group.id, id), consumer);
    }
    this.#changedConsumers.clear();
    if (this.#isChanged) this.parts.set(encoding.groupSubkey(this.name), this.#group);
    this.#isChanged = false;
  }

  // Consumers

  /** Throws COLD. */
  findConsumer(name: Bytes): Consumer | null {
    const value = this.parts.get(encoding.consumerNameSubkey(this.#group.id, name));
    return value === null ? null : this.consumer(readConsumerId(bytesOf(value)));
  }

  /** The consumer of an id that a part names. Throws COLD. */
  consumer(id: number): Consumer {
    const known = this.#consumers.get(id);
    if (known !== undefined) return known;
    const subkey = encoding.consumerSubkey(this.#group.id, id);
    const content = this.parts.get(subkey);
    if (content === null) throw new AssertionFailed("a consumer that a part names");
    let consumer: Consumer;
    if (content instanceof Consumer) {
      consumer = content;
    } else {
      consumer = Consumer.read(id, bytesOf(content));
      this.parts.keep(subkey, consumer);
    }
    this.#consumers.set(id, consumer);
    return consumer;
  }

  /** The name must be new. */
  createConsumer(name: Bytes): Consumer {
    const { id, nextConsumerId, consumerCount } = this.#group;
    const seenMs = this.parts.view.nowMs;
    const parts = { id: nextConsumerId, name, seenMs, activeMs: NEVER, pendingCount: 0 };
    this.parts.set(encoding.consumerNameSubkey(id, name), u32(nextConsumerId));
    this.change({ nextConsumerId: nextConsumerId + 1, consumerCount: consumerCount + 1 });
    return this.#note(new Consumer(parts));
  }

  changeConsumer(id: number, changed: Partial<ConsumerParts>): Consumer {
    return this.#note(this.consumer(id).with(changed));
  }

  /**
   * Notes that a consumer was named in a command. Only in memory: it is written with the next change of
   * the consumer, for to write it each time would make a write of each look.
   */
  see(id: number): Consumer {
    const consumer = this.consumer(id).with({ seenMs: this.parts.view.nowMs });
    this.#consumers.set(id, consumer);
    if (!this.#changedConsumers.has(id)) {
      this.parts.keep(encoding.consumerSubkey(this.#group.id, id), consumer);
    }
    return consumer;
  }

  #note(consumer: Consumer): Consumer {
    this.#consumers.set(consumer.id, consumer);
    this.#changedConsumers.add(consumer.id);
    return consumer;
  }

  /** In the order of their names. Throws COLD. */
  consumers(): Consumer[] {
    const ids: number[] = [];
    const groupId = this.#group.id;
    const lower = encoding.consumerNamePrefix(groupId);
    const upper = encoding.consumerNamePrefix(groupId + 1);
    const expected = this.#group.consumerCount;
    this.parts.walk({ lower, upper, reverse: false, expected }, (_subkey, content) => {
      ids.push(readConsumerId(bytesOf(content)));
      return true;
    });
    this.parts.want(ids.map((id) => encoding.consumerSubkey(groupId, id)));
    return ids.map((id) => this.consumer(id));
  }

  /** Removes a consumer with all it has pending; tells how much that was. Throws COLD. */
  removeConsumer(consumer: Consumer): number {
    const { id } = consumer;
    const groupId = this.#group.id;
    const { pendingCount } = consumer;
    const owned = this.owned(id, { start: ID_MIN, countMax: Infinity });
    for (const { id: entryId, ...pending } of owned) this.#drop(entryId, pending);
    this.#consumers.delete(id);
    this.#changedConsumers.delete(id);
    this.parts.set(encoding.consumerSubkey(groupId, id), null);
    this.parts.set(encoding.consumerNameSubkey(groupId, consumer.name), null);
    this.change({
      consumerCount: this.#group.consumerCount - 1,
      pendingCount: this.#group.pendingCount - pendingCount,
    });
    return pendingCount;
  }

  // Pending entries

  /** Throws COLD. */
  pending(id: StreamId): Pending | null {
    if (compareIds(id, this.#group.pendingMax) > 0) return null;
    const value = this.parts.get(encoding.pendingSubkey(this.#group.id, id));
    return value === null ? null : readPending(bytesOf(value));
  }

  /** Before several are looked at: throws COLD once for all of them. */
  wantPending(ids: readonly StreamId[]): void {
    this.parts.want(ids.map((id) => encoding.pendingSubkey(this.#group.id, id)));
  }

  /** Notes an entry as pending; `before` is what was noted of it. Throws COLD. */
  setPending(id: StreamId, before: Pending | null, after: Pending): void {
    const groupId = this.#group.id;
    const subkey = encoding.pendingSubkey(groupId, id);
    const value = pendingValue(after);
    if (before === null) {
      const { pendingCount, pendingMax } = this.#group;
      if (compareIds(id, pendingMax) > 0) {
        this.parts.add(subkey, value);
        this.change({ pendingCount: pendingCount + 1, pendingMax: id });
      } else {
        this.parts.set(subkey, value);
        this.change({ pendingCount: pendingCount + 1 });
      }
    } else {
      this.parts.set(subkey, value);
    }
    if (before?.consumerId === after.consumerId) return;
    if (before !== null) {
      this.parts.disown(groupId, before.consumerId, id);
      this.#count(before.consumerId, -1);
    }
    this.parts.own(groupId, after.consumerId, id);
    this.#count(after.consumerId, 1);
  }

  /** The entry is pending no more. */
  removePending(id: StreamId, pending: Pending): void {
    this.#drop(id, pending);
    this.#count(pending.consumerId, -1);
    this.change({ pendingCount: this.#group.pendingCount - 1 });
  }

  #drop(id: StreamId, { consumerId }: Pending): void {
    this.parts.set(encoding.pendingSubkey(this.#group.id, id), null);
    this.parts.disown(this.#group.id, consumerId, id);
  }

  #count(consumerId: number, by: number): void {
    const { pendingCount } = this.consumer(consumerId);
    this.changeConsumer(consumerId, { pendingCount: pendingCount + by });
  }

  /** Tells of what is pending, in the order of IDs; false ends it. Throws COLD. */
  forEachPending(
    range: {
      readonly start: StreamId;
      readonly end: StreamId;
      readonly reverse: boolean;
      readonly expected: number;
    },
    visit: (entry: PendingEntry) => boolean,
  ): void {
    const groupId = this.#group.id;
    const lower = encoding.pendingSubkey(groupId, range.start);
    const upper = `${encoding.pendingSubkey(groupId, range.end)}\0`;
    const { reverse, expected } = range;
    this.parts.walk({ lower, upper, reverse, expected }, (subkey, content) =>
      visit({ id: encoding.pendingId(subkey), ...readPending(bytesOf(content)) }),
    );
  }

  /** What a consumer has pending, from `start` on. Throws COLD. */
  owned(
    consumerId: number,
    from: { readonly start: StreamId; readonly countMax: number },
  ): PendingEntry[] {
    const { start, countMax } = from;
    const ids: StreamId[] = [];
    const owner = { groupId: this.#group.id, consumerId };
    const { pendingCount } = this.consumer(consumerId);
    const expected = Math.min(countMax, pendingCount);
    if (expected === 0) return [];
    this.parts.walkOwned(owner, { start, expected }, (id) => {
      ids.push(id);
      return ids.length < countMax;
    });
    this.wantPending(ids);
    return ids.map((id) => {
      const pending = this.pending(id);
      if (pending === null) throw new AssertionFailed("what a consumer has pending is pending");
      return { id, ...pending };
    });
  }
}

function bytesOf(content: PartContent): Bytes {
  if (typeof content !== "string") throw new AssertionFailed("a part that is bytes");
  return content;
}

/** Throws COLD. */
export function findGroup(parts: StreamParts, name: Bytes): OpenGroup | null {
  if (parts.header.groupCount === 0) return null;
  const subkey = encoding.groupSubkey(name);
  const content = parts.get(subkey);
  if (content === null) return null;
  if (content instanceof Group) return new OpenGroup(parts, name, content);
  const group = Group.read(bytesOf(content));
  parts.keep(subkey, group);
  return new OpenGroup(parts, name, group);
}

/** False when there is a group of that name. Throws COLD. */
export function createGroup(
  parts: StreamParts,
  name: Bytes,
  begin: { readonly last: StreamId; readonly entriesRead: number },
): boolean {
  if (findGroup(parts, name) !== null) return false;
  const { nextGroupId, groupCount } = parts.header;
  const group = new Group({
    id: nextGroupId,
    last: begin.last,
    pendingMax: ID_MIN,
    entriesRead: begin.entriesRead,
    pendingCount: 0,
    consumerCount: 0,
    nextConsumerId: 1,
  });
  parts.set(encoding.groupSubkey(name), group);
  parts.changeHeader({ nextGroupId: nextGroupId + 1, groupCount: groupCount + 1 });
  return true;
}

/** Every group, in the order of their names. Throws COLD. */
export function groups(parts: StreamParts): OpenGroup[] {
  const { groupCount } = parts.header;
  const found: OpenGroup[] = [];
  if (groupCount === 0) return found;
  const range = { lower: encoding.GROUP, upper: encoding.AFTER_GROUPS, reverse: false };
  parts.walk({ ...range, expected: groupCount }, (subkey, content) => {
    const group = content instanceof Group ? content : Group.read(bytesOf(content));
    found.push(new OpenGroup(parts, encoding.nameOfGroup(subkey), group));
    return true;
  });
  return found;
}

/** Removes a group and all that it has. The id is not used again, so nobody looks there any more. */
export function destroyGroup(parts: StreamParts, open: OpenGroup): void {
  const { id } = open.group;
  parts.set(encoding.groupSubkey(open.name), null);
  const { groupCount } = parts.header;
  parts.changeHeader({ groupCount: groupCount - 1 });
  for (const prefix of [
    encoding.consumerPrefix,
    encoding.pendingPrefix,
    encoding.consumerNamePrefix,
  ]) {
    parts.removeAll({ lower: prefix(id), upper: prefix(id + 1) });
  }
  parts.sweepOwned(id);
}
