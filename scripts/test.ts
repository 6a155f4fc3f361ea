// Runs the tests: `node --enable-source-maps build/scripts/test.js [kind or path]...`
//
// A kind is `unit` (beside the source, and in packages), the name of a folder under test/, or of
// a file directly in it (`tidy`). A path is the beginning of a test's source path. No argument
// means everything. Files are found by their source, so a compiled test whose source is gone
// does not run. Each file gets a process of its own: a crash in native code fails one file.

import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, sep } from "node:path";
import { Readable } from "node:stream";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { pathToFileURL } from "node:url";

/** What node's runner says of a test, as far as this file looks at it. */
interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly file?: string;
    readonly nesting?: number;
    readonly message?: string;
    readonly skip?: boolean | string;
    readonly details?: { readonly type?: string };
  };
}

export interface TestFile {
  readonly kind: string;
  readonly source: string;
  readonly compiled: string;
}

/** These want the machine to themselves, so they run last and one at a time. */
const ALONE: ReadonlySet<string> = new Set([
  "crash",
  "stall",
  "clients",
  "cluster",
  "bench",
  "history",
  "limits",
  "simulation",
  "faults",
]);
const FILE_LIMIT_MS = 20 * 60 * 1000;
const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

/** Every test file of the tree at `root`, in a stable order. */
export function findTests(root: string): TestFile[] {
  const found: TestFile[] = [];
  for (const folder of ["src", "scripts", "bench", "test"]) {
    for (const source of testSources(root, folder)) {
      found.push({ kind: kindOf(source), source, compiled: `build/${toJs(source)}` });
    }
  }
  for (const name of namesIn(join(root, "packages"))) {
    for (const source of testSources(root, `packages/${name}/test`)) {
      const inside = source.slice(`packages/${name}/`.length);
      const compiled = `packages/${name}/dist/${toJs(inside)}`;
      found.push({ kind: "unit", source, compiled });
    }
  }
  return found;
}

/** The tests an argument list asks for; an argument that asks for none is a mistake. */
export function chooseTests(all: readonly TestFile[], wanted: readonly string[]): TestFile[] {
  if (wanted.length === 0) return [...all];
  const chosen = new Set<TestFile>();
  for (const word of wanted) {
    const isPath = word.includes("/");
    const hits = all.filter((file) => (isPath ? file.source.startsWith(word) : file.kind === word));
    if (hits.length === 0) throw new Error(`no test matches "${word}"`);
    for (const hit of hits) chosen.add(hit);
  }
  return all.filter((file) => chosen.has(file));
}

function testSources(root: string, folder: string): string[] {
  const top = join(root, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `${folder}/${name.split(sep).join("/")}`)
    .sort();
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function kindOf(source: string): string {
  const parts = source.split("/");
  if (parts[0] !== "test") return "unit";
  return parts.length === 2 ? basename(source, ".test.ts") : (parts[1] ?? "unit");
}

function toJs(source: string): string {
  return source.replace(/\.ts$/, ".js");
}

/** Both phases of the run as one stream for one reporter, with one summary at the end. */
class Report {
  readonly #totals = new Map<string, number>();
  readonly #compiled: ReadonlySet<string>;
  ran = 0;
  failed = 0;

  constructor(compiled: readonly string[]) {
    this.#compiled = new Set(compiled);
  }

  async *events(phases: readonly (() => AsyncIterable<TestEvent>)[]): AsyncGenerator<TestEvent> {
    let rootSummary: TestEvent | null = null;
    for (const start of phases) {
      for await (const event of start()) {
        if (this.#isSummaryLine(event)) continue;
        if (event.type === "test:summary" && event.data.file === undefined) rootSummary = event;
        else yield this.#judged(event);
      }
    }
    for (const [name, total] of this.#totals) {
      const message = `${name} ${Math.round(total * 1000) / 1000}`;
      yield { type: "test:diagnostic", data: { nesting: 0, message } };
    }
    if (rootSummary !== null) yield rootSummary;
  }

  #isSummaryLine(event: TestEvent): boolean {
    if (event.type !== "test:diagnostic" || event.data.nesting !== 0) return false;
    const match = SUMMARY.exec(event.data.message ?? "");
    if (match === null) return false;
    const [, name = "", count = ""] = match;
    this.#totals.set(name, (this.#totals.get(name) ?? 0) + Number(count));
    return true;
  }

  /** Counts; node reports a file that holds no test as one passed test of the file's name. */
  #judged(event: TestEvent): TestEvent {
    if (event.type === "test:fail") this.failed++;
    if (event.type !== "test:pass" || event.data.details?.type === "suite") return event;
    if (event.data.skip !== undefined) return event;
    if (this.#compiled.has(event.data.name ?? "")) {
      this.failed++;
      process.stderr.write(`no test in ${event.data.name}\n`);
    } else this.ran++;
    return event;
  }
}

async function main(root: string, wanted: readonly string[]): Promise<number> {
  const files = chooseTests(findTests(root), wanted);
  const missing = files.filter((file) => !existsSync(join(root, file.compiled)));
  for (const file of missing) process.stderr.write(`not compiled: ${file.source}\n`);
  if (missing.length > 0) return 1;

  const together = files.filter((file) => !ALONE.has(file.kind));
  const alone = files.filter((file) => ALONE.has(file.kind));
  const phase = (some: readonly TestFile[], concurrency: number) => () =>
    run({
      files: some.map((file) => join(root, file.compiled)),
      concurrency,
      timeout: FILE_LIMIT_MS,
    }) satisfies AsyncIterable<TestEvent>;
  const phases = [];
  if (together.length > 0) phases.push(phase(together, availableParallelism()));
  if (alone.length > 0) phases.push(phase(alone, 1));

  const report = new Report(files.map((file) => join(root, file.compiled)));
  for await (const text of Readable.from(report.events(phases)).compose(new spec())) {
    process.stdout.write(String(text));
  }
  if (report.failed > 0) return 1;
  if (report.ran > 0) return 0;
  process.stderr.write("no test ran\n");
  return 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    process.exitCode = await main(process.cwd(), process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
