// Twenty thousand random commands of every family get the answers of Debian's redis-server, but for what
// the table of known differences says. The same ones each time, so that who changes something else is not
// stopped by a difference that was there before; other ones, and more, on demand:
// `KEPT_FUZZ_SEED=7 npm test -- differential`, `npm run fuzz -- --commands 1000000`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isOracleInstalled } from "../conversations/oracle.ts";
import { areTied, haveEqualWeights } from "./equal-weights.ts";
import { describe, fuzz } from "./fuzz.ts";
import { KNOWN } from "./known.ts";
import { PRESENT } from "./program.ts";
import { startServers } from "./servers.ts";

test("every known difference points to a heading of the page that explains it", () => {
  const page = readFileSync("docs/compatibility.md", "utf8");
  for (const { what, heading } of KNOWN) assert.ok(page.includes(`\n## ${heading}\n`), what);
});

if (isOracleInstalled()) {
  test("another order of SORT is excused where the weights are equal, and nowhere else", async () => {
    await using servers = await startServers({ isSelfTest: true });
    const { kept } = servers.endpoints;
    await kept.send(["RPUSH", "l1", "a", "b", "c", "d"]);
    await kept.send(["MSET", "wa", "2", "wb", "2", "wc", "1", "wd", "3"]);
    for (const [redis, isExcused] of [
      ['[ "c", "b", "a" ]', true],
      ['[ "c", "b", "d" ]', false],
      ['[ "a", "c", "b" ]', false],
      ['[ "c", "b" ]', false],
    ] as const) {
      const args = ["SORT", "l1", "BY", "w*", "LIMIT", "0", "3"];
      // oxlint-disable-next-line no-await-in-loop -- a few
      assert.equal(await haveEqualWeights(kept, { args, redis }), isExcused, redis);
    }
    await kept.send(["SADD", "set1", "x", "y"]);
    const unsorted = ["SORT", "set1", "BY", "nosort"];
    assert.equal(await haveEqualWeights(kept, { args: unsorted, redis: '[ "y", "x" ]' }), true);
    assert.equal(await haveEqualWeights(kept, { args: unsorted, redis: '[ "y", "z" ]' }), false);
    const args = ["SORT", "l1", "BY", "w*"];
    assert.equal(await haveEqualWeights(kept, { args, redis: '[ "c", "b", "a", "d" ]' }), false);
    await kept.send(["ZADD", "z1", "1", "a", "2", "b", "3", "c"]);
    const byWeight = ["SORT", "z1", "BY", "w*"];
    assert.equal(
      await haveEqualWeights(kept, { args: byWeight, redis: '[ "c", "b", "a" ]' }),
      true,
    );
    assert.equal(
      await haveEqualWeights(kept, { args: byWeight, redis: '[ "b", "a", "c" ]' }),
      false,
    );
    const stored = ["LIMIT", "0", "3", "STORE", "l2"];
    assert.equal(await areTied(kept, [...args, ...stored]), true);
    assert.equal(await areTied(kept, [...args, "STORE", "l2"]), false);
    await kept.send(["SET", "wb", "9"]);
    assert.equal(await areTied(kept, [...args, ...stored]), false);
  });

  test("random programs are answered as redis-server answers them", async () => {
    const seed = Number(process.env["KEPT_FUZZ_SEED"] ?? 20261127);
    await using servers = await startServers({ isSelfTest: false });
    const summary = await fuzz(servers.endpoints, {
      families: PRESENT,
      commands: 20_000,
      seed,
      foundMax: 5,
    });
    const said = summary.found.map(describe);
    assert.equal(said.length, 0, `seed ${seed}\n${said.join("\n")}`);
    assert.ok(summary.commands >= 20_000);
  });

  test("a server that answers otherwise is found out, and the program shrunk to what shows it", async () => {
    await using servers = await startServers({ isSelfTest: true });
    const { kept, redis } = servers.endpoints;
    const families = PRESENT.filter(({ name }) => name === "hash");
    await kept.send(["CONFIG", "SET", "hash-max-listpack-entries", "2"]);
    const summary = await fuzz({ kept, redis }, { families, commands: 6000, seed: 1, foundMax: 1 });
    const [found] = summary.found;
    assert.ok(found !== undefined);
    assert.equal(found.args[1]?.toUpperCase(), "ENCODING");
    assert.ok(found.program.commands.length <= 4, describe(found));
  });
}
