// A small world for tests of keyspace, types and commands: a View over a memory engine whose clock
// is moved by hand, where every unit is committed at once or rolled back.

import { SeededRandom } from "../base/random.ts";
import { EMPTY_CATALOG } from "../encoding/meta.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { Stats } from "../observe/stats.ts";
import { EVENT_CLASSES, type KeyEvent } from "./event.ts";
import { Keyspace } from "./keyspace.ts";
import { usualCollectionLimits } from "./limits.ts";
import { View } from "./view.ts";

const START_MS = 1_800_000_000_000;

export interface TestWorld {
  readonly engine: MemoryEngine;
  readonly keyspace: Keyspace;
  readonly view: View;
  /** Every keyspace event that was told, in order. */
  readonly events: KeyEvent[];
  /** Runs one unit: committed when it returns, rolled back when it throws. */
  readonly unit: <T>(action: (view: View) => T) => T;
  /** Moves the clock forward. */
  readonly advance: (byMs: number) => void;
}

export function testWorld(): TestWorld {
  const engine = new MemoryEngine();
  const keyspace = new Keyspace(engine, EMPTY_CATALOG, {
    databaseCount: 16,
    cacheBytesMax: 64 * 1024 * 1024,
  });
  const view = new View({
    keyspace,
    stats: new Stats(),
    limits: {
      stringBytesMax: 512 * 1024 * 1024,
      unitBytesMax: 0,
      notifyMask: Object.values(EVENT_CLASSES).reduce((mask, bit) => mask | bit, 0),
      countFrequency: false,
      lfuLogFactor: 10,
      collections: usualCollectionLimits(),
    },
    random: new SeededRandom(1),
  });
  view.nowMs = START_MS;
  const events: KeyEvent[] = [];
  view.onKeyEvent = (event) => events.push(event);
  return {
    engine,
    keyspace,
    view,
    events,
    unit: (action) => runUnit(view, action),
    advance(byMs) {
      view.nowMs += byMs;
      view.nowSeconds = Math.floor((view.nowMs - START_MS) / 1000);
    },
  };
}

function runUnit<T>(view: View, action: (view: View) => T): T {
  const { keyspace } = view;
  keyspace.trimCache();
  const mark = keyspace.mark();
  view.startCounting();
  try {
    const result = action(view);
    commit(keyspace);
    return result;
  } catch (error) {
    keyspace.rollbackTo(mark);
    throw error;
  }
}

/** Runs `action` and commits its batch once `later` has run, whose changes stay in the open one. */
export function commitBeneath(
  { engine, keyspace, view }: TestWorld,
  action: (view: View) => void,
  later: (view: View) => void,
): void {
  const ops = new WriteOps();
  action(view);
  const closed = keyspace.close(ops);
  later(view);
  engine.write(ops);
  keyspace.committed(closed, ops);
}

function commit(keyspace: Keyspace): void {
  if (keyspace.openIsEmpty) return;
  const ops = new WriteOps();
  const closed = keyspace.close(ops);
  keyspace.engine.write(ops);
  keyspace.committed(closed, ops);
  for (const effect of closed.effects) effect.happen();
}
