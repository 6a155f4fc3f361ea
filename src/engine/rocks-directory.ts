// May this directory be opened? Looked at before RocksDB is let near it, because RocksDB creates and
// recovers eagerly: in somebody else's directory not one byte may change.

import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  statSync,
} from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

/** The directory cannot be used; the message names it and says what to do. */
export class DirectoryRefused extends Error {
  override readonly name = "DirectoryRefused";
  readonly path: string;

  constructor(path: string, reason: string, advice: string) {
    super(`the data directory ${path} ${reason}; ${advice}`);
    this.path = path;
  }
}

const USE_ANOTHER = "name another directory with `dir`, or move what is there away";
/** Files of a first start that died before it had a database: nothing of a user is in them. */
const UNFINISHED =
  /^(?:LOCK|LOG|LOG\.old\.\d+|IDENTITY|MANIFEST-\d+|OPTIONS-\d+(?:\.dbtmp)?|\d+\.dbtmp|kept-probe\.tmp)$/;

/** Makes the directory if need be. "fresh": no database is in it; "database": one may be. */
export function inspectDirectory(path: string): "fresh" | "database" {
  const names = namesIn(path);
  if (names === null) {
    attempt(path, "cannot be made", () => mkdirSync(path, { recursive: true }));
    return "fresh";
  }
  if (names.includes("CURRENT")) return "database";
  const foreign = names.find((name) => !UNFINISHED.test(name));
  if (foreign === undefined) return "fresh";
  const isTorn = names.some((name) => name.startsWith("MANIFEST-"));
  if (!isTorn) throw new DirectoryRefused(path, `holds other files (${foreign})`, USE_ANOTHER);
  const reason = "holds the files of a database but not its file CURRENT";
  throw new DirectoryRefused(path, reason, "restore it from a backup, or use another directory");
}

/** Compares the families found with our own, `names` in the order of their ids. */
export function checkFamilies(path: string, found: readonly string[], names: readonly string[]) {
  const stranger = found.find((name) => !names.includes(name));
  if (stranger !== undefined) {
    const reason = `holds a RocksDB database of another program (column family "${stranger}")`;
    throw new DirectoryRefused(path, reason, USE_ANOTHER);
  }
  // A first start that died half-way has made the first few of them.
  const missing = names.find((name, index) => index < found.length && !found.includes(name));
  if (missing === undefined) return;
  const reason = `holds a RocksDB database without the column family "${missing}"`;
  throw new DirectoryRefused(path, reason, USE_ANOTHER);
}

export function holdsForeignData(path: string): DirectoryRefused {
  const reason = "holds a RocksDB database of another program, or a damaged one";
  // A MANIFEST of ours that is cut short knows some of our families only.
  const advice = `${USE_ANOTHER}; if it is Kept's, restore it from a backup`;
  return new DirectoryRefused(path, reason, advice);
}

/** What RocksDB said when it could not open the database. */
export function openingFailed(path: string, code: string, words: string): DirectoryRefused {
  if (words.includes("LOCK") || words.includes("lock hold")) {
    const advice = "stop that server, or name another directory with `dir`";
    return new DirectoryRefused(path, "is in use by another server", advice);
  }
  if (code === "Corruption") {
    const advice =
      "nothing was changed; restore it from a backup, or, if it is the log, cut it with " +
      "'kept check --cut-log', or save what can be read with 'kept check --salvage'";
    return new DirectoryRefused(path, `holds a damaged database (${words})`, advice);
  }
  const advice = "check the disk, the permissions and the free space, and start again";
  return new DirectoryRefused(path, `cannot be opened (${words})`, advice);
}

/** What recovery has to read and to write again. */
export function bytesOfLogs(path: string): number {
  let sum = 0;
  for (const name of readdirSync(path)) {
    if (!name.endsWith(".log")) continue;
    sum += statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

const PAGE_BYTES = 4096;

/**
 * Whether the newest log ends in nothing, as after a power cut: the file had grown, the bytes had not
 * reached the disk. Only what was never synced can be lost like that.
 */
export function logEndsInNothing(path: string): boolean {
  const logs = readdirSync(path).filter((name) => name.endsWith(".log"));
  const newest = logs.sort((one, other) => parseInt(one, 10) - parseInt(other, 10)).at(-1);
  if (newest === undefined) return false;
  const file = openSync(join(path, newest), "r");
  try {
    const { size } = fstatSync(file);
    if (size === 0) return false;
    const page = Buffer.alloc(PAGE_BYTES);
    const from = Math.floor((size - 1) / PAGE_BYTES) * PAGE_BYTES;
    return page.subarray(0, readSync(file, page, 0, PAGE_BYTES, from)).every((byte) => byte === 0);
  } finally {
    closeSync(file);
  }
}

const PROBE_NAME = "kept-probe.tmp";
const PROBE_CHUNK_BYTES = 1024 * 1024;

/**
 * Whether the disk takes `bytes` more, tried with a file that is removed again. Null if it does, else
 * the system's words.
 */
export async function refusalToWrite(path: string, bytes: number): Promise<string | null> {
  const name = join(path, PROBE_NAME);
  const chunk = Buffer.alloc(PROBE_CHUNK_BYTES);
  try {
    const file = await open(name, "w");
    try {
      for (let left = bytes; left > 0; left -= chunk.length) {
        // oxlint-disable-next-line no-await-in-loop -- a file is written from front to back
        await file.writeFile(left < chunk.length ? chunk.subarray(0, left) : chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return error.message;
    throw error;
  } finally {
    await rm(name, { force: true });
  }
}

function namesIn(path: string): string[] | null {
  const stat = attempt(path, "cannot be read", () => statSync(path, { throwIfNoEntry: false }));
  if (stat === undefined) return null;
  if (!stat.isDirectory()) {
    throw new DirectoryRefused(path, "is not a directory", "name another with `dir`");
  }
  return attempt(path, "cannot be read", () => readdirSync(path));
}

function attempt<Result>(path: string, what: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    const advice = "check its owner and permissions, or name another directory with `dir`";
    throw new DirectoryRefused(path, `${what} (${error.message})`, advice);
  }
}
