// GEOADD, GEOPOS and their kin: places in sorted sets. What is near is searched by geo-search.ts.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_A_FLOAT, SYNTAX_ERROR } from "../resp/errors.ts";
import { Double, NULL_ARRAY, type Reply } from "../resp/reply.ts";
import * as geohash from "../types/geohash.ts";
import type { Point } from "../types/geohash.ts";
import { formatFixed, parseDouble } from "../types/number.ts";
import * as sortedSet from "../types/sorted-set.ts";
import { zadd } from "./sorted-set.ts";
import { at, type Args } from "./table.ts";

const BAD_UNIT = new CommandError("ERR unsupported unit provided. please use M, KM, FT, MI");
const UNITS: ReadonlyMap<string, number> = new Map([
  ["m", 1],
  ["km", 1000],
  ["ft", 0.3048],
  ["mi", 1609.34],
]);
const ADD_OPTIONS = new Set(["NX", "XX", "CH"]);

/** Metres of a unit. */
export function unitAt(args: Args, index: number): number {
  const unit = UNITS.get(at(args, index).toLowerCase());
  if (unit === undefined) throw BAD_UNIT;
  return unit;
}

export function numberAt(args: Args, index: number, refusal: CommandError): number {
  const value = parseDouble(at(args, index));
  if (value === null) throw refusal;
  return value;
}

/** A longitude and a latitude, from `index` on. */
export function pointAt(args: Args, index: number): Point {
  const longitude = numberAt(args, index, NOT_A_FLOAT);
  const latitude = numberAt(args, index + 1, NOT_A_FLOAT);
  const isOnMap =
    Math.abs(longitude) <= geohash.LONGITUDE_MAX && Math.abs(latitude) <= geohash.LATITUDE_MAX;
  if (isOnMap) return { longitude, latitude };
  const pair = `${formatFixed(longitude, 6)},${formatFixed(latitude, 6)}`;
  throw new CommandError(`ERR invalid longitude,latitude pair ${pair}`);
}

/** As printf writes it with 17 decimals, without the zeros at the end. */
function coordinate(value: number): Double {
  const digits = value.toFixed(17).replace(/\.?0+$/, "");
  return new Double(value, digits === "-0" ? "0" : digits);
}

export function pointReply({ longitude, latitude }: Point): Reply {
  return [coordinate(longitude), coordinate(latitude)];
}

/** As ZADD of the hashes, which answers. */
export function geoadd(view: View, args: Args): Reply {
  let from = 2;
  while (from < args.length && ADD_OPTIONS.has(at(args, from).toUpperCase())) from++;
  const options = args.slice(2, from);
  const words = new Set(options.map((option) => option.toUpperCase()));
  if ((args.length - from) % 3 !== 0 || (words.has("NX") && words.has("XX"))) throw SYNTAX_ERROR;
  const pairs: Bytes[] = [];
  for (let index = from; index < args.length; index += 3) {
    pairs.push(String(geohash.hashOf(pointAt(args, index))), at(args, index + 2));
  }
  return zadd(view, ["ZADD", at(args, 1), ...options, ...pairs]);
}

function scoreOf(view: View, record: Record | null, member: Bytes): number | null {
  return record === null ? null : sortedSet.score(view, record, member);
}

export function geodist(view: View, args: Args): Reply {
  if (args.length > 5) throw SYNTAX_ERROR;
  const unit = args.length === 5 ? unitAt(args, 4) : 1;
  const record = sortedSet.find(view, at(args, 1));
  const first = scoreOf(view, record, at(args, 2));
  const second = scoreOf(view, record, at(args, 3));
  if (first === null || second === null) return null;
  const meters = geohash.distance(geohash.pointOf(first), geohash.pointOf(second));
  return distanceReply(meters / unit);
}

export function distanceReply(distance: number): Bytes {
  return distance.toFixed(4);
}

export function geopos(view: View, args: Args): Reply {
  return each(view, args, (score) => pointReply(geohash.pointOf(score)), NULL_ARRAY);
}

export function geohashes(view: View, args: Args): Reply {
  return each(view, args, geohash.textOf, null);
}

function each(
  view: View,
  args: Args,
  told: (score: number) => Reply,
  missing: Reply,
): readonly Reply[] {
  const record = sortedSet.find(view, at(args, 1));
  const members = args.slice(2);
  if (record !== null) sortedSet.want(view, record, members);
  return members.map((member) => {
    const score = scoreOf(view, record, member);
    return score === null ? missing : told(score);
  });
}
