// XREAD and XREADGROUP: what several streams have behind given IDs, or for a consumer of a group.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, SYNTAX_ERROR } from "../resp/errors.ts";
import { KeyedReply, NULL_ARRAY, type Reply } from "../resp/reply.ts";
import { deliverAgain, deliverNew, type Delivered } from "../types/stream-delivery.ts";
import { type Consumer, findGroup, type OpenGroup } from "../types/stream-group.ts";
import {
  compareIds,
  ID_MAX,
  ID_MIN,
  idAfter,
  idBefore,
  idOf,
  idText,
  type StreamId,
} from "../types/stream-id.ts";
import type { StreamParts } from "../types/stream-parts.ts";
import * as stream from "../types/stream.ts";
import { entriesIn } from "./stream.ts";
import { countOf } from "./stream-arguments.ts";
import { at, type Args } from "./table.ts";
import { parseTimeoutMs, Wait } from "./wait.ts";

const GROUP_IN_XREAD = new CommandError(
  "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
);
const NOACK_IN_XREAD = new CommandError(
  "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
);
const NO_GROUP_OPTION = new CommandError("ERR Missing GROUP option for XREADGROUP");
const DOLLAR_IN_GROUP = new CommandError(
  "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this " +
    "consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just " +
    "return an empty result set.",
);
const PLUS_IN_GROUP = new CommandError(
  "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this " +
    "consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just " +
    "return an empty result set.",
);
const NEW_IN_XREAD = new CommandError(
  "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> " +
    "option.",
);

interface ReadOptions {
  readonly isGroup: boolean;
  countMax: number;
  /** Null: do not wait. */
  timeoutMs: number | null;
  isAcknowledged: boolean;
  group: Bytes | null;
  consumer: Bytes;
  /** Where the keys begin, and how many they are. */
  streamsAt: number;
  streamCount: number;
}

/** A stream that was asked for, with the ID behind which entries are wanted. */
interface Asked {
  readonly key: Bytes;
  readonly parts: StreamParts | null;
  readonly after: StreamId;
  readonly group: OpenGroup | null;
}

export function xread(view: View, args: Args): Reply | Wait {
  return read(view, args, readOptions(args, false));
}

export function xreadgroup(view: View, args: Args): Reply | Wait {
  return read(view, args, readOptions(args, true));
}

function readOptions(args: Args, isGroup: boolean): ReadOptions {
  const options: ReadOptions = {
    isGroup,
    countMax: 0,
    timeoutMs: null,
    isAcknowledged: false,
    group: null,
    consumer: "",
    streamsAt: 0,
    streamCount: 0,
  };
  let index = 1;
  while (index < args.length && options.streamsAt === 0) index += takeOption(args, index, options);
  if (options.streamsAt === 0) throw SYNTAX_ERROR;
  if (isGroup && options.group === null) throw NO_GROUP_OPTION;
  return options;
}

/** Returns how many arguments it was. Throws CommandError. */
function takeOption(args: Args, index: number, options: ReadOptions): number {
  const more = args.length - 1 - index;
  const word = at(args, index).toUpperCase();
  if (word === "BLOCK" && more > 0) {
    options.timeoutMs = parseTimeoutMs(at(args, index + 1));
    return 2;
  }
  if (word === "COUNT" && more > 0) {
    options.countMax = Math.max(0, countOf(at(args, index + 1)));
    return 2;
  }
  if (word === "STREAMS" && more > 0) {
    if (more % 2 !== 0) throw unbalanced(options.isGroup);
    options.streamsAt = index + 1;
    options.streamCount = more / 2;
    return 1;
  }
  if (word === "GROUP" && more >= 2) {
    if (!options.isGroup) throw GROUP_IN_XREAD;
    options.group = at(args, index + 1);
    options.consumer = at(args, index + 2);
    return 3;
  }
  if (word !== "NOACK") throw SYNTAX_ERROR;
  if (!options.isGroup) throw NOACK_IN_XREAD;
  options.isAcknowledged = true;
  return 1;
}

function unbalanced(isGroup: boolean): CommandError {
  const [name, symbol] = isGroup ? ["xreadgroup", ">"] : ["xread", "$"];
  return new CommandError(
    `ERR Unbalanced '${name}' list of streams: for each stream key an ID or '${symbol}' must be ` +
      "specified.",
  );
}

function read(view: View, args: Args, options: ReadOptions): Reply | Wait {
  const asked: Asked[] = [];
  for (let index = 0; index < options.streamCount; index++) {
    asked.push(askedAt(view, args, options, index));
  }
  const flat: Reply[] = [];
  for (const one of asked) {
    const entries = one.group === null ? entriesBehind(one, options) : served(one, options);
    if (entries !== null) flat.push(one.key, entries);
  }
  if (flat.length > 0) return new KeyedReply(flat);
  if (options.timeoutMs === null) return NULL_ARRAY;
  return new Wait({
    keys: asked.map(({ key }) => key),
    kind: stream.KIND,
    timeoutMs: options.timeoutMs,
    timedOut: NULL_ARRAY,
    again: options.isGroup ? args : [...args.slice(0, -asked.length), ...asked.map(wantedAgain)],
    // Then the group is gone as well, and whoever waits for it is told.
    wakesOnRemoval: options.isGroup,
  });
}

/** What "$" meant when the wait began. */
function wantedAgain({ after }: Asked): Bytes {
  return idText(after);
}

function askedAt(view: View, args: Args, options: ReadOptions, index: number): Asked {
  const { streamsAt, streamCount, isGroup } = options;
  const key = at(args, streamsAt + index);
  const text = at(args, streamsAt + streamCount + index);
  const record = stream.find(view, key);
  const parts = record === null ? null : stream.partsOf(view, record);
  const group = isGroup ? mustFindGroup(parts, key, options.group ?? "") : null;
  return { key, parts, group, after: askedId(parts, text, isGroup) };
}

function mustFindGroup(parts: StreamParts | null, key: Bytes, name: Bytes): OpenGroup {
  const group = parts === null ? null : findGroup(parts, name);
  if (group !== null) return group;
  throw new CommandError(
    `NOGROUP No such key '${key}' or consumer group '${name}' in XREADGROUP with GROUP option`,
  );
}

function askedId(parts: StreamParts | null, text: Bytes, isGroup: boolean): StreamId {
  switch (text) {
    case "$":
      if (isGroup) throw DOLLAR_IN_GROUP;
      return parts?.header.last ?? ID_MIN;
    case "+":
      if (isGroup) throw PLUS_IN_GROUP;
      return parts === null ? ID_MIN : (idBefore(stream.lastLive(parts)) ?? ID_MIN);
    case ">":
      if (!isGroup) throw NEW_IN_XREAD;
      return ID_MAX;
    default:
      return idOf(text);
  }
}

/** Null when there is nothing. */
function entriesBehind({ parts, after }: Asked, { countMax }: ReadOptions): Reply[] | null {
  if (parts === null || compareIds(stream.lastLive(parts), after) <= 0) return null;
  const start = idAfter(after) ?? ID_MIN;
  return entriesIn(parts, { start, end: ID_MAX, reverse: false }, countMax);
}

/** Null when there is nothing new; an empty list when there is no history. */
function served({ parts, group, after }: Asked, options: ReadOptions): Reply[] | null {
  if (parts === null || group === null) return null;
  const { view } = parts;
  const consumer = consumerOf(group, options.consumer);
  let delivered: Delivered[] | null = null;
  if (compareIds(after, ID_MAX) !== 0) {
    delivered = deliverAgain(group, consumer, { after, countMax: options.countMax });
  } else if (compareIds(stream.lastLive(parts), group.group.last) > 0) {
    delivered = deliverNew(group, consumer, options);
  }
  group.flush();
  parts.settle();
  if (delivered === null) return null;
  view.stats.changes++;
  return delivered.map(deliveredReply);
}

/** The consumer of that name, made if need be, and seen now. */
export function consumerOf(group: OpenGroup, name: Bytes): Consumer {
  const { view, record } = group.parts;
  const found = group.findConsumer(name);
  if (found !== null) return group.see(found.id);
  const made = group.createConsumer(name);
  view.notify("stream", "xgroup-createconsumer", record.key);
  view.stats.changes++;
  return made;
}

function deliveredReply({ id, pairs }: Delivered): Reply {
  return [idText(id), pairs ?? NULL_ARRAY];
}
