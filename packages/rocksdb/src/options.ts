// What `Database.open` takes, and how it is flattened for the native side.

import { BlockCache } from "./block-cache.ts";
import type { DatabaseEvent } from "./events.ts";
import type { FlatFamily, FlatOptions } from "./native.ts";

/** RocksDB's own option names and values as it writes them in its OPTIONS files. */
export type OptionStrings = Readonly<Record<string, string>>;

/**
 * How a family keeps what is not yet in a file. The hashed kinds need the option `prefix_extractor`,
 * find a key without a search through all, and sort a copy when a whole is walked in order; their
 * buckets are allocated anew for each memtable, 8 bytes each (9 for "hash-chains", which is this
 * package's own and by far the cheapest to write to: src/core/hash_chains.h). The burst trie, our own too,
 * is in order and needs no prefix, and costs little more to write to (src/core/burst_trie.h). All but the skip list are written by
 * one thread at a time: `open` sets `allow_concurrent_memtable_write` to false for them.
 */
export type Memtable =
  | "skip-list"
  | "vector"
  | "burst-trie"
  | {
      readonly kind: "hash-chains" | "hash-skip-list" | "hash-linked-list";
      readonly bucketCount: number;
    };

export interface Filter {
  readonly kind: "bloom" | "ribbon";
  /** 10 gives about 1 % of needless reads. */
  readonly bitsPerKey: number;
}

export interface FamilyOptions {
  /** Column family options by RocksDB's names; an unknown name is refused (InvalidArgument). */
  readonly options?: OptionStrings;
  /** Block based table options by RocksDB's names. */
  readonly tableOptions?: OptionStrings;
  readonly memtable?: Memtable;
  /** null for none. */
  readonly filter?: Filter | null;
  /** null for none; absent for RocksDB's own of 8 MB (32 MB in later versions) per family. */
  readonly blockCache?: BlockCache | null;
  /** Bytes. */
  readonly blockSize?: number;
  readonly cacheIndexAndFilterBlocks?: boolean;
  readonly wholeKeyFiltering?: boolean;
}

export interface OpenOptions {
  /** Database options by RocksDB's names; an unknown name is refused (InvalidArgument). */
  readonly options?: OptionStrings;
  /** All families of the database by name; absent for "default" alone, which is always opened. */
  readonly families?: Readonly<Record<string, FamilyOptions>>;
  readonly createIfMissing?: boolean;
  readonly createMissingColumnFamilies?: boolean;
  readonly errorIfExists?: boolean;
  readonly readOnly?: boolean;
  /** Count and time what RocksDB does, for `statistics()`; costs a few per cent. */
  readonly statistics?: boolean;
  /** RocksDB makes no file LOG: nothing is written to the directory when opening it fails. */
  readonly withoutMessageLog?: boolean;
  /** Threads for asynchronous reads, 1 to 256, started when there is work. Default 4. */
  readonly readThreads?: number;
  /** Told of stalls, errors, flushes and compactions. */
  readonly listener?: (event: DatabaseEvent) => void;
}

const MEMTABLE_NUMBERS = {
  "skip-list": 1,
  "hash-skip-list": 2,
  "hash-linked-list": 3,
  vector: 4,
  "hash-chains": 5,
  "burst-trie": 6,
} as const;

const FILTER_NONE = 1;
const FILTER_NUMBERS = { bloom: 2, ribbon: 3 } as const;

/** Throws TypeError for values that are not strings. */
export function flattenOptions(options: OptionStrings | undefined): FlatOptions {
  const flat: string[] = [];
  for (const [name, value] of Object.entries(options ?? {})) {
    if (typeof value !== "string") {
      throw new TypeError(`the option ${name} must be a string, as RocksDB writes it`);
    }
    flat.push(name, value);
  }
  return flat;
}

function lookUp(numbers: Readonly<Record<string, number>>, kind: string, what: string): number {
  const number = Object.hasOwn(numbers, kind) ? numbers[kind] : undefined;
  if (number === undefined) {
    throw new TypeError(`${what} must be one of: ${Object.keys(numbers).join(", ")}`);
  }
  return number;
}

function memtableNumbers(memtable: Memtable | undefined): [kind: number, buckets: number] {
  if (memtable === undefined) return [0, 1];
  if (typeof memtable === "object") {
    const kind = lookUp(MEMTABLE_NUMBERS, memtable.kind, "memtable.kind");
    return [kind, memtable.bucketCount];
  }
  const kind = lookUp(MEMTABLE_NUMBERS, memtable, "memtable");
  if (
    kind === MEMTABLE_NUMBERS["hash-skip-list"] ||
    kind === MEMTABLE_NUMBERS["hash-linked-list"] ||
    kind === MEMTABLE_NUMBERS["hash-chains"]
  ) {
    throw new TypeError(`the memtable ${memtable} needs a bucketCount`);
  }
  return [kind, 1];
}

function filterNumbers(filter: Filter | null | undefined): [kind: number, bits: number] {
  if (filter === undefined) return [0, 10];
  if (filter === null) return [FILTER_NONE, 10];
  return [lookUp(FILTER_NUMBERS, filter.kind, "filter.kind"), filter.bitsPerKey];
}

function cacheNumber(cache: BlockCache | null | undefined): number {
  if (cache === undefined) return 0;
  if (cache === null) return -1;
  if (!(cache instanceof BlockCache)) throw new TypeError("blockCache must be a BlockCache");
  return BlockCache.handleOf(cache);
}

/** The order is that of ReadFamily in database_calls.cc. */
export function flattenFamily(name: string, family: FamilyOptions): FlatFamily {
  if (typeof family !== "object" || family === null) {
    throw new TypeError(`the options of the column family ${name} must be an object`);
  }
  const [memtable, bucketCount] = memtableNumbers(family.memtable);
  const [filter, bitsPerKey] = filterNumbers(family.filter);
  let flags = 0;
  if (family.cacheIndexAndFilterBlocks !== undefined) {
    flags |= family.cacheIndexAndFilterBlocks ? 3 : 1;
  }
  if (family.wholeKeyFiltering !== undefined) flags |= family.wholeKeyFiltering ? 12 : 4;
  return [
    name,
    flattenOptions(family.options),
    flattenOptions(family.tableOptions),
    memtable,
    bucketCount,
    filter,
    bitsPerKey,
    cacheNumber(family.blockCache),
    family.blockSize ?? 0,
    flags,
  ];
}

/** RocksDB always has the family "default" and wants it opened. */
export function flattenFamilies(families: OpenOptions["families"]): FlatFamily[] {
  const all = Object.entries(families ?? {});
  if (!all.some(([name]) => name === "default")) all.unshift(["default", {}]);
  return all.map(([name, family]) => flattenFamily(name, family));
}

export function openFlags(options: OpenOptions): number {
  let flags = 0;
  if (options.createIfMissing === true) flags |= 1;
  if (options.createMissingColumnFamilies === true) flags |= 2;
  if (options.errorIfExists === true) flags |= 4;
  if (options.readOnly === true) flags |= 8;
  if (options.statistics === true) flags |= 16;
  if (options.withoutMessageLog === true) flags |= 32;
  return flags;
}
