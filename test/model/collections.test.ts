// Random hash commands on the keyspace, with units that fail half-way, batches on their way that are
// refused, a cold disk and a cache that forgets at every turn, against a Map of Maps that is copied.
// Whatever form the hashes have, each answer must be the model's, small ones in order; and at the end a
// new keyspace on the same store must find just that, and no element that nobody owns.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { SeededRandom } from "../../src/base/random.ts";
import { hashCommands } from "../../src/commands/hash-rows.ts";
import { keyCommands } from "../../src/commands/key.ts";
import { answerAtOnce } from "../../src/commands/wait.ts";
import { loadCold, type ColdHistory } from "../../src/commit/cold-loader.ts";
import { goneElementPrefix, GONE_PREFIX } from "../../src/encoding/meta.ts";
import { ELEMENTS, META, type Engine, type StoreId } from "../../src/engine/engine.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { ColdRead } from "../../src/keyspace/cold.ts";
import type { ClosedBatch, Keyspace } from "../../src/keyspace/keyspace.ts";
import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import { View } from "../../src/keyspace/view.ts";
import { Stats } from "../../src/observe/stats.ts";
import { CommandError } from "../../src/resp/errors.ts";
import { Status, type Reply } from "../../src/resp/reply.ts";
import { openKeyspace } from "../../src/server/open-keyspace.ts";
import { asResp2 } from "../conversations/notation.ts";

const RUNS = Number(process.env["KEPT_MODEL_RUNS"] ?? 300);
const ROWS = { ...hashCommands, ...keyCommands };

type State = Map<string, Map<string, string>>;

interface Setup {
  readonly entriesMax: number;
  readonly isCold: boolean;
  readonly cacheBytesMax: number;
}

type Step =
  | { readonly kind: "unit"; readonly commands: string[][]; readonly fails: boolean }
  | { readonly kind: "close" }
  | { readonly kind: "commit" }
  | { readonly kind: "refuse" }
  | { readonly kind: "cool" };

const key = fc.constantFrom("h", "g", "{h}");
const field = fc.constantFrom("a", "b", "c", "d", "e", "f", "a field with a longer name");
const value = fc.constantFrom("", "1", "-3", "x", "longer than the others are");
const command: fc.Arbitrary<string[]> = fc
  .oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant("HSET"), key, field, value, field, value) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("HDEL"), key, field, field) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("HINCRBY"), key, field, fc.constant("2")) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("HGETALL", "HLEN"), key) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom("HGET", "HSTRLEN", "HMGET"), key, field) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("HSETNX"), key, field, value) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom("HRANDFIELD", "DEL"), key) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("RENAME"), key, key) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("COPY"), key, key, fc.constant("REPLACE")) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("HSCAN"), key) },
  )
  .map((words): string[] => [...words]);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("unit" as const),
      commands: fc.array(command, { minLength: 1, maxLength: 5 }),
      fails: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "close" as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: "commit" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "refuse" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "cool" as const }) },
);
const setup: fc.Arbitrary<Setup> = fc.record({
  entriesMax: fc.constantFrom(0, 2, 1000),
  isCold: fc.boolean(),
  cacheBytesMax: fc.constantFrom(0, 1500, 1_000_000),
});

class Run {
  readonly engine = new MemoryEngine();
  readonly view: View;
  readonly #keyspace: Keyspace;
  readonly #isOrdered: boolean;
  #committed: State = new Map();
  #current: State = new Map();
  #closed: { readonly batch: ClosedBatch; readonly ops: WriteOps; readonly state: State } | null =
    null;

  constructor(keyspace: Keyspace, engine: MemoryEngine, chosen: Setup) {
    this.#keyspace = keyspace;
    this.engine = engine;
    this.view = viewOf(keyspace, chosen);
    this.#isOrdered = chosen.entriesMax === 1000;
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case "unit":
        await this.unit(one.commands, one.fails);
        break;
      case "close":
        this.#close();
        break;
      case "commit":
        this.commit();
        break;
      case "refuse":
        this.#keyspace.undoAll();
        this.#closed = null;
        this.#current = copyOf(this.#committed);
        break;
      case "cool":
        this.engine.cool();
        break;
    }
  }

  #close(): void {
    if (this.#closed !== null || this.#keyspace.openIsEmpty) return;
    const ops = new WriteOps();
    const batch = this.#keyspace.close(ops);
    this.#closed = { batch, ops, state: copyOf(this.#current) };
  }

  commit(): void {
    this.#close();
    if (this.#closed === null) return;
    const { batch, ops, state } = this.#closed;
    this.engine.write(ops);
    this.#keyspace.committed(batch);
    this.#committed = state;
    this.#closed = null;
  }

  async unit(commands: readonly string[][], fails: boolean): Promise<void> {
    const history: ColdHistory = { elements: [] };
    const before = copyOf(this.#current);
    for (let rounds = 0; ; rounds++) {
      assert.ok(rounds < 200, "a unit comes to its end");
      this.#keyspace.trimCache();
      const mark = this.#keyspace.mark();
      this.#current = copyOf(before);
      try {
        for (const words of commands) this.#compare(words);
        if (fails) {
          this.#keyspace.rollbackTo(mark);
          this.#current = before;
        }
        return;
      } catch (error) {
        this.#keyspace.rollbackTo(mark);
        if (!(error instanceof ColdRead)) throw error;
        assert.ok(error.request !== null);
        await loadCold(this.#keyspace, error.request, { history, keysWanted: () => [] });
      }
    }
  }

  #compare(words: readonly string[]): void {
    const [name = "", keyName = ""] = words;
    const hash = this.#current.get(keyName);
    if (name === "HRANDFIELD") {
      const drawn = this.#run(words);
      if (hash === undefined) assert.equal(drawn, null);
      else assert.ok(typeof drawn === "string" && hash.has(drawn));
      return;
    }
    const heard = name === "HSCAN" ? this.#scanned(keyName) : this.#run(words);
    const expected = answer(this.#current, words);
    if (name !== "HGETALL" && name !== "HSCAN") assert.deepEqual(heard, expected, words.join(" "));
    else if (this.#isOrdered) assert.deepEqual(heard, expected, words.join(" "));
    else assert.deepEqual(inPairs(heard), inPairs(expected), words.join(" "));
  }

  #run(words: readonly string[]): Reply {
    const row = ROWS[words[0] ?? ""];
    assert.ok(row?.kind === "data");
    const mark = this.#keyspace.mark();
    try {
      const reply = asResp2(answerAtOnce(row.run(this.view, words)));
      return reply instanceof Status ? reply.text : reply;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#keyspace.rollbackTo(mark);
      return "error";
    }
  }

  /** All that HSCAN tells in steps of one. */
  #scanned(keyName: string): Reply {
    const found: Reply[] = [];
    let cursor = "0";
    do {
      const reply = this.#run(["HSCAN", keyName, cursor, "COUNT", "1"]);
      assert.ok(Array.isArray(reply));
      const [next, entries] = reply as readonly Reply[];
      assert.ok(typeof next === "string" && Array.isArray(entries));
      found.push(...(entries as readonly Reply[]));
      cursor = next;
    } while (cursor !== "0");
    return found;
  }

  async compareAll(): Promise<void> {
    for (const name of ["h", "g", "{h}"]) {
      await this.unit(
        [
          ["HGETALL", name],
          ["HLEN", name],
          ["HSCAN", name],
        ],
        false,
      );
    }
    assert.equal(this.view.keyCount(), this.#current.size);
  }

  /** The same state, as a new process finds it. */
  async reopened(chosen: Setup): Promise<Run> {
    const run = await begin(this.engine, chosen);
    run.#current = copyOf(this.#committed);
    run.#committed = this.#committed;
    return run;
  }

  elementCount(): number {
    let count = 0;
    for (const hash of this.#committed.values()) count += hash.size;
    return count;
  }
}

/** What Redis would say, and the state after it. */
function answer(state: State, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  const hash = state.get(keyName);
  switch (name) {
    case "HSET": {
      const target = hash ?? new Map<string, string>();
      state.set(keyName, target);
      const before = target.size;
      for (let at = 0; at < rest.length; at += 2) target.set(rest[at] ?? "", rest[at + 1] ?? "");
      return target.size - before;
    }
    case "HSETNX":
      return hash?.has(rest[0] ?? "") === true ? 0 : answer(state, ["HSET", keyName, ...rest]);
    default:
      return name.startsWith("H") ? answerField(state, words) : answerForKey(state, words);
  }
}

function answerField(state: State, words: readonly string[]): Reply {
  const [name = "", keyName = "", ...rest] = words;
  const hash = state.get(keyName);
  if (name === "HDEL") {
    let removed = 0;
    for (const one of rest) if (hash?.delete(one) === true) removed++;
    if (hash?.size === 0) state.delete(keyName);
    return removed;
  }
  if (name !== "HINCRBY") return answerRead(hash, words);
  const before = hash?.get(rest[0] ?? "") ?? "0";
  if (!/^-?\d+$/.test(before)) return "error";
  const sum = Number(before) + 2;
  answer(state, ["HSET", keyName, rest[0] ?? "", String(sum)]);
  return sum;
}

function answerRead(
  hash: ReadonlyMap<string, string> | undefined,
  [name = "", , fieldName = ""]: readonly string[],
): Reply {
  const found = hash?.get(fieldName);
  switch (name) {
    case "HGETALL":
    case "HSCAN":
      return [...(hash ?? [])].flat();
    case "HLEN":
      return hash?.size ?? 0;
    case "HGET":
      return found ?? null;
    case "HMGET":
      return [found ?? null];
    default:
      assert.equal(name, "HSTRLEN");
      return found?.length ?? 0;
  }
}

function answerForKey(state: State, [name = "", from = "", to = ""]: readonly string[]): Reply {
  const hash = state.get(from);
  if (name === "DEL") return state.delete(from) ? 1 : 0;
  if (name === "COPY") {
    if (from === to) return "error";
    if (hash === undefined) return 0;
    state.set(to, new Map(hash));
    return 1;
  }
  assert.equal(name, "RENAME");
  if (hash === undefined) return "error";
  state.delete(from);
  state.set(to, hash);
  return "OK";
}

function copyOf(state: State): State {
  return new Map([...state].map(([name, hash]) => [name, new Map(hash)]));
}

function inPairs(flat: Reply): string[] {
  assert.ok(Array.isArray(flat));
  const texts = (flat as readonly Reply[]).map(String);
  return texts.flatMap((text, at) => (at % 2 === 0 ? [`${text}\0${texts[at + 1]}`] : [])).sort();
}

function viewOf(keyspace: Keyspace, chosen: Setup): View {
  return new View({
    keyspace,
    stats: new Stats(),
    limits: {
      stringBytesMax: 512 * 1024 * 1024,
      unitBytesMax: 0,
      notifyMask: 0,
      countFrequency: false,
      lfuLogFactor: 10,
      collections: { ...usualCollectionLimits(), hashEntriesMax: chosen.entriesMax },
    },
    random: new SeededRandom(1),
  });
}

async function begin(engine: MemoryEngine, chosen: Setup): Promise<Run> {
  const { cacheBytesMax } = chosen;
  const keyspace = await openKeyspace(engine, { databaseCount: 2, cacheBytesMax });
  engine.coldKeys(chosen.isCold ? "all" : "none");
  return new Run(keyspace, engine, chosen);
}

async function keysOf(engine: Engine, store: StoreId, prefix: string): Promise<string[]> {
  const range = {
    lower: prefix,
    upper: `${prefix}\xff\xff\xff\xff\xff\xff\xff`,
    reverse: false,
    valueBytesMax: 0,
  };
  await engine.warm(store, { ...range, patience: "wait" }, 10_000);
  const flat = engine.cursor(store, { ...range, patience: "wait" }).next(10_000) ?? [];
  return flat.filter((_, index) => index % 2 === 0);
}

test("hashes in either form are what a map is, whatever fails, is refused, or is forgotten", async () => {
  await fc.assert(
    fc.asyncProperty(setup, fc.array(step, { maxLength: 40 }), async (chosen, steps) => {
      const run = await begin(new MemoryEngine(), chosen);
      for (const one of steps) await run.take(one);
      await run.compareAll();
      run.commit();
      await run.compareAll();
      const after = await run.reopened({ ...chosen, cacheBytesMax: 1_000_000 });
      await after.compareAll();
      const notes = await keysOf(run.engine, META, GONE_PREFIX);
      const gone = new Set(notes.map(goneElementPrefix));
      const elements = await keysOf(run.engine, ELEMENTS, "");
      const owned = elements.filter((name) => !gone.has(name.slice(0, 12)));
      if (chosen.entriesMax === 0) assert.equal(owned.length, run.elementCount());
      if (chosen.entriesMax === 1000) assert.deepEqual(elements, []);
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
});

test("ids of collections are not used twice, also when the batch that took them was refused", async () => {
  const engine = new MemoryEngine();
  const chosen = { entriesMax: 0, isCold: false, cacheBytesMax: 1_000_000 };
  const ids: string[] = [];
  for (let life = 0; life < 3; life++) {
    const run = await begin(engine, chosen);
    await run.unit([["HSET", `refused${life}`, "a", "1"]], false);
    await run.take({ kind: "refuse" });
    await run.unit([["HSET", `kept${life}`, "a", "1"]], false);
    run.commit();
    const elements = await keysOf(engine, ELEMENTS, "");
    for (const name of elements) if (!ids.includes(name.slice(6, 12))) ids.push(name.slice(6, 12));
    assert.equal(ids.length, life + 1);
    assert.equal(elements.length, life + 1);
  }
});
