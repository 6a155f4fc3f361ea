// The shape of a row in the table of settings. One row holds all facts of a setting: the parser,
// CONFIG GET and SET, kept.conf and docs/configuration.md read it.

import type { Bytes } from "../base/bytes.ts";
import type { ValueType } from "./value-types.ts";

/** Where in RocksDB a setting goes: what `rocksdb.ts` needs to hand it on without knowing it. */
export interface RocksOption {
  /**
   *   db, family, table   an option string when the database opens
   *   write               an option of every write
   *   read                an option of every read
   *   other               applied by engine code that knows this setting by name
   */
  readonly scope: "db" | "family" | "table" | "write" | "read" | "other";
  /** RocksDB's name. */
  readonly option: string;
  /** What a number in the file is multiplied by, for settings counted in megabytes. */
  readonly factor?: number;
}

export interface Setting<T> {
  readonly type: ValueType<T>;
  readonly initial: T;
  /** "immutable" only takes a value at start; "runtime" also by CONFIG SET. */
  readonly mutable: "immutable" | "runtime";
  /** Whose name and meaning it is. */
  readonly from: "redis" | "kvrocks" | "kept";
  /** What it does, for people, with units; lines are wrapped where they are printed. */
  readonly text: string;
  /** Why it changes nothing here: accepted and remembered, so that files and tools work. */
  readonly noEffect?: string;
  /** Other names CONFIG GET and SET know; `slave-` and `ziplist` ones for the most part. */
  readonly aliases?: readonly string[];
  /** Not to be logged or shown in a diagnosis. */
  readonly secret?: true;
  /** CONFIG SET wants enable-protected-configs. */
  readonly guarded?: true;
  /** CONFIG GET shows it only when asked by its full name; for debugging and tests. */
  readonly hidden?: true;
  /** A directive of the file, unknown to CONFIG GET and SET. */
  readonly fileOnly?: true;
  /** Names what may change by itself: CONFIG SET puts it to work again, also when it is the same. */
  readonly volatile?: true;
  readonly rocksdb?: RocksOption;
}

type Extras = Partial<
  Pick<
    Setting<unknown>,
    | "from"
    | "noEffect"
    | "aliases"
    | "secret"
    | "guarded"
    | "hidden"
    | "fileOnly"
    | "volatile"
    | "rocksdb"
  >
>;

/** A setting CONFIG SET may change. */
export function runtime<T>(
  type: ValueType<T>,
  initial: NoInfer<T>,
  text: string,
  extras: Extras = {},
): Setting<T> {
  return { type, initial, mutable: "runtime", from: "redis", text, ...extras };
}

/** A setting that is settled when the server starts. */
export function immutable<T>(
  type: ValueType<T>,
  initial: NoInfer<T>,
  text: string,
  extras: Extras = {},
): Setting<T> {
  return { type, initial, mutable: "immutable", from: "redis", text, ...extras };
}

/** Settings of one subject, with a heading for the documentation. */
export interface SettingGroup {
  readonly title: string;
  readonly settings: Readonly<Record<string, Setting<unknown>>>;
}

/** The words of the value a setting starts with, as kept.conf shows them; a list for each line. */
export function initialLines(setting: Setting<unknown>): readonly (readonly Bytes[])[] {
  return setting.type.lines(setting.initial);
}
