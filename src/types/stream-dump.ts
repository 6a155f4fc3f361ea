// Streams in dumps: all there is of one, groups included, and a stream made of it again.

import type { Bytes } from "../base/bytes.ts";
import type { DumpedGroup, DumpedStream } from "../encoding/rdb-stream.ts";
import { STREAM } from "../encoding/record.ts";
import * as encoding from "../encoding/stream.ts";
import { idBytes, ID_MAX, ID_MIN } from "../encoding/stream-id.ts";
import type { StreamNode } from "../encoding/stream-node.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { distanceOf } from "./stream-delivery.ts";
import { createGroup, findGroup, groups, type OpenGroup } from "./stream-group.ts";
import { nodeIn, StreamParts } from "./stream-parts.ts";
import { InlineStream } from "./stream-value.ts";

/** As DUMP writes it. Throws COLD. */
export function dumped(view: View, record: Record): DumpedStream {
  const parts = new StreamParts(view, record);
  const { head, tail, nodeCount, length, added, last, first, maxDeleted } = parts.header;
  const nodes: StreamNode[] = [];
  if (nodeCount > 0) {
    const range = { lower: head, upper: `${tail}\0`, reverse: false, expected: nodeCount };
    parts.walk(range, (subkey, content) => nodes.push(nodeIn(subkey, content)) > 0);
  }
  const rest = { length, added, last, first, maxDeleted, groups: groups(parts).map(dumpedGroup) };
  return { kind: STREAM, nodes, ...rest };
}

function dumpedGroup(open: OpenGroup): DumpedGroup {
  const { name, group } = open;
  const pending: DumpedGroup["pending"][number][] = [];
  const range = { start: ID_MIN, end: ID_MAX, reverse: false, expected: group.pendingCount };
  open.forEachPending(range, (entry) => pending.push(entry) > 0);
  const consumers = open.consumers().map(({ id, ...consumer }) => ({
    name: consumer.name,
    seenMs: consumer.seenMs,
    activeMs: consumer.activeMs,
    pending: open.owned(id, { start: ID_MIN, countMax: Infinity }).map((entry) => entry.id),
  }));
  return { name, last: group.last, entriesRead: group.entriesRead, pending, consumers };
}

/** Makes a stream of a dump, where there is no key. */
export function restore(view: View, key: Bytes, stream: DumpedStream, expiryMs: number): Record {
  const record = view.set(key, { kind: STREAM, value: InlineStream.empty(), expiryMs });
  const parts = new StreamParts(view, record);
  for (const node of stream.nodes) parts.add(encoding.nodeSubkey(node.first), node);
  const { length, added, last, first, maxDeleted, nodes } = stream;
  const ends = [nodes[0], nodes.at(-1)].map((node) =>
    node === undefined ? "" : encoding.nodeSubkey(node.first),
  );
  const [head = "", tail = ""] = ends;
  const nodeCount = nodes.length;
  parts.changeHeader({ length, nodeCount, added, last, first, maxDeleted, head, tail });
  parts.settle();
  for (const group of stream.groups) restoreGroup(parts, group);
  parts.settle();
  return record;
}

function restoreGroup(parts: StreamParts, dump: DumpedGroup): void {
  const entriesRead = dump.entriesRead ?? distanceOf(parts.header, dump.last);
  createGroup(parts, dump.name, { last: dump.last, entriesRead });
  const open = findGroup(parts, dump.name);
  if (open === null) return;
  const pending = new Map(dump.pending.map((entry) => [idBytes(entry.id), entry]));
  for (const { name, seenMs, activeMs, pending: owned } of dump.consumers) {
    const { id: consumerId } = open.createConsumer(name);
    open.changeConsumer(consumerId, { seenMs, activeMs });
    for (const id of owned) {
      const entry = pending.get(idBytes(id));
      if (entry === undefined) continue;
      const { deliveredMs, deliveries } = entry;
      open.setPending(id, null, { consumerId, deliveredMs, deliveries });
      parts.settle();
    }
  }
  open.flush();
}
