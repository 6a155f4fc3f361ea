// Promises of a commit log, kept by the local one over each engine; a quorum log will be held to the
// same.

import assert from "node:assert/strict";

import { LocalLog } from "../../src/commit/local-log.ts";
import {
  LogError,
  type AppendRequest,
  type Entry,
  type LogErrorKind,
} from "../../src/commit/log.ts";
import { ELEMENTS, type Engine } from "../../src/engine/engine.ts";
import { readWriteOps } from "../../src/engine/write-ops.ts";
import { WHOLE, batchOf, walk, type Promises } from "./common.ts";

const MODES = [
  { sync: false, background: false },
  { sync: false, background: true },
  { sync: true, background: true },
] as const;

function request(engine: Engine, mode: Omit<AppendRequest, "expectedSeq">): AppendRequest {
  return { expectedSeq: engine.sequence(), ...mode };
}

function isKind(kind: LogErrorKind): (error: unknown) => boolean {
  return (error) => error instanceof LogError && error.kind === kind;
}

async function entriesFrom(log: LocalLog, seq: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of log.subscribe(seq)) entries.push(entry);
  return entries;
}

function keysOf(entry: Entry): string[] {
  return [...readWriteOps(Buffer.from(entry.representation))].map((op) => op.key);
}

export const COMMIT_LOG: Promises = {
  "an append in every mode is applied, and its position is where the log then ends": async (
    engine,
  ) => {
    const lease = await new LocalLog(engine).acquire(0, "a");
    let last = engine.sequence();
    for (const [index, mode] of MODES.entries()) {
      const batch = batchOf(ELEMENTS, { [`k${index}`]: "1", [`l${index}`]: "2" });
      // oxlint-disable-next-line no-await-in-loop -- one append after the other
      const seq = await lease.append(batch, request(engine, mode));
      assert.ok(seq > last, "positions grow");
      assert.equal(seq, engine.sequence());
      last = seq;
    }
    assert.equal(walk(engine, ELEMENTS, { ...WHOLE, valueBytesMax: 0 }).length, 12);
  },

  "a writer who is wrong about the end of the log writes nothing": async (engine) => {
    const lease = await new LocalLog(engine).acquire(0, "a");
    const end = engine.sequence();
    const wrong = { expectedSeq: end + 7, sync: false, background: false };
    assert.throws(
      () => lease.append(batchOf(ELEMENTS, { k: "1" }), wrong),
      (error) => {
        return error instanceof LogError && error.kind === "conflict" && error.position === end;
      },
    );
    assert.deepEqual(walk(engine, ELEMENTS), []);
  },

  "one owner at a time; epochs grow; who has lost the lease writes nothing": async (engine) => {
    const log = new LocalLog(engine);
    const first = await log.acquire(0, "a");
    await assert.rejects(log.acquire(0, "b"), isKind("fenced"));
    const again = await log.acquire(0, "a");
    assert.ok(again.epoch > first.epoch);
    const mode = request(engine, MODES[0]);
    assert.throws(() => first.append(batchOf(ELEMENTS, { k: "1" }), mode), isKind("fenced"));
    await assert.rejects(first.renew(), isKind("fenced"));
    await again.renew();
    await again.release();
    assert.throws(() => again.append(batchOf(ELEMENTS, { k: "1" }), mode), isKind("fenced"));
    const next = await log.acquire(0, "b");
    assert.ok(next.epoch > again.epoch);
    await assert.rejects(log.trim(0, again.epoch), isKind("fenced"));
    await log.trim(0, next.epoch);
    assert.deepEqual(walk(engine, ELEMENTS), []);
  },

  "a subscriber gets every committed batch from a position on, whole and in order": async (
    engine,
  ) => {
    const log = new LocalLog(engine);
    const lease = await log.acquire(0, "a");
    await lease.append(batchOf(ELEMENTS, { before: "1" }), request(engine, MODES[0]));
    const from = engine.sequence() + 1;
    await lease.append(batchOf(ELEMENTS, { a: "1", b: "2" }), request(engine, MODES[1]));
    await lease.append(batchOf(ELEMENTS, { c: "3" }), request(engine, MODES[2]));
    const entries = await entriesFrom(log, from);
    assert.deepEqual(entries.map(keysOf), [["a", "b"], ["c"]]);
    assert.deepEqual(
      entries.map((entry) => entry.seq),
      [from, from + 2],
    );
    const { first, last } = await log.bounds();
    assert.ok(first <= from);
    assert.equal(last, from + 2);
    assert.deepEqual(await entriesFrom(log, last + 1), []);
  },

  "a closed engine is unavailable: certainly not written": async (engine) => {
    const lease = await new LocalLog(engine).acquire(0, "a");
    const mode = request(engine, MODES[0]);
    await engine.close();
    assert.throws(() => lease.append(batchOf(ELEMENTS, { k: "1" }), mode), isKind("unavailable"));
  },
};
