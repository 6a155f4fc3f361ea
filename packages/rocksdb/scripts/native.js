// Builds the addon when something it is made of has changed: `node scripts/native.js`.
//
//   --asan   builds build/asan/kept_rocksdb.node with AddressSanitizer instead, by the compiler alone
//
// What it is made of is kept as a stamp beside the result: sources, build files, Node, RocksDB's
// version. Checking it takes a few milliseconds; asking node-gyp takes a second.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rocksdbFlags, sources } from "./native-flags.js";

const root = join(import.meta.dirname, "..");
const nodePrefix = join(dirname(process.execPath), "..");

function stampOf() {
  const hash = createHash("sha256");
  const files = ["binding.gyp", "scripts/native.js", "scripts/native-flags.js"];
  for (const folder of ["src/core", "src/napi"]) {
    for (const name of readdirSync(join(root, folder)).sort()) files.push(`${folder}/${name}`);
  }
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  hash.update(`${process.version} ${process.arch} ${process.env.ROCKSDB_PREFIX ?? ""}\n`);
  const prefixes = [process.env.ROCKSDB_PREFIX, "/usr", "/usr/local", "/opt/homebrew"];
  for (const prefix of prefixes) {
    const header = join(prefix ?? "/usr", "include/rocksdb/version.h");
    if (existsSync(header)) hash.update(readFileSync(header));
  }
  return hash.digest("hex");
}

function isFresh(result, stampFile, stamp) {
  if (!existsSync(result) || !existsSync(stampFile)) return false;
  return readFileSync(stampFile, "utf8") === stamp;
}

/** node-gyp as npm gives it to scripts, or the one that lies inside npm itself. */
function nodeGyp() {
  const inside = "node_modules/npm/node_modules/node-gyp/bin/node-gyp.js";
  const candidates = [
    process.env.npm_config_node_gyp,
    join(nodePrefix, "lib", inside),
    join(nodePrefix, "share/nodejs/npm/node_modules/node-gyp/bin/node-gyp.js"),
    "/usr/share/nodejs/node-gyp/bin/node-gyp.js",
  ];
  for (const candidate of candidates) {
    if (candidate !== undefined && existsSync(candidate)) return candidate;
  }
  return null;
}

function buildWithGyp() {
  const args = ["build", "--silent"];
  // Without this node-gyp downloads headers that lie beside the node that runs it.
  if (existsSync(join(nodePrefix, "include/node/node_api.h"))) args.push(`--nodedir=${nodePrefix}`);
  const gyp = nodeGyp();
  const steps = [["configure", ...args.slice(1)], args];
  for (const step of steps) {
    const [program, all] = gyp === null ? ["node-gyp", step] : [process.execPath, [gyp, ...step]];
    const env = { ...process.env };
    delete env.npm_config_nodedir;
    const done = spawnSync(program, all, { cwd: root, stdio: "inherit", env });
    if (done.error !== undefined) throw done.error;
    if (done.status !== 0) {
      console.error("The RocksDB binding was not built. It needs a C++20 compiler, make, Python 3");
      console.error("and RocksDB's headers (Debian: librocksdb-dev; Homebrew: rocksdb).");
      process.exit(1);
    }
  }
}

function buildWithSanitizer(result) {
  const flags = rocksdbFlags();
  const args = ["-std=c++20", "-fno-exceptions", "-fno-rtti", "-O1", "-g", "-fPIC", "-shared"];
  args.push("-fsanitize=address", "-fno-omit-frame-pointer", "-Wall", "-Wextra");
  if (process.platform === "darwin") args.push("-undefined", "dynamic_lookup");
  args.push(`-I${join(nodePrefix, "include/node")}`, ...flags.cflags, ...sources());
  args.push("-o", result, ...flags.libs);
  execFileSync(process.env.CXX ?? "c++", args, { cwd: root, stdio: "inherit" });
}

const sanitized = process.argv.includes("--asan");
const folder = join(root, "build", sanitized ? "asan" : "Release");
const result = join(folder, "kept_rocksdb.node");
const stampFile = join(folder, "stamp");
const stamp = stampOf();
if (!isFresh(result, stampFile, stamp)) {
  mkdirSync(folder, { recursive: true });
  if (sanitized) buildWithSanitizer(result);
  else buildWithGyp();
  writeFileSync(stampFile, stamp);
}
