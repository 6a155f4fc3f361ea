// Law 9 on the real thing: the log cannot grow (RLIMIT_FSIZE stands in for a broken disk), so a write
// ends "unknown"; nobody else writes until it is settled; reads go on; and then the truth is told.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { BrokenLogReport } from "./child.ts";
import { TemporaryDirectory } from "./temporary.ts";

const CHILD = fileURLToPath(new URL("child.js", import.meta.url));
const run = promisify(execFile);

test("a write that breaks the log is unknown until it is settled, and reads go on", async () => {
  using directory = new TemporaryDirectory();
  const { stdout } = await run(process.execPath, [CHILD, "break-log", directory.join("data")]);
  const report: unknown = JSON.parse(stdout);
  assert.deepEqual(report, {
    first: "io unknown",
    second: "io refused",
    errorWhileBroken: "io",
    readWhileBroken: "1",
    syncedWhileBroken: "io refused",
    settledWhileBroken: "io refused",
    readAfterFailedSettling: ["1", null, null, null],
    settled: "absent",
    healthAfter: ["none", null],
    writtenAfter: "done",
    valuesAfter: ["1", null, null, "1"],
    valuesAfterReopening: ["1", null, null, "1"],
  } satisfies BrokenLogReport);
});
