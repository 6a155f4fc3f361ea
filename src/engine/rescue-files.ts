// Ways into a damaged database, all of them in a folder of our own: tables are linked (RocksDB never changes
// one), the rest is copied. With its own MANIFEST; with the newest MANIFEST there is, where CURRENT is lost;
// and with one written here, where none can be read or a table cannot be opened: it names the tables
// that are there, each for all keys, and RocksDB finds the newest version of a key by its number.
//
// The layout of RocksDB's files, as far as it is needed: the footer and the properties of a table (block
// based, formats up to 6), a MANIFEST's records, and the frame of a log with its CRC-32C.

import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { BLOCK_BYTES, crc32c, FRAME_BYTES, masked } from "./log-frames.ts";
import { FAMILY_NAMES } from "./rocks-settings.ts";

export interface Table {
  readonly number: number;
  readonly name: string;
  readonly byteCount: number;
  /** The id of its column family; null when the table does not say. */
  readonly family: number | null;
}

const TABLE = /^(\d+)\.sst$/;
const MANIFEST = /^MANIFEST-(\d+)$/;

export function manifestsIn(path: string): string[] {
  const numbered = readdirSync(path).flatMap((name) => {
    const match = MANIFEST.exec(name);
    return match === null ? [] : [{ name, number: Number(match[1]) }];
  });
  return numbered.sort((one, other) => other.number - one.number).map(({ name }) => name);
}

export function tablesIn(path: string): Table[] {
  const tables = readdirSync(path).flatMap((name): Table[] => {
    const match = TABLE.exec(name);
    if (match === null) return [];
    const file = join(path, name);
    const byteCount = statSync(file).size;
    return [{ number: Number(match[1]), name, byteCount, family: familyOf(file, byteCount) }];
  });
  return tables.sort((one, other) => one.number - other.number);
}

/** Whether CURRENT names a MANIFEST that is there. */
export function currentManifest(path: string): string | null {
  try {
    const name = readFileSync(join(path, "CURRENT"), "latin1").trim();
    return MANIFEST.test(name) && existsSync(join(path, name)) ? name : null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}

/** A folder that stands for `path` with this MANIFEST. */
export function withManifest(path: string, folder: string, manifest: string): void {
  begin(path, folder, { tables: tablesIn(path), isLogged: true });
  copyFileSync(join(path, manifest), join(folder, manifest));
  writeFileSync(join(folder, "CURRENT"), `${manifest}\n`);
}

/** A folder with these tables of `path`, its logs if wanted, and a MANIFEST that names them. */
export function withTables(
  path: string,
  folder: string,
  what: { readonly tables: readonly Table[]; readonly isLogged: boolean },
): void {
  begin(path, folder, what);
  const name = "MANIFEST-000001";
  writeFileSync(join(folder, name), manifestOf(what.tables, newestNumber(path)));
  writeFileSync(join(folder, "CURRENT"), `${name}\n`);
}

function begin(
  path: string,
  folder: string,
  what: { readonly tables: readonly Table[]; readonly isLogged: boolean },
): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name } of what.tables) linkOrCopy(join(path, name), join(folder, name));
  if (!what.isLogged) return;
  for (const name of readdirSync(path)) {
    if (name.endsWith(".log")) copyFileSync(join(path, name), join(folder, name));
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    // Another file system, or one without links.
    if (!(error instanceof Error) || !("code" in error)) throw error;
    copyFileSync(from, to);
  }
}

function newestNumber(path: string): number {
  const numbers = readdirSync(path).map((name) => Number(/(\d{6,})/.exec(name)?.[1] ?? 0));
  return Math.max(1, ...numbers);
}

// Tables

const FOOTER_BYTES = 53;
const MAGIC = 0x88e241b785f4cff7n;
const METAINDEX_TRAILER_BYTES = 5;

/** Reads which family a table belongs to, from its properties. */
function familyOf(file: string, byteCount: number): number | null {
  if (byteCount < FOOTER_BYTES) return null;
  const handle = openSync(file, "r");
  const read = (at: number, size: number): Buffer => {
    if (at < 0 || size < 0 || at + size > byteCount) throw new RangeError("outside of the table");
    const bytes = Buffer.alloc(size);
    readSync(handle, bytes, 0, size, at);
    return bytes;
  };
  try {
    if (fstatSync(handle).size !== byteCount) return null;
    const metaindex = metaindexOf(read(byteCount - FOOTER_BYTES, FOOTER_BYTES), byteCount);
    if (metaindex === null) return null;
    const place = entriesOf(read(metaindex.at, metaindex.size)).get("rocksdb.properties");
    if (place === undefined) return null;
    const reader = new Varints(Buffer.from(place, "latin1"));
    const properties = entriesOf(read(reader.next(), reader.next()));
    const id = properties.get("rocksdb.column.family.id");
    if (id === undefined) return null;
    const family = new Varints(Buffer.from(id, "latin1")).next();
    return family < FAMILY_NAMES.length ? family : null;
  } catch (error) {
    // A damaged table has any bytes.
    if (error instanceof RangeError) return null;
    throw error;
  } finally {
    closeSync(handle);
  }
}

function metaindexOf(footer: Buffer, byteCount: number): { at: number; size: number } | null {
  if (footer.readBigUInt64LE(FOOTER_BYTES - 8) !== MAGIC) return null;
  const version = footer.readUInt32LE(FOOTER_BYTES - 12);
  if (version < 6) {
    const reader = new Varints(footer.subarray(1));
    return { at: reader.next(), size: reader.next() };
  }
  // Extended magic, checksum and base context, then the size; it ends where the footer begins.
  const size = footer.readUInt32LE(13);
  return { at: byteCount - FOOTER_BYTES - METAINDEX_TRAILER_BYTES - size, size };
}

/** The entries of a block: shared, own and value sizes, then the bytes; restart points at its end. */
function entriesOf(block: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  const restarts = block.length < 4 ? 0 : block.readUInt32LE(block.length - 4) & 0x7fff_ffff;
  const end = block.length - 4 - 4 * restarts;
  const reader = new Varints(block);
  let key = "";
  while (reader.at < end) {
    const shared = reader.next();
    const own = reader.next();
    const size = reader.next();
    key = key.slice(0, shared) + reader.text(own);
    found.set(key, reader.text(size));
  }
  return found;
}

class Varints {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined || scale > 2 ** 49) throw new RangeError("no number");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  text(size: number): string {
    if (this.at + size > this.#bytes.length) throw new RangeError("no text");
    const text = this.#bytes.toString("latin1", this.at, this.at + size);
    this.at += size;
    return text;
  }
}

// A MANIFEST

/** Tags of a MANIFEST's records. */
const COMPARATOR = 1;
const LOG_NUMBER = 2;
const NEXT_FILE = 3;
const LAST_SEQUENCE = 4;
const NEW_TABLE = 100;
const FAMILY = 200;
const NEW_FAMILY = 201;
const MAX_FAMILY = 203;
const BYTEWISE = "leveldb.BytewiseComparator";
/** Above every number that a write can have had. */
const SEQUENCE = 2 ** 52;
/** Of a key's end: number and type of the write. */
const KEY_TRAILER = "\x01\0\0\0\0\0\0\0";
const LAST_KEY = "\xff".repeat(64) + KEY_TRAILER;

function manifestOf(tables: readonly Table[], newest: number): Buffer {
  const opening =
    number(COMPARATOR) +
    sized(BYTEWISE) +
    [LOG_NUMBER, 0, NEXT_FILE, newest + 2, LAST_SEQUENCE, SEQUENCE].map(number).join("") +
    [MAX_FAMILY, FAMILY_NAMES.length - 1].map(number).join("");
  const records = [opening];
  for (const [id, name] of FAMILY_NAMES.entries()) {
    if (id === 0) continue;
    const named = number(NEW_FAMILY) + sized(name) + number(COMPARATOR) + sized(BYTEWISE);
    records.push([FAMILY, id].map(number).join("") + named + [LOG_NUMBER, 0].map(number).join(""));
  }
  for (const { number: file, byteCount, family } of tables) {
    if (family === null) continue;
    const front = [FAMILY, family, NEW_TABLE, 0, file, byteCount].map(number).join("");
    // Numbers of writes that no two tables share: RocksDB wants an order among them, and any will do.
    const numbers = [2 * file, 2 * file + 1].map(number).join("");
    records.push(front + sized(KEY_TRAILER) + sized(LAST_KEY) + numbers);
  }
  return framed(records);
}

function number(value: number): string {
  let text = "";
  let rest = value;
  while (rest >= 128) {
    text += String.fromCharCode((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return text + String.fromCharCode(rest);
}

function sized(text: string): string {
  return number(text.length) + text;
}

const FULL = 1;

/** Whole records, none over the border of a block. */
function framed(records: readonly string[]): Buffer {
  const pieces: Buffer[] = [];
  let left = BLOCK_BYTES;
  for (const record of records) {
    const size = FRAME_BYTES + record.length;
    if (size > left) {
      pieces.push(Buffer.alloc(left));
      left = BLOCK_BYTES;
    }
    const frame = Buffer.alloc(size);
    frame.write(record, FRAME_BYTES, "latin1");
    frame[6] = FULL;
    frame.writeUInt16LE(record.length, 4);
    frame.writeUInt32LE(masked(crc32c(frame.subarray(6))), 0);
    pieces.push(frame);
    left -= size;
  }
  return Buffer.concat(pieces);
}
