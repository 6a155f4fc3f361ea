// Targets that are a whole core in this process, on the memory engine: RESTORE and what the restored value
// does afterwards, FUNCTION RESTORE, scripts, and commands of all families. What they answer is read by
// the strict reader; an error that nobody foresaw ends in `bugs`.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { sealed } from "../../src/encoding/rdb.ts";
import { Decoder } from "../../src/resp/decoder.ts";
import { ProtocolError } from "../../src/resp/errors.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";
import { COMMAND_CORPUS, dumpCorpus, libraryCorpus, SCRIPT_CORPUS } from "./corpus.ts";
import type { Target } from "./target.ts";

const RDB_VERSION = 10;
const MEGABYTE = 1024 * 1024;

/** What is asked of a value that RESTORE took: reads that walk all of it, a change, its removal. */
const QUESTIONS: readonly (readonly Bytes[])[] = [
  ["TYPE", "k"],
  ["OBJECT", "ENCODING", "k"],
  ["MEMORY", "USAGE", "k"],
  ["STRLEN", "k"],
  ["HGETALL", "k"],
  ["LRANGE", "k", "0", "-1"],
  ["SMEMBERS", "k"],
  ["ZRANGE", "k", "0", "-1", "WITHSCORES"],
  ["XINFO", "STREAM", "k", "FULL"],
  ["XRANGE", "k", "-", "+"],
  ["LPUSH", "k", "v"],
  ["HSET", "k", "f", "v"],
  ["SADD", "k", "v"],
  ["ZADD", "k", "1", "v"],
  ["XADD", "k", "*", "f", "v"],
  ["DUMP", "k"],
  ["COPY", "k", "other", "REPLACE"],
];

class CoreTarget {
  readonly #world: World;
  #talker: Talker;

  constructor(world: World) {
    this.#world = world;
    this.#talker = world.connect();
  }

  static async open(): Promise<CoreTarget> {
    return new CoreTarget(await openWorld({ limits: { stringBytesMax: MEGABYTE } }));
  }

  async ask(...commands: readonly (readonly Bytes[])[]): Promise<void> {
    for (const command of commands) this.#talker.send([...command]);
    // oxlint-disable-next-line no-await-in-loop -- until nothing waits
    for (let turn = 0; this.#talker.isWaiting && turn < 20; turn++) await this.#world.settle();
    this.#talker.replies.length = 0;
    if (this.#talker.isWaiting || this.#talker.closing || this.#talker.abandoned) {
      this.#talker.session.closed();
      this.#talker = this.#world.connect();
    }
    const [bug] = this.#world.bugs.splice(0);
    if (bug !== undefined) throw bug instanceof Error ? bug : new Error(JSON.stringify(bug));
  }

  async restore(input: Bytes): Promise<void> {
    await this.ask(["RESTORE", "k", "0", sealed(input, RDB_VERSION), "REPLACE"], ...QUESTIONS);
  }

  async decoded(input: Bytes): Promise<void> {
    const decoder = new Decoder({ bulkBytesMax: MEGABYTE });
    decoder.push(Buffer.from(input, "latin1"));
    const commands: Bytes[][] = [];
    try {
      for (let args = decoder.next(); args !== null; args = decoder.next()) commands.push(args);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
    await this.ask(...commands);
  }

  async rest(): Promise<void> {
    await this.ask(
      ["DISCARD"],
      ["RESET"],
      ["FLUSHALL"],
      ["FUNCTION", "FLUSH"],
      ["SCRIPT", "FLUSH"],
    );
    await this.#world.settle();
    assert.deepEqual(this.#world.bugs, []);
  }
}

export async function coreTargets(): Promise<Target[]> {
  const core = await CoreTarget.open();
  const rest = () => core.rest();
  return [
    {
      name: "restore",
      share: 4,
      corpus: dumpCorpus(),
      run: (input) => core.restore(input),
      rest,
    },
    {
      name: "function-restore",
      share: 2,
      corpus: libraryCorpus(),
      run: (input) =>
        core.ask(
          ["FUNCTION", "RESTORE", sealed(input, RDB_VERSION), "FLUSH"],
          ["FUNCTION", "LIST", "WITHCODE"],
          ["FCALL", "f", "1", "k", "v"],
        ),
      rest,
    },
    {
      name: "scripts",
      share: 3,
      corpus: SCRIPT_CORPUS,
      run: (input) => core.ask(["EVAL", input, "2", "k", "other", "v", "1"]),
      rest,
    },
    {
      name: "commands",
      share: 5,
      corpus: COMMAND_CORPUS,
      run: (input) => core.decoded(input),
      rest,
    },
  ];
}
