// One client process of the history test: some connections that run random transactions on lists and
// random operations on registers, one after the other each, and write down what they did. Every
// operation is in the log before it is sent, so that whoever is killed leaves no gap.
//
//   node client.js <port> <log file> <number> <seed> <milliseconds>
//
// It ends with its standard input too: whoever started it may have been killed.
//
// The log: one JSON array a line. [id, beganUs, "list" | "register", what] and [id, endedUs, result],
// where the result is null when the operation certainly did nothing.

import { openSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { SeededRandom } from "../../src/base/random.ts";
import { Caller } from "./caller.ts";
import { runList } from "./list-client.ts";
import { runRegister } from "./register-client.ts";

const CONNECTIONS = 3;

/** Microseconds of the machine's monotonic clock: the same for all processes. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export class Journal {
  readonly #file: number;
  readonly #name: string;
  #count = 0;

  constructor(path: string, name: string) {
    this.#file = openSync(path, "a");
    this.#name = name;
  }

  begin(kind: "list" | "register", what: unknown): string {
    const id = `${this.#name}.${this.#count++}`;
    this.#write([id, nowUs(), kind, what]);
    return id;
  }

  end(id: string, result: unknown): void {
    this.#write([id, nowUs(), result]);
  }

  #write(entry: unknown): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
}

async function main([port = "", path = "", number = "", seed = "", ms = ""]: string[]) {
  process.stdin.on("end", () => process.exit(1)).resume();
  const untilMs = performance.now() + Number(ms);
  const journal = new Journal(path, number);
  const work = async (index: number) => {
    const random = new SeededRandom(Number(seed) * 16 + index);
    const caller = new Caller(Number(port), untilMs);
    // A name for each, so that no value is ever appended by two.
    const writer = { journal, random, caller, name: `${number}_${index}`, count: 0 };
    while (performance.now() < untilMs) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is what is tested
      await (random.below(3) === 0 ? runRegister(writer) : runList(writer));
    }
    caller.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => work(index)));
  process.stdin.destroy();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(process.argv.slice(2));
}
