// Law 5 for who waits for a sorted set or a stream: a refused commit wakes nobody, the next that is committed does.
// And for a script that feeds them: undone as a whole when its commit is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parseCommand } from "../conversations/notation.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";

const REFUSED = "-TRYAGAIN Write stall; retry in 100 ms";

async function told(world: World, talker: Talker, ...lines: string[]): Promise<string[]> {
  for (const line of lines) talker.send(parseCommand(line));
  await world.settle();
  return talker.heard();
}

const CASES = [
  { waits: "BZPOPMIN z 0", feeds: "ZADD z 1 a", gets: '[ "z", "a", "1" ]' },
  { waits: "BZPOPMAX z 0", feeds: "ZADD z 1 a", gets: '[ "z", "a", "1" ]' },
  { waits: "BZMPOP 0 1 z MIN", feeds: "ZADD z 1 a", gets: '[ "z", [ [ "a", "1" ] ] ]' },
  {
    waits: "XREADGROUP GROUP g c BLOCK 0 STREAMS x >",
    feeds: "XADD x 1-1 f v",
    gets: '[ [ "x", [ [ "1-1", [ "f", "v" ] ] ] ] ]',
  },
] as const;

for (const { waits, feeds, gets } of CASES) {
  const script = `EVAL "return redis.call(unpack(ARGV))" 0 ${feeds}`;
  for (const feeding of [feeds, script]) {
    test(`${waits}: a refused "${feeding}" wakes nobody, a committed one does`, async () => {
      await using world = await openWorld({});
      const [waiter, writer] = [world.connect(), world.connect()];
      await told(world, writer, "XGROUP CREATE x g 0 MKSTREAM");
      assert.deepEqual(await told(world, waiter, waits), []);
      world.engine.refuseCommits("stall", 1, "Write stall");
      assert.deepEqual(await told(world, writer, feeding), [REFUSED]);
      assert.deepEqual(waiter.heard(), []);
      assert.ok(waiter.isWaiting);
      const [fed] = await told(world, writer, feeding);
      assert.ok(fed !== undefined && !fed.startsWith("-"), fed);
      assert.deepEqual(waiter.heard(), [gets]);
    });
  }
}
