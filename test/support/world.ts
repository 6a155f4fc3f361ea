// A whole core on the memory engine and a clock that stands still: every step happens when the test
// says so. Sessions have no sockets; what they are sent is read back by the strict reply reader, so
// anything malformed fails the test (law 2).

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { COMMANDS } from "../../src/commands/registry.ts";
import type { CommandRows } from "../../src/commands/table.ts";
import type { PipelineSettings } from "../../src/commit/pipeline.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import type { Limits } from "../../src/keyspace/view.ts";
import { ReplyReader } from "../../src/resp/reader.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { Core, type CoreHooks, type CoreOptions } from "../../src/server/core.ts";
import type { SessionSettings } from "../../src/session/host.ts";
import type { Session } from "../../src/session/session.ts";
import { format } from "../conversations/notation.ts";
import { InlineReader } from "./inline-reader.ts";
import { whole } from "./whole.ts";

export const START_MS = 1_700_000_000_000;

export interface WorldSettings {
  readonly engine?: MemoryEngine;
  readonly clock?: ManualClock;
  readonly pipeline?: Partial<PipelineSettings>;
  readonly session?: Partial<SessionSettings>;
  readonly limits?: Partial<Limits>;
  readonly cacheBytesMax?: number;
  readonly rowBytesMax?: number;
  readonly databaseCount?: number;
  readonly commands?: CommandRows;
  /** From how many elements on a reading command is run elsewhere; without it none is. */
  readonly longReadElements?: number;
  /** How many at a time. */
  readonly longReadSeats?: number;
}

export interface World extends AsyncDisposable {
  readonly core: Core;
  readonly engine: MemoryEngine;
  readonly clock: ManualClock;
  readonly reader: InlineReader;
  /** Our own bugs that surfaced; empty at the end of every test. */
  readonly bugs: unknown[];
  connect(): Talker;
  /** Ends the turn and lets promises run, until nothing moves any more. */
  settle(): Promise<void>;
}

/** One connection: says commands, and keeps what it is answered. */
export class Talker {
  readonly session: Session;
  readonly replies: Reply[] = [];
  /** Told of each at once: in which order several connections hear. */
  onReply: (reply: Reply) => void = () => {};
  abandoned = false;
  closing = false;
  #waiting = false;
  readonly #queue: Bytes[][] = [];
  readonly #reader = new ReplyReader();

  constructor(core: Core) {
    this.session = core.openSession({
      write: (bytes) => this.#read(whole(bytes)),
      abandon: () => {
        this.abandoned = true;
      },
      closeAfterFlush: () => {
        this.closing = true;
      },
    });
    this.session.onResume = () => {
      this.#waiting = false;
      this.#go();
    };
  }

  get isWaiting(): boolean {
    return this.#waiting;
  }

  #read(bytes: Bytes): void {
    this.#reader.push(bytes);
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      this.replies.push(reply);
      this.onReply(reply);
    }
    assert.ok(this.#reader.isBetweenReplies, `half a reply was written: ${bytes}`);
  }

  /** Sends one command, words separated by single spaces; it runs now unless an earlier one waits. */
  say(line: string): void {
    this.send(line.split(" "));
  }

  send(args: Bytes[]): void {
    this.#queue.push(args);
    this.#go();
  }

  #go(): void {
    while (!this.#waiting) {
      const args = this.#queue.shift();
      if (args === undefined) return;
      this.#waiting = true;
      if (this.session.execute(args) === "done") this.#waiting = false;
    }
  }

  /** The replies so far, in the notation of the conversations, and forgets them. */
  heard(): string[] {
    return this.replies.splice(0).map(format);
  }
}

export const NO_LIMITS: Limits = {
  stringBytesMax: 512 * 1024 * 1024,
  unitBytesMax: 0,
  notifyMask: 0,
  countFrequency: false,
  lfuLogFactor: 10,
  collections: usualCollectionLimits(),
};

export async function openWorld(settings: WorldSettings = {}): Promise<World> {
  const engine = settings.engine ?? new MemoryEngine();
  const clock = settings.clock ?? new ManualClock(START_MS);
  const bugs: unknown[] = [];
  const reader = new InlineReader(engine, clock);
  const options: CoreOptions = {
    engine,
    reader,
    clock,
    random: new SeededRandom(1),
    keyspace: {
      databaseCount: settings.databaseCount ?? 16,
      cacheBytesMax: settings.cacheBytesMax ?? 64 * 1024 * 1024,
      rowBytesMax: settings.rowBytesMax ?? 0,
    },
    pipeline: {
      sync: false,
      stallWaitMs: 0,
      backgroundBytes: Infinity,
      groupBytesMax: 4 * 1024 * 1024,
      unknownTimeoutMs: 5000,
      ...settings.pipeline,
    },
    session: {
      execFailureReply: "attributed",
      onceRetentionMs: 86_400_000,
      transactionBytesMax: 1024 * 1024,
      slowUs: Infinity,
      requirePass: "",
      scriptsUndo: false,
      scriptsMayCallAll: false,
      ...settings.session,
    },
    limits: { ...NO_LIMITS, ...settings.limits },
    commands: settings.commands ?? COMMANDS,
    renames: new Map(),
    onBug: (error) => bugs.push(error),
  };
  const core = await Core.open(options, noHooks());
  const { longReads } = core.pipeline;
  if (settings.longReadElements !== undefined) {
    longReads.elementsMax = settings.longReadElements;
    longReads.seatCount = settings.longReadSeats ?? 1;
  }
  return {
    core,
    engine,
    clock,
    reader,
    bugs,
    connect: () => new Talker(core),
    settle: () => settle(clock),
    [Symbol.asyncDispose]: async () => {
      assert.deepEqual(bugs, []);
      await engine.close();
    },
  };
}

function noHooks(): CoreHooks {
  return {
    permission: () => null,
    admission: () => null,
    onErrorReply: () => {},
    onScriptLog: () => {},
    onLongCommand: () => {},
  };
}

const TURNS_MAX = 1000;

async function settle(clock: ManualClock): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const moved = clock.endTurn();
    // Promises of the memory engine are settled within a few microtasks; an immediate follows them.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    if (!moved && !clock.endTurn()) return;
  }
  assert.fail("the world does not come to rest");
}
