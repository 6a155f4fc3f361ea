// Fields that die: HEXPIRE and its family, HGETEX, HSETEX, HGETDEL, as handlers. Their rows are in
// hash-expiry-rows.ts, what dying is in types/hash-expiry.ts.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, wrongArity } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import * as hash from "../types/hash.ts";
import * as hashExpiry from "../types/hash-expiry.ts";
import { parseInteger } from "../types/number.ts";
import { at, type Args } from "./table.ts";

const FIELDS_MISSING = new CommandError(
  "ERR Mandatory argument FIELDS is missing or not at the right position",
);
const NOT_POSITIVE = new CommandError("ERR Number of fields must be a positive integer");
const NOT_ABOVE_ZERO = new CommandError("ERR Parameter `numFields` should be greater than 0");
const COUNT_DIFFERS = new CommandError(
  "ERR The `numfields` parameter must match the number of arguments",
);
const NEGATIVE_TIME = new CommandError("ERR invalid expire time, must be >= 0");
const MISSING_TIME = new CommandError("ERR missing expire time");
const ONE_TIME_ONLY = new CommandError(
  "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
);
const ONE_CONDITION_ONLY = new CommandError(
  "ERR Only one of FXX or FNX arguments can be specified",
);
const BAD_FIELD_COUNT = new CommandError("ERR invalid number of fields");
/** The last moment at which a field may die, as in Redis. */
const EXPIRY_MS_MAX = 2 ** 46 - 1;

export type Unit = "seconds" | "milliseconds";

/** How a command's number is to be read: a time to live, or a moment; in seconds or milliseconds. */
export interface TimeKind {
  readonly unit: Unit;
  readonly isRelative: boolean;
}

/** A moment in milliseconds since the epoch. Throws CommandError. */
function momentOf(view: View, args: Args, index: number, kind: TimeKind): number {
  const value = parseInteger(at(args, index));
  if (value === null) throw NOT_AN_INTEGER;
  if (value < 0) throw NEGATIVE_TIME;
  const milliseconds = Number(value) * (kind.unit === "seconds" ? 1000 : 1);
  const moment = kind.isRelative ? view.nowMs + milliseconds : milliseconds;
  if (moment > EXPIRY_MS_MAX) {
    const name = at(args, 0).toLowerCase();
    throw new CommandError(`ERR invalid expire time in '${name}' command`);
  }
  return moment;
}

/** The fields behind FIELDS and their number, the word standing at `index`. Throws CommandError. */
function fieldsAt(args: Args, index: number, notPositive = NOT_POSITIVE): readonly Bytes[] {
  if (args[index]?.toUpperCase() !== "FIELDS") throw FIELDS_MISSING;
  const count = parseInteger(args[index + 1] ?? "");
  if (typeof count !== "number" || count < 1) throw notPositive;
  if (count !== args.length - index - 2) throw COUNT_DIFFERS;
  return args.slice(index + 2);
}

// When fields die

const CONDITIONS: ReadonlySet<string> = new Set(["NX", "XX", "GT", "LT"]);

function isCondition(word: string): word is hashExpiry.Condition {
  return CONDITIONS.has(word);
}

export function expire(kind: TimeKind): (view: View, args: Args) => Reply {
  return (view, args) => {
    const key = at(args, 1);
    const record = hash.find(view, key);
    const expiryMs = momentOf(view, args, 2, kind);
    const word = at(args, 3).toUpperCase();
    const condition = isCondition(word) ? word : null;
    const fields = fieldsAt(args, condition === null ? 3 : 4, NOT_ABOVE_ZERO);
    if (record === null) return fields.map(() => hashExpiry.NO_FIELD);
    hash.want(view, record, fields);
    const when = { expiryMs, condition };
    const results = fields.map((field) => hashExpiry.expireAt(view, record, field, when));
    const isDeleted = results.includes(hashExpiry.IS_DELETED);
    if (isDeleted || results.includes(hashExpiry.IS_SET)) {
      view.notify("hash", isDeleted ? "hdel" : "hexpire", key);
    }
    if (isDeleted) hash.removeIfEmpty(view, record);
    return results;
  };
}

/** HTTL and its kind; `isRelative`: what is left, else the moment. */
export function timeLeft(kind: TimeKind): (view: View, args: Args) => Reply {
  return (view, args) => {
    const record = hash.find(view, at(args, 1));
    const fields = fieldsAt(args, 2);
    if (record === null) return fields.map(() => hashExpiry.NO_FIELD);
    hash.want(view, record, fields);
    const base = kind.isRelative ? view.nowMs : 0;
    return fields.map((field) => {
      const expiryMs = hashExpiry.expiry(view, record, field);
      if (expiryMs === null) return hashExpiry.NO_FIELD;
      if (expiryMs === 0) return -1;
      const milliseconds = expiryMs - base;
      return kind.unit === "seconds" ? Math.floor((milliseconds + 999) / 1000) : milliseconds;
    });
  };
}

export function hpersist(view: View, args: Args): Reply {
  const key = at(args, 1);
  const record = hash.find(view, key);
  const fields = fieldsAt(args, 2);
  if (record === null) return fields.map(() => hashExpiry.NO_FIELD);
  hash.want(view, record, fields);
  const results = fields.map((field) => hashExpiry.persist(view, record, field));
  if (results.includes(1)) {
    view.stats.changes++;
    view.notify("hash", "hpersist", key);
  }
  return results;
}

// Reading and removing, or reading and giving time

export function hgetdel(view: View, args: Args): Reply {
  const key = at(args, 1);
  const record = hash.find(view, key);
  const fields = fieldsAt(args, 2);
  if (record === null) return fields.map(() => null);
  hash.want(view, record, fields);
  const dropped = dropDead(view, record, fields);
  let removed = false;
  const values = fields.map((field) => {
    const value = hash.get(view, record, field);
    if (value !== null) removed = hash.remove(view, record, field);
    return value;
  });
  if (removed) view.notify("hash", "hdel", key);
  if (removed || dropped) hash.removeIfEmpty(view, record);
  return values;
}

/** Removes those of the fields that have died; true if there were any. */
function dropDead(view: View, record: Record, fields: readonly Bytes[]): boolean {
  let dropped = false;
  for (const field of fields) {
    if (hash.dropIfDead(view, record, field)) dropped = true;
  }
  if (dropped) view.notify("hash", "hexpired", record.key);
  return dropped;
}

const TIMES: Readonly<{ [word: string]: TimeKind }> = {
  EX: { unit: "seconds", isRelative: true },
  PX: { unit: "milliseconds", isRelative: true },
  EXAT: { unit: "seconds", isRelative: false },
  PXAT: { unit: "milliseconds", isRelative: false },
};

export function hgetex(view: View, args: Args): Reply {
  const key = at(args, 1);
  const record = hash.find(view, key);
  const word = at(args, 2).toUpperCase();
  const kind = TIMES[word];
  const persists = word === "PERSIST";
  const expiryMs = kind === undefined ? 0 : momentOf(view, args, 3, kind);
  const fields = fieldsAt(args, 2 + (kind === undefined ? 0 : 2) + (persists ? 1 : 0));
  if (record === null) return fields.map(() => null);
  hash.want(view, record, fields);
  const dropped = dropDead(view, record, fields);
  const done: GetexDone = { persisted: 0, updated: 0, deleted: 0 };
  // One after the other: a field may stand there twice.
  const values = fields.map((field) => {
    const value = hash.get(view, record, field);
    if (value === null) return value;
    if (persists && hashExpiry.persist(view, record, field) === 1) done.persisted++;
    if (kind === undefined) return value;
    const result = hashExpiry.expireAt(view, record, field, { expiryMs, condition: null });
    if (result === hashExpiry.IS_DELETED) done.deleted++;
    else done.updated++;
    return value;
  });
  noteGetex(view, key, done);
  if (done.deleted > 0 || dropped) hash.removeIfEmpty(view, record);
  return values;
}

interface GetexDone {
  persisted: number;
  updated: number;
  deleted: number;
}

function noteGetex(view: View, key: Bytes, { persisted, updated, deleted }: GetexDone): void {
  if (persisted > 0) view.notify("hash", "hpersist", key);
  else if (updated > 0) view.notify("hash", "hexpire", key);
  else if (deleted > 0) view.notify("hash", "hdel", key);
  view.stats.changes += persisted;
}

// Setting with an expiry

interface SetOptions {
  condition: "FNX" | "FXX" | null;
  time: "none" | "keep" | "given";
  expiryMs: number;
  /** Where the fields begin. */
  fieldsAt: number;
}

export function hsetex(view: View, args: Args): Reply {
  const options = setOptions(view, args);
  const key = at(args, 1);
  const found = hash.find(view, key);
  if (found === null && options.condition === "FXX") return 0;
  const fields: Bytes[] = [];
  for (let index = options.fieldsAt; index < args.length; index += 2) fields.push(at(args, index));
  const record = found ?? hash.open(view, key);
  hash.want(view, record, fields);
  if (options.condition !== null) {
    const dropped = dropDead(view, record, fields);
    const areThere = fields.map((field) => hash.get(view, record, field) !== null);
    const stops = options.condition === "FNX" ? areThere.includes(true) : areThere.includes(false);
    if (stops) {
      if (dropped) hash.removeIfEmpty(view, record);
      return 0;
    }
  }
  setAll(view, record, args, options);
  return 1;
}

function setAll(view: View, record: Record, args: Args, options: SetOptions): void {
  const { changes } = view.stats;
  const isGiven = options.time === "given";
  const isPast = isGiven && options.expiryMs <= view.nowMs;
  const expiryMs = options.time === "keep" ? hash.KEEP_EXPIRY : isPast ? 0 : options.expiryMs;
  let count = 0;
  for (let index = options.fieldsAt; index < args.length; index += 2) {
    const field = at(args, index);
    hash.put(view, record, { field, value: at(args, index + 1), expiryMs });
    if (isPast) hash.remove(view, record, field);
    count++;
  }
  view.stats.changes = changes + count;
  view.notify("hash", "hset", record.key);
  if (isGiven) view.notify("hash", isPast ? "hdel" : "hexpire", record.key);
  if (isPast) hash.removeIfEmpty(view, record);
}

function setOptions(view: View, args: Args): SetOptions {
  const options: SetOptions = { condition: null, time: "none", expiryMs: 0, fieldsAt: 0 };
  for (let index = 2; index < args.length; index++) {
    const word = at(args, index).toUpperCase();
    const kind = TIMES[word];
    if (word === "FIELDS") {
      options.fieldsAt = checkedPairs(args, index);
      return options;
    }
    if (kind !== undefined || word === "KEEPTTL") {
      if (options.time !== "none") throw ONE_TIME_ONLY;
      options.time = kind === undefined ? "keep" : "given";
      if (kind === undefined) continue;
      if (index + 1 >= args.length) throw MISSING_TIME;
      options.expiryMs = momentOf(view, args, ++index, kind);
    } else if (word === "FXX" || word === "FNX") {
      if (options.condition !== null) throw ONE_CONDITION_ONLY;
      options.condition = word;
    } else {
      throw new CommandError(`ERR unknown argument: ${at(args, index)}`);
    }
  }
  // Redis asserts that it never comes here.
  throw FIELDS_MISSING;
}

/** Where the fields begin, FIELDS standing at `index`. */
function checkedPairs(args: Args, index: number): number {
  const arity = wrongArity(at(args, 0).toLowerCase());
  if (index >= args.length - 3) throw arity;
  const count = parseInteger(at(args, index + 1));
  if (typeof count !== "number" || count < 1 || count > 2 ** 31 - 1) throw BAD_FIELD_COUNT;
  if (args.length - index - 2 !== count * 2) throw arity;
  return index + 2;
}
