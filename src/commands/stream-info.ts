// XINFO: what a stream, its groups and their consumers are like.

import { ID_MAX, ID_MIN, idText } from "../types/stream-id.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NO_SUCH_KEY } from "../resp/errors.ts";
import { MapReply, type Reply } from "../resp/reply.ts";
import { lagOf } from "../types/stream-delivery.ts";
import {
  type Consumer,
  findGroup,
  groups,
  NEVER,
  type OpenGroup,
  UNKNOWN,
} from "../types/stream-group.ts";
import type { StreamParts } from "../types/stream-parts.ts";
import { radixNodes } from "../types/stream-radix.ts";
import * as stream from "../types/stream.ts";
import { subcommandSyntax } from "./help.ts";
import { entriesIn } from "./stream.ts";
import { countOf } from "./stream-arguments.ts";
import { at, type Args } from "./table.ts";

const FULL_COUNT = 10;

function mustFind(view: View, args: Args): StreamParts {
  const record = stream.find(view, at(args, 2));
  if (record === null) throw NO_SUCH_KEY;
  return stream.partsOf(view, record);
}

export function xinfoStream(view: View, args: Args): Reply {
  const parts = mustFind(view, args);
  if (args.length === 3) return summary(parts);
  if (args.length !== 4 && args.length !== 6) throw subcommandSyntax(args);
  if (at(args, 3).toUpperCase() !== "FULL") throw subcommandSyntax(args);
  let countMax = FULL_COUNT;
  if (args.length === 6) {
    if (at(args, 4).toUpperCase() !== "COUNT") throw subcommandSyntax(args);
    countMax = countOf(at(args, 5));
    if (countMax < 0) countMax = FULL_COUNT;
  }
  return full(parts, countMax);
}

function facts(parts: StreamParts): Reply[] {
  const { header } = parts;
  return [
    "length",
    header.length,
    "radix-tree-keys",
    header.nodeCount,
    "radix-tree-nodes",
    radixNodes(parts),
    "last-generated-id",
    idText(header.last),
    "max-deleted-entry-id",
    idText(header.maxDeleted),
    "entries-added",
    header.added,
    "recorded-first-entry-id",
    idText(header.first),
  ];
}

function summary(parts: StreamParts): Reply {
  const edge = (reverse: boolean): Reply =>
    entriesIn(parts, { start: ID_MIN, end: ID_MAX, reverse }, 1)[0] ?? null;
  return new MapReply([
    ...facts(parts),
    "groups",
    parts.header.groupCount,
    "first-entry",
    edge(false),
    "last-entry",
    edge(true),
  ]);
}

function full(parts: StreamParts, countMax: number): Reply {
  const entries = entriesIn(parts, { start: ID_MIN, end: ID_MAX, reverse: false }, countMax);
  const tellGroup = (group: OpenGroup): Reply => fullGroup(group, countMax);
  return new MapReply([
    ...facts(parts),
    "entries",
    entries,
    "groups",
    groups(parts).map(tellGroup),
  ]);
}

function fullGroup(open: OpenGroup, countMax: number): Reply {
  const { group, parts } = open;
  const limit = countMax === 0 ? Infinity : countMax;
  const pending: Reply[] = [];
  const range = { start: ID_MIN, end: ID_MAX, reverse: false, expected: limit };
  open.forEachPending(range, ({ id, consumerId, deliveredMs, deliveries }) => {
    pending.push([idText(id), open.consumer(consumerId).name, deliveredMs, deliveries]);
    return pending.length < limit;
  });
  return new MapReply([
    "name",
    open.name,
    "last-delivered-id",
    idText(group.last),
    "entries-read",
    group.entriesRead === UNKNOWN ? null : group.entriesRead,
    "lag",
    lagOf(parts.header, group),
    "pel-count",
    group.pendingCount,
    "pending",
    pending,
    "consumers",
    open.consumers().map((consumer) => fullConsumer(open, consumer, limit)),
  ]);
}

function fullConsumer(open: OpenGroup, consumer: Consumer, limit: number): Reply {
  const owned = open.owned(consumer.id, { start: ID_MIN, countMax: limit });
  return new MapReply([
    "name",
    consumer.name,
    "seen-time",
    consumer.seenMs,
    "active-time",
    consumer.activeMs,
    "pel-count",
    consumer.pendingCount,
    "pending",
    owned.map(({ id, deliveredMs, deliveries }) => [idText(id), deliveredMs, deliveries]),
  ]);
}

export function xinfoGroups(view: View, args: Args): Reply {
  const parts = mustFind(view, args);
  return groups(parts).map(({ name, group }) => {
    return new MapReply([
      "name",
      name,
      "consumers",
      group.consumerCount,
      "pending",
      group.pendingCount,
      "last-delivered-id",
      idText(group.last),
      "entries-read",
      group.entriesRead === UNKNOWN ? null : group.entriesRead,
      "lag",
      lagOf(parts.header, group),
    ]);
  });
}

export function xinfoConsumers(view: View, args: Args): Reply {
  const parts = mustFind(view, args);
  const [key, name] = [at(args, 2), at(args, 3)];
  const group = findGroup(parts, name);
  if (group === null) {
    throw new CommandError(`NOGROUP No such consumer group '${name}' for key name '${key}'`);
  }
  return group.consumers().map((consumer) => {
    const { activeMs, seenMs } = consumer;
    return new MapReply([
      "name",
      consumer.name,
      "pending",
      consumer.pendingCount,
      "idle",
      Math.max(0, view.nowMs - seenMs),
      "inactive",
      activeMs === NEVER ? NEVER : Math.max(0, view.nowMs - activeMs),
    ]);
  });
}
