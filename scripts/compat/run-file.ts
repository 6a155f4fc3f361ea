// One file of the suite against servers of its own: starts tclsh with prelude.tcl in a folder that looks
// like Redis's, reads what it tells, and keeps the time. A test that makes no progress loses its
// server (prelude.tcl starts another for the next test); a file that takes too long is ended.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Failure {
  readonly test: string;
  readonly words: string;
}

export interface FileResult {
  readonly name: string;
  readonly passed: number;
  readonly failures: readonly Failure[];
  /** Errors that are no failed comparison: an unknown command, a lost connection. */
  readonly exceptions: readonly Failure[];
  /** Reason to number of tests. */
  readonly skipped: ReadonlyMap<string, number>;
  readonly seconds: number;
  /** What was left when the time was over, or null. */
  readonly cutShort: string | null;
}

export interface RunOptions {
  readonly suite: string;
  readonly program: readonly string[];
  readonly basePort: number;
  readonly testLimitMs: number;
  readonly fileLimitMs: number;
  readonly onLine: (line: string) => void;
}

const GRACE_MS = 10_000;

export async function runFile(name: string, options: RunOptions): Promise<FileResult> {
  const folder = makeFolder(options);
  try {
    return await new Run(name, options).toItsEnd(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The suite's folders by links, and in src/ the server under test where Redis's would be. */
function makeFolder({ suite, program }: RunOptions): string {
  const folder = mkdtempSync(join(tmpdir(), "kept-compat-"));
  for (const name of ["tests/tmp", "src"]) mkdirSync(join(folder, name), { recursive: true });
  for (const name of readdirSync(join(suite, "tests"))) {
    if (name !== "tmp") symlinkSync(join(suite, "tests", name), join(folder, "tests", name));
  }
  for (const name of ["utils", "redis.conf"]) symlinkSync(join(suite, name), join(folder, name));
  const script = (words: readonly string[]) => `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`;
  const tools = [
    ["redis-server", script(program)],
    ["redis-cli", script(["redis-cli"])],
    ["redis-benchmark", script(["redis-benchmark"])],
  ] as const;
  for (const [tool, text] of tools) writeFileSync(join(folder, "src", tool), text, { mode: 0o755 });
  return folder;
}

class Run {
  readonly #name: string;
  readonly #options: RunOptions;
  readonly #servers = new Set<number>();
  readonly #failures: Failure[] = [];
  readonly #exceptions: Failure[] = [];
  readonly #skipped = new Map<string, number>();
  #passed = 0;
  #current = "";
  #cutShort: string | null = null;
  #isComplete = false;
  #lastProgressMs = performance.now();

  constructor(name: string, options: RunOptions) {
    this.#name = name;
    this.#options = options;
  }

  async toItsEnd(folder: string): Promise<FileResult> {
    const { basePort, program, fileLimitMs } = this.#options;
    const startMs = performance.now();
    const scripts = join(process.cwd(), "scripts/compat");
    const args = [join(scripts, "prelude.tcl"), this.#name, String(basePort)];
    const child = spawn("tclsh", [...args, join(scripts, "internals.txt"), ...program], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let complaints = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => this.#read(line));
    const watch = setInterval(() => {
      const nowMs = performance.now();
      if (nowMs - startMs > fileLimitMs) this.#cut("the file's time was over", child);
      else if (nowMs - this.#lastProgressMs > this.#options.testLimitMs) this.#unblock(child);
    }, 500);
    await new Promise((resolve) => {
      child.once("close", resolve);
    });
    clearInterval(watch);
    this.#killServers();
    if (!this.#isComplete && this.#cutShort === null) {
      this.#cutShort = `tclsh ended in "${this.#current}": ${complaints.trim().slice(-300)}`;
    }
    return {
      name: this.#name,
      passed: this.#passed,
      failures: this.#failures,
      exceptions: this.#exceptions,
      skipped: this.#skipped,
      seconds: (performance.now() - startMs) / 1000,
      cutShort: this.#cutShort,
    };
  }

  #read(line: string): void {
    this.#options.onLine(line);
    this.#lastProgressMs = performance.now();
    const [word = "", first = "", second = ""] = line.split("\t").map(unescape);
    switch (word) {
      case "begin":
        this.#current = first;
        break;
      case "ok":
        this.#passed++;
        break;
      case "fail":
        this.#failures.push({ test: first, words: second });
        break;
      case "exception":
        this.#exceptions.push({ test: first, words: second });
        break;
      case "skip":
        this.#skipped.set(second, (this.#skipped.get(second) ?? 0) + 1);
        break;
      case "server-spawned":
        this.#servers.add(Number(first));
        break;
      case "server-killed":
        this.#servers.delete(Number(first));
        break;
      case "end":
        this.#isComplete = true;
        break;
      default:
        // Notes, and what the suite prints by itself.
        break;
    }
  }

  /** The test waits for something that does not come: without its server it ends in an error. */
  #unblock(child: ReturnType<typeof spawn>): void {
    if (this.#servers.size === 0) {
      this.#cut("it stood still without a server", child);
      return;
    }
    this.#killServers();
    this.#lastProgressMs = performance.now() + GRACE_MS - this.#options.testLimitMs;
  }

  #cut(why: string, child: ReturnType<typeof spawn>): void {
    this.#cutShort ??= `${why}, in "${this.#current}"`;
    child.kill("SIGKILL");
    this.#killServers();
  }

  #killServers(): void {
    for (const pid of this.#servers) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (error) {
        // It is gone already.
        if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
      }
    }
    this.#servers.clear();
  }
}

function unescape(field: string): string {
  return field.replaceAll(/\\([\\tnr])/g, (_, letter: string) => ESCAPED[letter] ?? letter);
}

const ESCAPED: Readonly<Record<string, string>> = { "\\": "\\", t: "\t", n: "\n", r: "\r" };
