// Prints one list for the native build: `sources`, `cflags` or `libs`.
//
// RocksDB is looked for in ROCKSDB_PREFIX, then with pkg-config, then with Homebrew, and is taken from
// the compiler's own search path when none of them knows it.

import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** The trimmed output of a program, or null when it is missing or fails. */
function output(program, ...args) {
  try {
    const options = { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
    return execFileSync(program, args, options).trim();
  } catch {
    return null;
  }
}

function fromPrefix(prefix) {
  return {
    cflags: [`-I${join(prefix, "include")}`],
    libs: [`-L${join(prefix, "lib")}`, "-lrocksdb"],
  };
}

export function rocksdbFlags() {
  const prefix = process.env.ROCKSDB_PREFIX;
  if (prefix !== undefined && prefix !== "") return fromPrefix(prefix);
  const libs = output("pkg-config", "--libs", "rocksdb");
  if (libs !== null) {
    // RocksDB's file may name a language standard of its own; this code needs a later one.
    const cflags = (output("pkg-config", "--cflags", "rocksdb") ?? "").split(/\s+/);
    return {
      cflags: cflags.filter((flag) => flag !== "" && !flag.startsWith("-std=")),
      libs: libs.split(/\s+/),
    };
  }
  const brew = process.platform === "darwin" ? output("brew", "--prefix", "rocksdb") : null;
  if (brew !== null) return fromPrefix(brew);
  return { cflags: [], libs: ["-lrocksdb"] };
}

export function sources() {
  const folders = ["src/core", "src/napi"];
  return folders.flatMap((folder) =>
    readdirSync(join(import.meta.dirname, "..", folder))
      .filter((name) => name.endsWith(".cc"))
      .sort()
      .map((name) => `${folder}/${name}`),
  );
}

const wanted = process.argv[1] === import.meta.filename ? process.argv[2] : undefined;
if (wanted === "sources") console.log(sources().join("\n"));
if (wanted === "cflags") console.log(rocksdbFlags().cflags.join("\n"));
if (wanted === "libs") console.log(rocksdbFlags().libs.join("\n"));
