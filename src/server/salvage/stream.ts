// A large stream as it was found. Nodes that are there stay; a group stays if all of its parts are there,
// and goes otherwise, because a pending entry that nobody knows of would never be delivered again.

import type { Bytes } from "../../base/bytes.ts";
import { readU32 } from "../../encoding/key.ts";
import * as streams from "../../encoding/stream.ts";
import { Consumer, Group, readPending } from "../../encoding/stream-group.ts";
import { ID_MIN, type StreamId } from "../../encoding/stream-id.ts";
import { StreamNode } from "../../encoding/stream-node.ts";
import type { FoundCollection, Part, Rest } from "./collection.ts";

export class StreamFound implements FoundCollection {
  readonly #header: streams.StreamHeader;
  readonly #nodes: Part[] = [];
  readonly #groups = new Map<number, { readonly part: Part; readonly group: Group }>();
  /** By group. */
  readonly #consumers = new Map<number, Part[]>();
  readonly #names = new Map<number, Part[]>();
  readonly #pending = new Map<number, Part[]>();
  #live = 0;
  #first: StreamId | null = null;
  readonly takesOrder = false;

  constructor(payload: Bytes) {
    this.#header = streams.readExplodedStream(payload);
  }

  element(part: Part): void {
    const [subkey, value] = part;
    switch (subkey.slice(0, 1)) {
      case streams.NODE:
        this.#node(part);
        break;
      case streams.GROUP: {
        const group = Group.read(value);
        this.#groups.set(group.id, { part, group });
        break;
      }
      case streams.CONSUMER:
        add(this.#consumers, part);
        break;
      case streams.PENDING:
        add(this.#pending, part);
        break;
      default:
        add(this.#names, part);
    }
  }

  #node(part: Part): void {
    const node = StreamNode.read(streams.nodeFirst(part[0]), part[1]);
    this.#nodes.push(part);
    this.#live += node.live;
    const cursor = node.entries();
    while (this.#first === null && cursor.next()) if (!cursor.isDeleted) this.#first = cursor.id;
  }

  order(): void {}

  orderOf([subkey, value]: Part): Part | null {
    if (subkey[0] !== streams.PENDING) return null;
    const groupId = streams.groupOfPending(subkey);
    const { consumerId } = readPending(value);
    return [streams.ownedSubkey(groupId, consumerId, streams.pendingId(subkey)), ""];
  }

  isWhole(): boolean {
    const { nodeCount, length, groupCount } = this.#header;
    const isEach = [...this.#groups.values()].every(({ group }) => this.#isGroupWhole(group));
    const isCounted = this.#nodes.length === nodeCount && this.#live === length;
    return isCounted && this.#groups.size === groupCount && isEach;
  }

  #isGroupWhole(group: Group): boolean {
    const consumers = this.#consumers.get(group.id) ?? [];
    const pending = this.#pending.get(group.id) ?? [];
    if (consumers.length !== group.consumerCount) return false;
    if ((this.#names.get(group.id) ?? []).length !== group.consumerCount) return false;
    const owned = consumers.reduce(
      (sum, [subkey, value]) => sum + Consumer.read(readU32(subkey, 5), value).pendingCount,
      0,
    );
    return pending.length === group.pendingCount && owned === group.pendingCount;
  }

  rest(): Rest {
    const whole = [...this.#groups.values()].filter(({ group }) => this.#isGroupWhole(group));
    const { length, groupCount } = this.#header;
    const words: string[] = [];
    if (this.#live !== length)
      words.push(`${length - this.#live} of ${length} entries are missing`);
    const broken = [...this.#groups.values()].filter(({ group }) => !this.#isGroupWhole(group));
    for (const { part } of broken) {
      words.push(`the group ${JSON.stringify(streams.nameOfGroup(part[0]))} is missing`);
    }
    const unknown = groupCount - this.#groups.size;
    if (unknown > 0) words.push(`${unknown} groups are missing`);
    const parts = [
      ...this.#nodes,
      ...whole.map(({ part }) => part),
      ...whole.flatMap(({ group }) => [
        ...(this.#consumers.get(group.id) ?? []),
        ...(this.#pending.get(group.id) ?? []),
        ...(this.#names.get(group.id) ?? []),
      ]),
    ].map(([subkey, content]) => ({ subkey, content }));
    parts.sort((one, other) => (one.subkey < other.subkey ? -1 : 1));
    const header = {
      ...this.#header,
      length: this.#live,
      nodeCount: this.#nodes.length,
      groupCount: whole.length,
      first: this.#first ?? ID_MIN,
    };
    const partBytes = parts.reduce(
      (sum, { subkey, content }) => sum + streams.partSize(subkey, content.length),
      0,
    );
    const target = Buffer.alloc(streams.inlineSize(header, parts.length, partBytes));
    streams.writeInlineStream(target, 0, { header, parts });
    const missing = words.length === 0 ? null : words.join(", ");
    return { payload: target.toString("latin1"), missing };
  }
}

function add(into: Map<number, Part[]>, part: Part): void {
  const groupId = readU32(part[0], 1);
  const parts = into.get(groupId);
  if (parts === undefined) into.set(groupId, [part]);
  else parts.push(part);
}
