// XGROUP and its subcommands, and XACK.

import type { Bytes } from "../base/bytes.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";
import { OK, type Reply } from "../resp/reply.ts";
import {
  createGroup,
  destroyGroup,
  findGroup,
  type OpenGroup,
  UNKNOWN,
} from "../types/stream-group.ts";
import { ID_MIN, idOf, looseIdOf, type StreamId } from "../types/stream-id.ts";
import type { StreamParts } from "../types/stream-parts.ts";
import * as stream from "../types/stream.ts";
import { subcommandSyntax } from "./help.ts";
import { countOf } from "./stream-arguments.ts";
import { at, type Args } from "./table.ts";

const NO_STREAM = new CommandError(
  "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use " +
    "the MKSTREAM option to create an empty stream automatically.",
);
const BUSY_GROUP = new CommandError("BUSYGROUP Consumer Group name already exists");
const BAD_ENTRIES_READ = new CommandError("ERR value for ENTRIESREAD must be positive or -1");

interface GroupOptions {
  makesStream: boolean;
  entriesRead: number;
}

function groupOptions(args: Args, takesMkstream: boolean): GroupOptions {
  const options: GroupOptions = { makesStream: false, entriesRead: UNKNOWN };
  for (let index = 5; index < args.length; index++) {
    const word = at(args, index).toUpperCase();
    if (takesMkstream && word === "MKSTREAM") {
      options.makesStream = true;
    } else if (word === "ENTRIESREAD" && index + 1 < args.length) {
      options.entriesRead = countOf(at(args, ++index));
      if (options.entriesRead < 0 && options.entriesRead !== UNKNOWN) throw BAD_ENTRIES_READ;
    } else {
      throw subcommandSyntax(args);
    }
  }
  return options;
}

/** The stream, which must be there. */
function mustFind(view: View, key: Bytes): StreamParts {
  const record = stream.find(view, key);
  if (record === null) throw NO_STREAM;
  return stream.partsOf(view, record);
}

function mustFindGroup(parts: StreamParts, args: Args): OpenGroup {
  const group = findGroup(parts, at(args, 3));
  if (group !== null) return group;
  const [key, name] = [at(args, 2), at(args, 3)];
  throw new CommandError(`NOGROUP No such consumer group '${name}' for key name '${key}'`);
}

export function xgroupCreate(view: View, args: Args): Reply {
  const { makesStream, entriesRead } = groupOptions(args, true);
  if (args.length > 8) throw subcommandSyntax(args);
  const key = at(args, 2);
  const found = stream.find(view, key);
  if (found === null && !makesStream) throw NO_STREAM;
  const last = lastOf(found === null ? null : stream.partsOf(view, found), at(args, 4));
  const parts = stream.partsOf(view, found ?? stream.create(view, key));
  return view.unwatched(() => {
    if (!createGroup(parts, at(args, 3), { last, entriesRead })) throw BUSY_GROUP;
    view.stats.changes++;
    view.notify("stream", "xgroup-create", key);
    parts.settle();
    return OK;
  });
}

/** What changes the groups of a stream, and not its entries: in Redis no WATCH is lost by it. */
export function ofGroups<T>(run: (view: View, args: Args) => T): (view: View, args: Args) => T {
  return (view, args) => view.unwatched(() => run(view, args));
}

function lastOf(parts: StreamParts | null, text: Bytes): StreamId {
  return text === "$" ? (parts?.header.last ?? ID_MIN) : idOf(text);
}

export function xgroupSetid(view: View, args: Args): Reply {
  const { entriesRead } = groupOptions(args, false);
  const key = at(args, 2);
  const parts = mustFind(view, key);
  const group = mustFindGroup(parts, args);
  if (args.length !== 5 && args.length !== 7) throw subcommandSyntax(args);
  const text = at(args, 4);
  const last = text === "$" ? parts.header.last : looseIdOf(text, 0);
  group.change({ last, entriesRead });
  group.flush();
  view.stats.changes++;
  view.notify("stream", "xgroup-setid", key);
  return OK;
}

export function xgroupDestroy(view: View, args: Args): Reply {
  const key = at(args, 2);
  const parts = mustFind(view, key);
  const group = findGroup(parts, at(args, 3));
  if (group === null) return 0;
  destroyGroup(parts, group);
  view.stats.changes++;
  view.notify("stream", "xgroup-destroy", key);
  return 1;
}

export function xgroupCreateconsumer(view: View, args: Args): Reply {
  const key = at(args, 2);
  const parts = mustFind(view, key);
  const group = mustFindGroup(parts, args);
  if (group.findConsumer(at(args, 4)) !== null) return 0;
  group.createConsumer(at(args, 4));
  group.flush();
  view.stats.changes++;
  view.notify("stream", "xgroup-createconsumer", key);
  parts.settle();
  return 1;
}

export function xgroupDelconsumer(view: View, args: Args): Reply {
  const key = at(args, 2);
  const group = mustFindGroup(mustFind(view, key), args);
  const consumer = group.findConsumer(at(args, 4));
  if (consumer === null) return 0;
  const pending = group.removeConsumer(consumer);
  group.flush();
  view.stats.changes++;
  view.notify("stream", "xgroup-delconsumer", key);
  return pending;
}

export function xack(view: View, args: Args): Reply {
  const record = stream.find(view, at(args, 1));
  const group = record === null ? null : findGroup(stream.partsOf(view, record), at(args, 2));
  if (group === null) return 0;
  const ids = args.slice(3).map(idOf);
  if (ids.length > 1) group.wantPending(ids);
  let acknowledged = 0;
  for (const id of ids) {
    const pending = group.pending(id);
    if (pending === null) continue;
    group.removePending(id, pending);
    acknowledged++;
  }
  group.flush();
  view.stats.changes += acknowledged;
  return acknowledged;
}
