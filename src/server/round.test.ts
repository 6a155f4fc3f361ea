// Connections of a round run in the order in which they came, when the input of the turn is read; what they ask for first is
// announced together, as far as it is asked of one database.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TOUCHED_MAX } from "../base/key-table.ts";
import { ManualClock } from "../base/clock.ts";
import type { Args } from "../commands/table.ts";
import { Round, type InRound, type Looks } from "./round.ts";

interface World {
  readonly clock: ManualClock;
  readonly round: Round;
  /** What happened: `name` ran, or keys were announced. */
  readonly log: string[];
  readonly member: (name: string, ahead: readonly Args[], database?: object) => InRound;
}

function world(): World {
  const clock = new ManualClock(0);
  const log: string[] = [];
  const first = {};
  return {
    clock,
    round: new Round(clock),
    log,
    member(name, ahead, database = first) {
      const looks: Looks = {
        looksIn: database,
        expect: (commands) => log.push(`${name} expects ${commands.length}`),
        bringNear: (keys) => log.push(keys.join(" ")),
      };
      return { looks, ahead, runInRound: () => log.push(name) };
    },
  };
}

test("all that came in a turn run at its end, in order, and what they look for is announced before", () => {
  const { clock, round, log, member } = world();
  round.add(member("a", [["GET", "k"]]));
  round.add(member("b", [["MSET", "l", "1", "m", "2"]]));
  round.add(member("c", [["EVAL", "return 1", "1", "n"]]));
  assert.deepEqual(log, []);
  clock.endTurn();
  assert.deepEqual(log, ["k l m n", "a", "b", "c"]);
  clock.endTurn();
  assert.equal(log.length, 4);
});

test("what comes while a round runs is of the next", () => {
  const { clock, round, log, member } = world();
  const late = member("late", [["GET", "x"]]);
  round.add({ ...member("a", [["GET", "k"]]), runInRound: () => round.add(late) });
  clock.endTurn();
  assert.deepEqual(log, ["k"]);
  clock.endTurn();
  assert.deepEqual(log, ["k", "x", "late"]);
});

test("a pipeline announces for itself, another database ends what is announced together", () => {
  const { clock, round, log, member } = world();
  round.add(member("a", [["GET", "k"]]));
  round.add(
    member("b", [
      ["GET", "l"],
      ["GET", "m"],
    ]),
  );
  round.add(member("c", [["GET", "n"]], {}));
  round.add(member("d", [["GET", "o"]]));
  round.add(member("e", []));
  clock.endTurn();
  assert.deepEqual(log, ["k", "a", "b expects 2", "b", "n", "c", "o", "d", "e expects 0", "e"]);
});

test("no more keys are announced together than stay near, and none of a command is left out", () => {
  const { clock, round, log, member } = world();
  const keys = Array.from({ length: TOUCHED_MAX - 1 }, (_, index) => `k${index}`);
  round.add(member("a", [["MGET", ...keys]]));
  round.add(member("b", [["MGET", "l", "m"]]));
  round.add(member("c", [["MGET", ...keys, ...keys]]));
  clock.endTurn();
  const many = [...keys, ...keys].join(" ");
  assert.deepEqual(log, [keys.join(" "), "a", "l m", "b", many, "c"]);
});
