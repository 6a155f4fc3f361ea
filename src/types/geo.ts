// Places in a sorted set: members whose scores are geohashes (geohash.ts). What is near a point is found in
// the cell that the point is in and the eight around it, each a range of scores; what of these is too far
// is left out one by one.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import type { View } from "../keyspace/view.ts";
import * as geohash from "./geohash.ts";
import type { Area, Cell, Point } from "./geohash.ts";
import { walk } from "./sorted-set-range.ts";

/** What is searched, around a point; sizes in the unit that the client uses. */
export type Shape =
  | { readonly kind: "circle"; readonly radius: number }
  | { readonly kind: "box"; readonly width: number; readonly height: number };

export interface Search {
  readonly center: Point;
  readonly shape: Shape;
  /** Metres of one unit of the shape. */
  readonly unitMeters: number;
  /** Enough is enough: ends the search; 0 for no limit. */
  readonly anyCount: number;
}

export interface Found {
  readonly member: Bytes;
  readonly score: number;
  readonly point: Point;
  /** From the centre, in metres. */
  readonly distance: number;
}

/** What is within a shape, cell by cell. Throws COLD. */
export function search(view: View, record: Record, what: Search): Found[] {
  const found: Found[] = [];
  const isEnough = (): boolean => what.anyCount > 0 && found.length >= what.anyCount;
  for (const cell of cellsAround(what)) {
    if (isEnough()) break;
    const { from, to } = geohash.scoresIn(cell);
    const range = {
      kind: "score",
      min: { score: from, isExclusive: false },
      max: { score: to, isExclusive: true },
    } as const;
    const selection = { reverse: false, offset: 0, limit: Infinity };
    walk(view, record, { range, selection }, (member, score) => {
      const point = geohash.pointOf(score);
      const distance = distanceWithin(what, point);
      if (distance !== null) found.push({ member, score, point, distance });
      return !isEnough();
    });
  }
  return found;
}

/** Null for a point outside. */
function distanceWithin({ center, shape, unitMeters }: Search, point: Point): number | null {
  if (shape.kind === "circle") {
    const distance = geohash.distance(center, point);
    return distance > shape.radius * unitMeters ? null : distance;
  }
  const height = geohash.latitudeDistance(point.latitude, center.latitude);
  if (height > (shape.height * unitMeters) / 2) return null;
  const width = geohash.distance(point, { ...center, latitude: point.latitude });
  if (width > (shape.width * unitMeters) / 2) return null;
  return geohash.distance(center, point);
}

/** The cells to look into, in the order in which Redis does: it is that of its answers. */
function cellsAround({ center, shape, unitMeters }: Search): Cell[] {
  const isCircle = shape.kind === "circle";
  const halfWidth = unitMeters * (isCircle ? shape.radius : shape.width / 2);
  const halfHeight = unitMeters * (isCircle ? shape.radius : shape.height / 2);
  const wanted = geohash.areaAround(center, halfWidth, halfHeight);
  const reach = isCircle
    ? shape.radius
    : Math.sqrt((shape.width / 2) * (shape.width / 2) + (shape.height / 2) * (shape.height / 2));
  let step = geohash.stepFor(reach * unitMeters, center.latitude);
  let middle = geohash.cellOf(center, step);
  if (step > 1 && !isCovered(wanted, middle)) {
    step--;
    middle = geohash.cellOf(center, step);
  }
  const cells: Cell[] = [];
  let last: Cell | null = null;
  for (const [index, [columns, rows]] of AROUND.entries()) {
    if (step >= 2 && isUseless(wanted, geohash.areaOf(middle), columns, rows)) continue;
    const cell = geohash.cellBeside(middle, columns, rows);
    // On a map of very few cells the neighbours are the same on both sides.
    if (last !== null && cell.column === last.column && cell.row === last.row) continue;
    cells.push(cell);
    if (index > 0) last = cell;
  }
  return cells;
}

/** Columns and rows from the middle: itself, north, south, east, west, and the corners. */
const AROUND = [
  [0, 0],
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, 1],
  [1, -1],
  [-1, -1],
] as const;

/** Whether a cell and its neighbours hold all that is wanted. */
function isCovered(wanted: Area, middle: Cell): boolean {
  return (
    geohash.areaOf(geohash.cellBeside(middle, 0, 1)).north >= wanted.north &&
    geohash.areaOf(geohash.cellBeside(middle, 0, -1)).south <= wanted.south &&
    geohash.areaOf(geohash.cellBeside(middle, 1, 0)).east >= wanted.east &&
    geohash.areaOf(geohash.cellBeside(middle, -1, 0)).west <= wanted.west
  );
}

/** Whether the middle reaches further to that side than what is wanted. */
function isUseless(wanted: Area, middle: Area, columns: number, rows: number): boolean {
  return (
    (rows < 0 && middle.south < wanted.south) ||
    (rows > 0 && middle.north > wanted.north) ||
    (columns < 0 && middle.west < wanted.west) ||
    (columns > 0 && middle.east > wanted.east)
  );
}
