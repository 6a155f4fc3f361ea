// GEOSEARCH and its elder forms, GEORADIUS and GEORADIUSBYMEMBER: what is near a point, told or stored.
// The options are read in Redis's order, which decides what error a client is told of several.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { EMPTY_ARRAY, type Reply } from "../resp/reply.ts";
import * as geo from "../types/geo.ts";
import type { Found, Shape } from "../types/geo.ts";
import * as geohash from "../types/geohash.ts";
import type { Point } from "../types/geohash.ts";
import { parseInteger, toIndex } from "../types/number.ts";
import * as sortedSet from "../types/sorted-set.ts";
import { distanceReply, numberAt, pointAt, pointReply, unitAt } from "./geo.ts";
import { at, type Args } from "./table.ts";

const NO_SUCH_MEMBER = new CommandError("ERR could not decode requested zset member");
const BAD_RADIUS = new CommandError("ERR need numeric radius");
const NEGATIVE_RADIUS = new CommandError("ERR radius cannot be negative");
const BAD_WIDTH = new CommandError("ERR need numeric width");
const BAD_HEIGHT = new CommandError("ERR need numeric height");
const NEGATIVE_SIDE = new CommandError("ERR height or width cannot be negative");
const COUNT_TOO_SMALL = new CommandError("ERR COUNT must be > 0");
const ANY_NEEDS_COUNT = new CommandError("ERR the ANY argument requires COUNT argument");

/** What is asked for; what is not known yet is null. */
interface Asked {
  center: Point | null;
  /** FROMMEMBER was said, though there may be no key to look it up in. */
  isByMember: boolean;
  shape: Shape | null;
  unitMeters: number;
  order: "none" | "ascending" | "descending";
  /** 0 for all. */
  count: number;
  isAny: boolean;
  withDistance: boolean;
  withHash: boolean;
  withPoint: boolean;
  target: Bytes | null;
  storesDistances: boolean;
}

/** What the name of a command says of its arguments. */
interface Form {
  readonly isSearch: boolean;
  /** Whether STORE and STOREDIST are options that name a key. */
  readonly mayStore: boolean;
  readonly sourceAt: number;
  readonly optionsAt: number;
  readonly event: string;
}

const RADIUS = { isSearch: false, sourceAt: 1, event: "georadiusstore" } as const;
const SEARCH = { isSearch: true, mayStore: false, event: "geosearchstore" } as const;

export function georadius(view: View, args: Args): Reply {
  return aroundPoint(view, args, true);
}

export function georadiusRo(view: View, args: Args): Reply {
  return aroundPoint(view, args, false);
}

export function georadiusbymember(view: View, args: Args): Reply {
  return aroundMember(view, args, true);
}

export function georadiusbymemberRo(view: View, args: Args): Reply {
  return aroundMember(view, args, false);
}

export function geosearch(view: View, args: Args): Reply {
  const record = sortedSet.find(view, at(args, 1));
  const form = { ...SEARCH, sourceAt: 1, optionsAt: 2 };
  return answered(view, record, args, { form, asked: nothingAsked() });
}

export function geosearchstore(view: View, args: Args): Reply {
  const record = sortedSet.find(view, at(args, 2));
  const form = { ...SEARCH, sourceAt: 2, optionsAt: 3 };
  const asked = { ...nothingAsked(), target: at(args, 1) };
  return answered(view, record, args, { form, asked });
}

function aroundPoint(view: View, args: Args, mayStore: boolean): Reply {
  const record = sortedSet.find(view, at(args, 1));
  const asked = nothingAsked();
  asked.center = pointAt(args, 2);
  readCircle(args, 4, asked);
  return answered(view, record, args, { form: { ...RADIUS, mayStore, optionsAt: 6 }, asked });
}

function aroundMember(view: View, args: Args, mayStore: boolean): Reply {
  const record = sortedSet.find(view, at(args, 1));
  const asked = nothingAsked();
  if (record !== null) {
    asked.center = pointOf(view, record, at(args, 2));
    readCircle(args, 3, asked);
  }
  return answered(view, record, args, { form: { ...RADIUS, mayStore, optionsAt: 5 }, asked });
}

function nothingAsked(): Asked {
  return {
    center: null,
    isByMember: false,
    shape: null,
    unitMeters: 1,
    order: "none",
    count: 0,
    isAny: false,
    withDistance: false,
    withHash: false,
    withPoint: false,
    target: null,
    storesDistances: false,
  };
}

function pointOf(view: View, record: Record, member: Bytes): Point {
  const score = sortedSet.score(view, record, member);
  if (score === null) throw NO_SUCH_MEMBER;
  return geohash.pointOf(score);
}

// Options

function readCircle(args: Args, index: number, asked: Asked): void {
  const radius = numberAt(args, index, BAD_RADIUS);
  if (radius < 0) throw NEGATIVE_RADIUS;
  asked.unitMeters = unitAt(args, index + 1);
  asked.shape = { kind: "circle", radius };
}

function readBox(args: Args, index: number, asked: Asked): void {
  const width = numberAt(args, index, BAD_WIDTH);
  const height = numberAt(args, index + 1, BAD_HEIGHT);
  if (width < 0 || height < 0) throw NEGATIVE_SIDE;
  asked.unitMeters = unitAt(args, index + 2);
  asked.shape = { kind: "box", width, height };
}

interface Place {
  readonly view: View;
  readonly record: Record | null;
  readonly form: Form;
}

function readOptions(place: Place, args: Args, asked: Asked): void {
  for (let index = place.form.optionsAt; index < args.length; index++) {
    const word = at(args, index).toUpperCase();
    if (readFlag(word, asked)) continue;
    const rest = args.length - index - 1;
    const taken =
      readCounted(place, args, { word, index, rest }, asked) ??
      (place.form.isSearch ? readSearch(place, args, { word, index, rest }, asked) : null);
    if (taken === null) throw SYNTAX_ERROR;
    index += taken;
  }
}

function readFlag(word: string, asked: Asked): boolean {
  switch (word) {
    case "WITHDIST":
      asked.withDistance = true;
      return true;
    case "WITHHASH":
      asked.withHash = true;
      return true;
    case "WITHCOORD":
      asked.withPoint = true;
      return true;
    case "ANY":
      asked.isAny = true;
      return true;
    case "ASC":
      asked.order = "ascending";
      return true;
    case "DESC":
      asked.order = "descending";
      return true;
    default:
      return false;
  }
}

interface Word {
  readonly word: string;
  readonly index: number;
  /** How many arguments follow. */
  readonly rest: number;
}

/** How many arguments the word takes; null when it is none of these. */
function readCounted(place: Place, args: Args, what: Word, asked: Asked): number | null {
  const { word, index, rest } = what;
  if (word === "COUNT" && rest > 0) {
    const count = parseInteger(at(args, index + 1));
    if (count === null) throw NOT_AN_INTEGER;
    if (count <= 0) throw COUNT_TOO_SMALL;
    asked.count = toIndex(count);
    return 1;
  }
  const { isSearch, mayStore, sourceAt } = place.form;
  if ((word === "STORE" || word === "STOREDIST") && mayStore && rest > 0) {
    asked.target = at(args, index + 1);
    asked.storesDistances = word === "STOREDIST";
    return 1;
  }
  if (word !== "STOREDIST" || !isSearch || sourceAt !== 2) return null;
  asked.storesDistances = true;
  return 0;
}

function readSearch(place: Place, args: Args, what: Word, asked: Asked): number | null {
  const { word, index, rest } = what;
  const { view, record } = place;
  if (word === "FROMMEMBER" && rest > 0 && (asked.center === null || asked.isByMember)) {
    asked.isByMember = true;
    if (record !== null) asked.center = pointOf(view, record, at(args, index + 1));
    return 1;
  }
  if (word === "FROMLONLAT" && rest > 1 && !asked.isByMember) {
    asked.center = pointAt(args, index + 1);
    return 2;
  }
  return readShape(args, what, asked);
}

function readShape(args: Args, what: Word, asked: Asked): number | null {
  const { word, index, rest } = what;
  if (word === "BYRADIUS" && rest > 1 && asked.shape?.kind !== "box") {
    readCircle(args, index + 1, asked);
    return 2;
  }
  if (word === "BYBOX" && rest > 2 && asked.shape?.kind !== "circle") {
    readBox(args, index + 1, asked);
    return 3;
  }
  return null;
}

function check(args: Args, form: Form, asked: Asked): void {
  const tellsMore = asked.withDistance || asked.withHash || asked.withPoint;
  if (asked.target !== null && tellsMore) {
    const name = form.isSearch ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS";
    throw new CommandError(
      `ERR ${name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`,
    );
  }
  if (form.isSearch && asked.center === null && !asked.isByMember) {
    throw exactlyOne("FROMMEMBER or FROMLONLAT can be specified", args);
  }
  if (form.isSearch && asked.shape === null) {
    throw exactlyOne("BYRADIUS and BYBOX can be specified", args);
  }
  if (asked.isAny && asked.count === 0) throw ANY_NEEDS_COUNT;
}

function exactlyOne(what: string, args: Args): CommandError {
  return new CommandError(`ERR exactly one of ${what} for ${at(args, 0)}`);
}

// Answers

function answered(
  view: View,
  record: Record | null,
  args: Args,
  how: { readonly form: Form; readonly asked: Asked },
): Reply {
  const { form, asked } = how;
  readOptions({ view, record, form }, args, asked);
  check(args, form, asked);
  const found = record === null ? [] : foundIn(view, record, asked);
  if (asked.target !== null) return stored(view, found, asked.target, how);
  return found.length === 0 ? EMPTY_ARRAY : found.map((one) => told(one, asked));
}

function foundIn(view: View, record: Record, asked: Asked): Found[] {
  const { center, shape, unitMeters, count, isAny } = asked;
  if (center === null || shape === null) return [];
  const found = geo.search(view, record, {
    center,
    shape,
    unitMeters,
    anyCount: isAny ? count : 0,
  });
  // The nearest are wanted, unless any will do.
  const order = asked.order === "none" && count > 0 && !isAny ? "ascending" : asked.order;
  const sign = order === "descending" ? -1 : 1;
  if (order !== "none") found.sort((a, b) => sign * (a.distance - b.distance));
  return count > 0 ? found.slice(0, count) : found;
}

function told(one: Found, asked: Asked): Reply {
  const { withDistance, withHash, withPoint } = asked;
  if (!withDistance && !withHash && !withPoint) return one.member;
  const parts: Reply[] = [one.member];
  if (withDistance) parts.push(distanceReply(one.distance / asked.unitMeters));
  // A score that no GEOADD has given may have a fraction, which is no part of the hash.
  if (withHash) parts.push(Math.trunc(one.score));
  if (withPoint) parts.push(pointReply(one.point));
  return parts;
}

function stored(
  view: View,
  found: readonly Found[],
  target: Bytes,
  how: { readonly form: Form; readonly asked: Asked },
): Reply {
  const { asked, form } = how;
  if (found.length === 0) {
    if (view.remove(target)) view.notify("generic", "del", target);
    return 0;
  }
  const entries = found.map(({ member, score, distance }) => ({
    member,
    score: asked.storesDistances ? distance / asked.unitMeters : score,
  }));
  sortedSet.store(view, target, entries, {
    isTable: sortedSet.isLarge(view, entries),
    expiryMs: 0,
  });
  view.notify("sortedSet", form.event, target);
  return found.length;
}
