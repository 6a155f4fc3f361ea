// The way into a damaged directory: its own MANIFEST if it can be read, else one written for the tables that
// are there. Nothing in the directory is changed: what must be different lies in a folder of our own.

import { existsSync, readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";

import { Config } from "../../config/config.ts";
import { StorageError, STORES, type StoreId } from "../../engine/engine.ts";
import { damageOfLog } from "../../engine/log-frames.ts";
import * as rescue from "../../engine/rescue-files.ts";
import { RocksReader } from "../../engine/rocks-reader.ts";
import { rocksSettings } from "../engine-settings.ts";

export interface Source {
  readonly reader: RocksReader;
  /** What was found out on the way in, a line each. */
  readonly notes: readonly string[];
  /** What certainly is lost, a line each. */
  readonly lost: readonly string[];
}

const SETTINGS = rocksSettings(new Config());
const PLACES_SHOWN = 5;

/** `folder` is our own, for links and copies. Throws StorageError when there is no way in. */
export async function openSource(path: string, folder: string): Promise<Source> {
  const notes: string[] = [];
  const lost: string[] = [];
  const tables = rescue.tablesIn(path);
  const readable: rescue.Table[] = [];
  for (const table of tables) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time: each is a database of its own
    if (await opens(path, table, folder)) readable.push(table);
    else lost.push(lostTable(table));
  }
  tellLogs(path, lost, notes);
  const known = await ownManifest(path, folder, notes);
  if (known !== null) {
    const wanted = new Set(tables.map(({ number }) => number));
    const newest = Math.max(0, ...known.numbers);
    const strangers = readable.filter(({ number }) => number > newest);
    for (const number of known.numbers) {
      if (!wanted.has(number)) lost.push(`the table ${number} is not there: all that it held`);
    }
    if (readable.length === tables.length && strangers.length === 0) {
      return { reader: known.reader, notes, lost };
    }
    await known.reader.close();
    if (strangers.length > 0) {
      notes.push(`${strangers.length} tables are newer than the MANIFEST: they are read as well`);
    }
    const chosen = readable.filter(({ number }) => known.numbers.has(number) || number > newest);
    rescue.withTables(path, folder, { tables: chosen, isLogged: true });
  } else {
    notes.push("no MANIFEST can be read: every table that is there is read");
    rescue.withTables(path, folder, { tables: readable, isLogged: true });
  }
  if (lost.length > 0 || known === null) {
    notes.push("what was deleted last may be there again, and what was changed last be as before");
  }
  return { reader: await openCutting(folder, lost), notes, lost };
}

/**
 * RocksDB goes around most places of a log that do not check, but not around all: where it gives up, what stands
 * before the first of them is read, and no more. Throws StorageError.
 */
async function openCutting(folder: string, lost: string[]): Promise<RocksReader> {
  try {
    return await RocksReader.open(folder, SETTINGS);
  } catch (error) {
    if (!(error instanceof StorageError) || !cutLogs(folder, lost)) throw error;
    return RocksReader.open(folder, SETTINGS);
  }
}

/** Whether there was anything to cut. */
function cutLogs(folder: string, lost: string[]): boolean {
  let hasCut = false;
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".log"))) {
    const [first] = damageOfLog(join(folder, name)).places;
    if (first === undefined) continue;
    truncateSync(join(folder, name), first);
    lost.push(`${name} cannot be read from ${first} on: all changes that stand there`);
    hasCut = true;
  }
  return hasCut;
}

function lostTable({ name, byteCount, family }: rescue.Table): string {
  const store = family === null ? "an unknown store" : `the store ${STORES[family] ?? family}`;
  return `${name} (${byteCount} bytes of ${store}) cannot be opened: all that it held`;
}

/** Whether anything can be read of a table. */
async function opens(path: string, table: rescue.Table, folder: string): Promise<boolean> {
  if (table.family === null) return false;
  rescue.withTables(path, folder, { tables: [table], isLogged: false });
  try {
    const reader = await RocksReader.open(folder, SETTINGS);
    try {
      for await (const item of reader.walk(storeOf(table.family), "", null)) {
        if (!("store" in item)) return true;
        return item.before !== null;
      }
      // Deletions alone.
      return true;
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return false;
  }
}

function storeOf(family: number): StoreId {
  switch (family) {
    case 1:
    case 2:
    case 3:
    case 4:
      return family;
    default:
      return 0;
  }
}

function tellLogs(path: string, lost: string[], notes: string[]): void {
  for (const name of readdirSync(path).filter((one) => one.endsWith(".log"))) {
    const { places, isCutShort } = damageOfLog(join(path, name));
    if (isCutShort) notes.push(`${name} ends within a change: that one was not written to its end`);
    if (places.length === 0) continue;
    const shown = places.slice(0, PLACES_SHOWN).join(", ");
    const more = places.length > PLACES_SHOWN ? ` and ${places.length - PLACES_SHOWN} more` : "";
    lost.push(`${name} is damaged at ${shown}${more}: changes that nobody can name`);
  }
}

/** What the directory's own MANIFEST says, or the newest one's when CURRENT is lost. */
async function ownManifest(
  path: string,
  folder: string,
  notes: string[],
): Promise<{ reader: RocksReader; numbers: Set<number> } | null> {
  const current = rescue.currentManifest(path);
  if (current === null) notes.push("CURRENT is lost");
  const manifest = current ?? rescue.manifestsIn(path)[0];
  if (manifest === undefined || !existsSync(join(path, manifest))) return null;
  try {
    if (current === null) rescue.withManifest(path, folder, manifest);
    const reader = await RocksReader.open(current === null ? folder : path, SETTINGS);
    return { reader, numbers: reader.tables() };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    notes.push(`${manifest} cannot be read: ${error.message}`);
    return null;
  }
}
