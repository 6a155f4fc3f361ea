// The store as a whole, for SAVE, BGSAVE, BGREWRITEAOF and DEBUG RELOAD: memtables to files, merging,
// forgetting what was decoded. What fails in the background is told in the log and in INFO.

import type { Clock } from "../base/clock.ts";
import type { StoragePort } from "../commands/ports.ts";
import type { Pipeline } from "../commit/pipeline.ts";
import { plainError } from "../commit/settle.ts";
import { StorageError } from "../engine/engine.ts";
import type { Log } from "../observe/log.ts";
import type { Stats } from "../observe/stats.ts";
import { CommandError } from "../resp/errors.ts";

interface StorageParts {
  readonly pipeline: Pipeline;
  readonly stats: Stats;
  readonly clock: Clock;
  readonly log: Log;
}

/** How one kind of upkeep went. */
export interface UpkeepFacts {
  count: number;
  lastSucceeded: boolean;
  /** -1 before there was one. */
  lastSeconds: number;
  /** Milliseconds since the epoch; 0 while none is under way. */
  startedMs: number;
}

export class Storage implements StoragePort {
  lastSaveSeconds: number;
  /** `stats.changes` when everything was last in files. */
  changesAtSave = 0;
  readonly saves: UpkeepFacts = newFacts();
  readonly compactions: UpkeepFacts = newFacts();
  readonly #parts: StorageParts;

  constructor(parts: StorageParts) {
    this.#parts = parts;
    this.lastSaveSeconds = Math.floor(parts.clock.nowMs() / 1000);
  }

  get isSaving(): boolean {
    return this.saves.startedMs !== 0;
  }

  get isCompacting(): boolean {
    return this.compactions.startedMs !== 0;
  }

  async save(): Promise<void> {
    const { pipeline, stats, clock } = this.#parts;
    await this.#upkeep("Writing memory to files", this.saves, async () => {
      const { changes } = stats;
      await pipeline.keyspace.engine.flush();
      this.changesAtSave = changes;
      this.lastSaveSeconds = Math.floor(clock.nowMs() / 1000);
    });
  }

  compact(): Promise<void> {
    const { engine } = this.#parts.pipeline.keyspace;
    return this.#upkeep("Merging all files", this.compactions, () => engine.compact());
  }

  dropCache(): void {
    this.#parts.pipeline.keyspace.dropCache();
  }

  async #upkeep(what: string, facts: UpkeepFacts, action: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#parts;
    facts.startedMs = clock.nowMs();
    try {
      await action();
      facts.count++;
      facts.lastSucceeded = true;
      log.verbose(`${what} is done.`);
    } catch (error) {
      facts.lastSucceeded = false;
      if (!(error instanceof StorageError)) throw error;
      // Nobody waits for what was begun in the background.
      log.warning(`${what} failed: ${error.message}`);
      throw refusal(error);
    } finally {
      facts.lastSeconds = Math.floor((clock.nowMs() - facts.startedMs) / 1000);
      facts.startedMs = 0;
    }
  }
}

function newFacts(): UpkeepFacts {
  return { count: 0, lastSucceeded: true, lastSeconds: -1, startedMs: 0 };
}

function refusal(error: StorageError): CommandError {
  const failure = { kind: error.kind, words: error.message, retryMs: 0, fromBatch: 0 };
  return new CommandError(plainError(failure).text);
}
