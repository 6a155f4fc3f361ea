// Places on earth as whole numbers, and distances between them: the geohash of Redis, whose answers depend on
// every constant here. Longitude and latitude are halved `step` times each; the bits of the halves, in
// turn, are the hash, so places with a common front are near each other, and a cell is a range of
// numbers. Scores of sorted sets hold hashes of 52 bits, exact in a double.

export const LONGITUDE_MAX = 180;
/** Where the map of Mercator ends. */
export const LATITUDE_MAX = 85.05112878;
export const STEP_MAX = 26;
const EARTH_RADIUS_METERS = 6_372_797.560856;
const MERCATOR_METERS_MAX = 20_037_726.37;
const HALF_BITS = 13;
const HALF = 2 ** 26;
const TEXT_LETTERS = "0123456789bcdefghjkmnpqrstuvwxyz";

export interface Point {
  readonly longitude: number;
  readonly latitude: number;
}

/** One of the 4^step parts of the map, by its column and row. */
export interface Cell {
  readonly step: number;
  readonly column: number;
  readonly row: number;
}

export interface Area {
  readonly west: number;
  readonly east: number;
  readonly south: number;
  readonly north: number;
}

// Hashes

export function cellOf(point: Point, step: number): Cell {
  return cellWithin(point, step, LATITUDE_MAX);
}

function cellWithin(point: Point, step: number, latitudeMax: number): Cell {
  const size = 2 ** step;
  return {
    step,
    column: Math.floor(((point.longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * size),
    row: Math.floor(((point.latitude + latitudeMax) / (2 * latitudeMax)) * size),
  };
}

/** The score of a point. */
export function hashOf(point: Point): number {
  return bitsOf(cellOf(point, STEP_MAX));
}

/** Column and row, bit by bit in turn: those of the row are the even ones. */
function bitsOf({ column, row }: Cell): number {
  const mask = 2 ** HALF_BITS - 1;
  const low = spread(row & mask) | (spread(column & mask) << 1);
  const high = spread(row >>> HALF_BITS) | (spread(column >>> HALF_BITS) << 1);
  return (high >>> 0) * HALF + low;
}

/** The scores of all points in a cell: from `from` on, below `to`. */
export function scoresIn(cell: Cell): { readonly from: number; readonly to: number } {
  const width = 4 ** (STEP_MAX - cell.step);
  const from = bitsOf(cell) * width;
  return { from, to: from + width };
}

/** Puts a 0 between the bits of a number of 14 bits. */
function spread(value: number): number {
  let bits = value;
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  return (bits | (bits << 1)) & 0x55555555;
}

/** Every second bit, from the lowest on. */
function gather(value: number): number {
  let bits = value & 0x55555555;
  bits = (bits | (bits >>> 1)) & 0x33333333;
  bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
  bits = (bits | (bits >>> 4)) & 0x00ff00ff;
  return (bits | (bits >>> 8)) & 0x0000ffff;
}

/** The middle of the smallest cell, which is what stands for the point. */
export function pointOf(score: number): Point {
  const isHash = score >= 0 && score < HALF * HALF;
  const area = areaOf(isHash ? cellOfHash(Math.trunc(score)) : cellOfBits(as64Bits(score)));
  return {
    longitude: within((area.west + area.east) / 2, LONGITUDE_MAX),
    latitude: within((area.south + area.north) / 2, LATITUDE_MAX),
  };
}

function cellOfHash(hash: number): Cell {
  const low = hash % HALF;
  const high = Math.floor(hash / HALF);
  return {
    step: STEP_MAX,
    column: gather(low >>> 1) + gather(high >>> 1) * 2 ** HALF_BITS,
    row: gather(low) + gather(high) * 2 ** HALF_BITS,
  };
}

/** The same of what no point has for its hash: all of 64 bits count, and lead beyond the map. */
function cellOfBits(bits: bigint): Cell {
  const low = Number(bits & 0xffff_ffffn);
  const high = Number(bits >> 32n);
  return {
    step: STEP_MAX,
    column: gather(low >>> 1) + gather(high >>> 1) * 2 ** 16,
    row: gather(low) + gather(high) * 2 ** 16,
  };
}

/** A score as a number of 64 bits without a sign, as the processor of Redis's C makes one of it. */
function as64Bits(score: number): bigint {
  const half = 2 ** 63;
  const signed = (value: number): bigint =>
    value >= -half && value < half ? BigInt(Math.trunc(value)) : -(2n ** 63n);
  const bits = score < half ? signed(score) : signed(score - half) ^ (1n << 63n);
  return BigInt.asUintN(64, bits);
}

function within(value: number, limit: number): number {
  return Math.max(-limit, Math.min(limit, value));
}

export function areaOf({ step, column, row }: Cell): Area {
  const size = 2 ** step;
  return {
    west: -LONGITUDE_MAX + (column / size) * (2 * LONGITUDE_MAX),
    east: -LONGITUDE_MAX + ((column + 1) / size) * (2 * LONGITUDE_MAX),
    south: -LATITUDE_MAX + (row / size) * (2 * LATITUDE_MAX),
    north: -LATITUDE_MAX + ((row + 1) / size) * (2 * LATITUDE_MAX),
  };
}

/** The cell so many columns and rows away; the map has no edges. */
export function cellBeside(cell: Cell, columns: number, rows: number): Cell {
  const size = 2 ** cell.step;
  return {
    step: cell.step,
    column: moved(cell.column, columns, size),
    row: moved(cell.row, rows, size),
  };
}

/** What stays in place may be at the very end of the map, which is in a column or row of its own. */
function moved(from: number, by: number, size: number): number {
  return by === 0 ? from : (from + by + size) % size;
}

/** The usual geohash in letters: it takes the latitudes up to the poles, and the eleventh says nothing. */
export function textOf(score: number): string {
  const bits = bitsOf(cellWithin(pointOf(score), STEP_MAX, 90));
  let text = "";
  for (let letter = 1; letter <= 10; letter++) {
    text += TEXT_LETTERS[Math.floor(bits / 2 ** (52 - letter * 5)) % 32] ?? "";
  }
  return `${text}0`;
}

// Distances, in metres

function radians(angle: number): number {
  return angle * (Math.PI / 180);
}

function degrees(angle: number): number {
  return angle / (Math.PI / 180);
}

export function latitudeDistance(first: number, second: number): number {
  return EARTH_RADIUS_METERS * Math.abs(radians(second) - radians(first));
}

/** By the haversine formula. */
export function distance(first: Point, second: Point): number {
  const v = Math.sin((radians(second.longitude) - radians(first.longitude)) / 2);
  if (v === 0) return latitudeDistance(first.latitude, second.latitude);
  const from = radians(first.latitude);
  const to = radians(second.latitude);
  const u = Math.sin((to - from) / 2);
  const a = u * u + Math.cos(from) * Math.cos(to) * v * v;
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.sqrt(a));
}

/** The sides of what reaches `width` metres east and west, `height` north and south, of a point. */
export function areaAround(point: Point, width: number, height: number): Area {
  const { longitude, latitude } = point;
  const rows = degrees(height / EARTH_RADIUS_METERS);
  // The wider of the two ends is the one nearer to the pole.
  const end = latitude < 0 ? latitude - rows : latitude + rows;
  const columns = degrees(width / EARTH_RADIUS_METERS / Math.cos(radians(end)));
  return {
    west: longitude - columns,
    east: longitude + columns,
    south: latitude - rows,
    north: latitude + rows,
  };
}

/** How often to halve so that a cell and its neighbours hold a circle. */
export function stepFor(radius: number, latitude: number): number {
  if (radius === 0) return STEP_MAX;
  let step = 1;
  for (let reach = radius; reach < MERCATOR_METERS_MAX; reach *= 2) step++;
  step -= 2;
  if (Math.abs(latitude) > 66) step--;
  if (Math.abs(latitude) > 80) step--;
  return Math.max(1, Math.min(STEP_MAX, step));
}
