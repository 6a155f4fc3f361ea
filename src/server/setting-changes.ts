// CONFIG SET while the server runs. Most settings change at once; those of RocksDB are asked of it on
// a thread first, and only when it has taken all of them are they, and what was set together with
// them, the server's. Changes that take a while come one after the other.

import type { Bytes } from "../base/bytes.ts";
import { setFailed, type Asker, type Change, type Config } from "../config/config.ts";
import { settingNamed } from "../config/table.ts";
import { SettingRefused, StorageError, type Engine } from "../engine/engine.ts";
import { optionString } from "./engine-settings.ts";
import type { ListenChange, Rebinding } from "./tcp-listeners.ts";

type Assignments = readonly (readonly [Bytes, Bytes])[];

const MB = 1024 ** 2;
/** Options of writes that the engine, and not the pipeline, obeys. */
const ENGINE_WRITE_OPTIONS: ReadonlySet<string> = new Set(["low_pri"]);
/** Settings of where the server listens. */
const LISTENS: ReadonlySet<string> = new Set(["bind", "port", "tls-port"]);
const NO_WAY_BACK = "RocksDB's own choice comes back only with a restart";

export class SettingChanges {
  readonly #config: Config;
  readonly #engine: Engine;
  readonly #rebinding: Rebinding;
  #last: Promise<unknown> | null = null;

  constructor(config: Config, asked: { readonly engine: Engine; readonly rebinding: Rebinding }) {
    this.#config = config;
    this.#engine = asked.engine;
    this.#rebinding = asked.rebinding;
  }

  /** Whether `set` cannot answer at once. */
  takesTime(assignments: Assignments): boolean {
    if (this.#last !== null) return true;
    return assignments.some(([name]) => {
      const found = settingNamed(name);
      return found !== null && (isOfEngine(found.setting.rocksdb) || LISTENS.has(found.name));
    });
  }

  set(assignments: Assignments, asker: Asker): Bytes | null | Promise<Bytes | null> {
    if (!this.takesTime(assignments)) return this.#config.set(assignments, asker);
    const before = this.#last ?? Promise.resolve();
    const done = before.then(() => this.#setSlowly(assignments, asker));
    const turn = done.finally(() => {
      if (this.#last === turn) this.#last = null;
    });
    this.#last = turn;
    return turn;
  }

  async #setSlowly(assignments: Assignments, asker: Asker): Promise<Bytes | null> {
    const changes = this.#config.changes(assignments, asker);
    if (typeof changes === "string") return changes;
    const made: Change[] = [];
    for (const change of changes.filter(isSlow)) {
      // oxlint-disable-next-line no-await-in-loop -- the first refusal ends it
      const reason = await this.#configure(change, change.after);
      if (reason === null) {
        made.push(change);
        continue;
      }
      return setFailed(change.given, reason + (await this.#takeBack(made)));
    }
    const refusal = this.#config.make(changes);
    return refusal === null ? null : refusal + (await this.#takeBack(made));
  }

  async #takeBack(made: readonly Change[]): Promise<string> {
    let trouble = "";
    for (const change of made.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop -- in the opposite order
      const reason = await this.#configure(change, change.before);
      if (reason !== null) trouble += `; '${change.name}' could not be taken back: ${reason}`;
    }
    return trouble;
  }

  /** Null, or why RocksDB, or the system, does not take it. */
  async #configure(change: Change, value: unknown): Promise<string | null> {
    if (LISTENS.has(change.name))
      return await this.#rebinding.move(listenChange(change.name, value));
    const option = engineOption(change, value);
    if (option === null) return NO_WAY_BACK;
    try {
      await this.#engine.configure(option.name, option.value);
      return null;
    } catch (error) {
      if (error instanceof SettingRefused || error instanceof StorageError) return error.message;
      throw error;
    }
  }
}

function isSlow({ name, setting }: Change): boolean {
  return isOfEngine(setting.rocksdb) || LISTENS.has(name);
}

function listenChange(name: string, value: unknown): ListenChange {
  if (name === "port") return { port: Number(value) };
  if (name === "tls-port") return { tlsPort: Number(value) };
  return { addresses: Array.isArray(value) ? value.map(String) : [] };
}

function isOfEngine(rocksdb: Change["setting"]["rocksdb"]): boolean {
  if (rocksdb === undefined) return false;
  if (rocksdb.scope === "write") return ENGINE_WRITE_OPTIONS.has(rocksdb.option);
  return rocksdb.scope !== "read";
}

/** The engine's name and notation; null for what RocksDB only chooses when it opens. */
function engineOption(
  { setting }: Change,
  value: unknown,
): { readonly name: string; readonly value: string } | null {
  const option = setting.rocksdb?.option ?? "";
  if (option === "block_cache_size") {
    return { name: "block_cache_bytes", value: String(Number(value) * MB) };
  }
  if (option === "blob_garbage_collection_age_cutoff") {
    return { name: option, value: String(Number(value) / 100) };
  }
  const text = optionString(setting, value);
  return text === null ? null : { name: option, value: text };
}
