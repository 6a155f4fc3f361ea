// Runs the tests, the stress test for longer, on a build of the addon with AddressSanitizer:
// `node scripts/memcheck.js [test file...]`. Any report of the sanitizer fails the run.
//
// Node itself is not built with the sanitizer, so its library is preloaded, and leaks are not looked
// for: Node leaves plenty at exit on purpose.

import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const compiler = process.env.CXX ?? "c++";

execFileSync(process.execPath, [join(root, "scripts/native.js"), "--asan"], { stdio: "inherit" });

const library = process.platform === "darwin" ? "libclang_rt.asan_osx_dynamic.dylib" : "libasan.so";
const preload = execFileSync(compiler, [`-print-file-name=${library}`], {
  encoding: "utf8",
}).trim();
const folder = join(root, "dist/test");
const named = process.argv.slice(2);
const files =
  named.length > 0
    ? named
    : readdirSync(folder)
        .filter((name) => name.endsWith(".test.js"))
        .map((name) => join(folder, name));

const environment = {
  ...process.env,
  KEPT_ROCKSDB_NATIVE: join(root, "build/asan/kept_rocksdb.node"),
  KEPT_STRESS_ROUNDS: process.env.KEPT_STRESS_ROUNDS ?? "20",
  ASAN_OPTIONS: "detect_leaks=0:abort_on_error=0:exitcode=99:detect_stack_use_after_return=1",
  [process.platform === "darwin" ? "DYLD_INSERT_LIBRARIES" : "LD_PRELOAD"]: preload,
};

let failed = 0;
for (const file of files) {
  const args = ["--enable-source-maps", file];
  const done = spawnSync(process.execPath, args, { env: environment, encoding: "utf8" });
  const report = /ERROR: AddressSanitizer[\s\S]*/.exec(`${done.stdout}\n${done.stderr}`);
  const good = done.status === 0 && report === null;
  console.log(`${good ? "clean " : "FAILED"} ${file}`);
  if (good) continue;
  failed++;
  console.log(report === null ? `${done.stdout}\n${done.stderr}` : report[0]);
}
if (failed > 0) process.exit(1);
