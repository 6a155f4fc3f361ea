// A disk that fails beneath a real server: the library faults.c, built for the test, and its rules.
//
//   using disk = new FaultyDisk(directory.path);
//   await using server = await ServerProcess.start({ dir, env: disk.env });
//   disk.fail({ call: "sync", pattern: "*.log", effect: "EIO" });
//   assert.ok(disk.hits > 0);
//   disk.heal();

import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readSync, realpathSync, writeSync } from "node:fs";

import { TemporaryDirectory } from "../engine/temporary.ts";

export interface DiskFault {
  readonly call: "write" | "sync" | "read" | "create" | "rename" | "unlink" | "truncate";
  /** Of the file's name, as the shell's. */
  readonly pattern: string;
  readonly effect: "EIO" | "ENOSPC" | "EDQUOT" | "short" | "torn" | "lost" | "flip" | "slow";
  /** So many calls are spared first; default none. */
  readonly skip?: number;
  /** So many are hit; default all. */
  readonly count?: number;
  /** Of "slow". */
  readonly milliseconds?: number;
}

const CONTROL_BYTES = 4096;
const COUNTERS_AT = 3072;
const SOURCE = `${process.cwd()}/test/faults/faults.c`;

let built: TemporaryDirectory | null = null;

/** Built once in the process, and gone with it. */
function libraryPath(): string {
  if (built === null) {
    const folder = new TemporaryDirectory();
    process.on("exit", () => folder[Symbol.dispose]());
    const library = folder.join("faults.so");
    execFileSync("gcc", ["-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"]);
    built = folder;
  }
  return built.join("faults.so");
}

export class FaultyDisk implements Disposable {
  readonly #tools = new TemporaryDirectory();
  readonly #control: number;
  #version = 0;
  #ruleCount = 0;
  /** For the server's process. */
  readonly env: Readonly<Record<string, string>>;

  /** `dir`: whose files fail, and nobody else's. */
  constructor(dir: string) {
    mkdirSync(dir, { recursive: true });
    const control = this.#tools.join("control");
    this.#control = openSync(control, "w+");
    writeSync(this.#control, Buffer.alloc(CONTROL_BYTES), 0, CONTROL_BYTES, 0);
    this.env = {
      LD_PRELOAD: libraryPath(),
      KEPT_FAULT_DIR: realpathSync(dir),
      KEPT_FAULT_CONTROL: control,
    };
    this.heal();
  }

  /** From now on these strike, and nothing else. */
  fail(...faults: readonly DiskFault[]): void {
    this.#version++;
    this.#ruleCount = faults.length;
    const lines = faults.map(({ call, pattern, effect, skip = 0, count = -1, milliseconds = 0 }) =>
      [call, pattern, effect, skip, count, milliseconds].join(" "),
    );
    const page = Buffer.alloc(CONTROL_BYTES);
    page.write([this.#version, ...lines, `end ${this.#version}\n`].join("\n"), "latin1");
    writeSync(this.#control, page, 0, CONTROL_BYTES, 0);
  }

  heal(): void {
    this.fail();
  }

  /** How often each rule has struck, in the order they were given. */
  get hitsOfEach(): number[] {
    const page = Buffer.alloc(CONTROL_BYTES);
    readSync(this.#control, page, 0, CONTROL_BYTES, 0);
    return Array.from({ length: this.#ruleCount }, (_, index) =>
      page.readUInt32LE(COUNTERS_AT + 4 * index),
    );
  }

  get hits(): number {
    return this.hitsOfEach.reduce((sum, count) => sum + count, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#control);
    this.#tools[Symbol.dispose]();
  }
}
