// Runs Redis's own Tcl suite against Kept: `make compat ARGS="..."`.
//
//   --server kept|redis   who is tested (kept); redis-server shows that the harness is sound
//   --only WORD           files whose name holds WORD; may be given several times
//   --workers N           files at the same time (2)
//   --test-seconds N      a test that makes no progress for so long loses its server (120)
//   --file-seconds N      a file that takes longer is cut short (1800)
//   --lines               everything as it happens
//   --write               writes docs/compatibility-suite.md
//
// KEPT_REDIS_SUITE names the folder of the suite; scripts/compat/suite.sh fetches it.

import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { SUITE_FILES, type SuiteFile } from "./compat/files.ts";
import { page, share, table, told, totals, type Outcome } from "./compat/report.ts";
import { runFile } from "./compat/run-file.ts";

const PAGE = "docs/compatibility-suite.md";
const PORTS_PER_FILE = 200;
const FIRST_PORT = 22_000;

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "kept" },
    only: { type: "string", multiple: true, default: [] },
    workers: { type: "string", default: "2" },
    "test-seconds": { type: "string", default: "120" },
    "file-seconds": { type: "string", default: "1800" },
    lines: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

function programOf(server: string): string[] {
  if (server === "redis") return ["/usr/bin/redis-server"];
  if (server === "kept") return [process.execPath, `${process.cwd()}/bin/kept-server`];
  throw new Error(`--server ${server}: kept or redis`);
}

async function runOne({ name, isApart }: SuiteFile, index: number): Promise<Outcome> {
  const result = await runFile(name, {
    suite: resolve(process.env["KEPT_REDIS_SUITE"] ?? "build/redis-7.0.15"),
    program: programOf(values.server),
    basePort: FIRST_PORT + (index % 40) * PORTS_PER_FILE,
    testLimitMs: Number(values["test-seconds"]) * 1000,
    fileLimitMs: Number(values["file-seconds"]) * 1000,
    onLine: (line) => {
      if (values.lines) process.stdout.write(`${line}\n`);
    },
  });
  const { passed, failed, exceptions } = totals([{ result, isApart }]);
  const seconds = result.seconds.toFixed(0);
  process.stdout.write(
    `${name}: ${passed} passed, ${failed} failed, ${exceptions} exceptions, ${seconds} s\n`,
  );
  const words = told(result);
  if (words !== "") process.stdout.write(`${words}\n`);
  return { result, isApart };
}

async function main(): Promise<void> {
  const wanted = values.only;
  const files = SUITE_FILES.filter(
    ({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)),
  );
  const outcomes: Outcome[] = [];
  const queue = files.entries();
  const worker = async (): Promise<void> => {
    for (const [index, file] of queue) {
      // oxlint-disable-next-line no-await-in-loop -- one file at a time is what a worker is
      outcomes[index] = await runOne(file, index);
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, worker));
  const counted = totals(outcomes.filter(({ isApart }) => !isApart));
  process.stdout.write(`\n${table(outcomes)}\n\n${share(counted)} % of what counts passes\n`);
  if (values.write) {
    mkdirSync("docs", { recursive: true });
    writeFileSync(PAGE, page(outcomes, subjectOf(values.server), ""));
  }
}

function subjectOf(server: string): string {
  return server === "kept" ? "Kept" : "redis-server";
}

await main();
