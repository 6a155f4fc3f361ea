// Kill -9 at random moments under load, in each durability mode. Every acknowledged write is there,
// no EXEC and no script is there by half, no job of a queue is lost or taken twice, ONCE tokens keep
// their first outcome, DBSIZE is exact, and the server comes back by itself, also when it is killed again while it comes back.
//
// KEPT_CRASH_ROUNDS sets how often it is killed in each mode (4; the full proof is 50),
// KEPT_CRASH_SEED the seed of what is written and when; the moment of death itself is never the same.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";

import { SeededRandom, type Random } from "../../src/base/random.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { Patience } from "../support/patience.ts";
import { ServerProcess, type ServerOptions } from "../support/process.ts";
import { expectExactSize } from "../support/queries.ts";
import { until, type RawClient } from "../support/raw-client.ts";
import { LoadConnection } from "./connection.ts";
import { Gatherer, Mover, Producer, SMALL_COLLECTIONS } from "./collections.ts";
import { Banker, Owner, Retrier, type Worker } from "./workers.ts";

const ROUNDS = Number(process.env["KEPT_CRASH_ROUNDS"] ?? "4");
const SEED = Number(process.env["KEPT_CRASH_SEED"] ?? randomBytes(4).readUInt32LE());
/** So small that the crash meets flushes and merges too. */
const SETTINGS = {
  "rocksdb.write_buffer_size": "1",
  "rocksdb.max_background_jobs": "2",
  ...SMALL_COLLECTIONS,
};
const ACKNOWLEDGED_MAX = 6000;
const LOAD_MS_MAX = 5000;
const MOMENT_MS_MAX = 40;
const BIRTH_MS_MAX = 400;

class CrashRun {
  readonly #options: ServerOptions;
  readonly #random: Random;
  readonly #workers: readonly Worker[];
  killedAtBirth = 0;

  constructor(options: ServerOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#workers = [
      ...["ann", "bob", "cid"].map((name) => new Owner(name, random)),
      ...[0, 1].map((index) => new Banker(index, random)),
      ...["dot", "eve"].map((name) => new Retrier(name, random)),
      ...["fay", "gus"].map((name) => new Gatherer(name, random)),
      new Producer(),
      new Mover(),
    ];
  }

  get acknowledged(): number {
    return this.#workers.reduce((sum, worker) => sum + worker.acknowledgedCount, 0);
  }

  /** Starts, and demands that everything is as it must be. */
  async comeBack(): Promise<ServerProcess> {
    if (this.#random.below(4) === 0) await this.#dieAtBirth();
    const server = await ServerProcess.start(this.#options);
    try {
      await this.#settle(await server.client());
    } catch (error) {
      await server.kill();
      throw error;
    }
    return server;
  }

  async #settle(client: RawClient): Promise<void> {
    for (const worker of this.#workers) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await worker.settle(client);
    }
    const keys = await expectExactSize(client);
    const known = this.#workers.reduce((sum, worker) => sum + worker.keyCount, 0);
    assert.equal(keys.size, known, "there are other keys than were written");
  }

  /** A recovery that is itself killed. */
  async #dieAtBirth(): Promise<void> {
    this.killedAtBirth++;
    const death = new AbortController();
    const birth = ServerProcess.start(this.#options, death.signal).then(
      (server) => server.kill(),
      (error: unknown) => assert.match(String(error), /Ready to accept/),
    );
    await Promise.race([birth, after(this.#random.below(BIRTH_MS_MAX))]);
    death.abort();
    await birth;
  }

  /** Loads the server and kills it at a random moment. */
  async killUnderLoad(server: ServerProcess): Promise<void> {
    const wanted = this.acknowledged + 1 + this.#random.below(ACKNOWLEDGED_MAX);
    const connections = this.#workers.map((worker) => {
      const next = () => worker.next();
      return new LoadConnection(server.port, { window: worker.window, next });
    });
    const isOver = () => connections.some(({ failure }) => failure !== null) || !server.isRunning;
    // On a busy machine "enough" may take long: then the moment has come all the same.
    const patience = new Patience(LOAD_MS_MAX);
    const isLate = () => patience.isOver();
    await until("enough is written", () => this.acknowledged >= wanted || isLate() || isOver());
    await after(this.#random.below(MOMENT_MS_MAX));
    assert.ok(server.isRunning, `the server died by itself:\n${server.output}`);
    await server.kill();
    await Promise.all(connections.map(({ whenClosed }) => whenClosed));
    for (const { failure } of connections) assert.ifError(failure);
  }
}

/** The moment of a crash: chance, not a wait for something. */
function after(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), milliseconds);
  });
}

async function crashAgainAndAgain(t: TestContext, settings: Readonly<Record<string, string>>) {
  using directory = new TemporaryDirectory();
  const options = { dir: directory.path, settings: { ...SETTINGS, ...settings } };
  const run = new CrashRun(options, new SeededRandom(SEED));
  t.diagnostic(`KEPT_CRASH_SEED=${SEED}, ${ROUNDS} rounds`);
  for (let round = 0; round < ROUNDS; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one life after the other
    const server = await run.comeBack();
    // oxlint-disable-next-line no-await-in-loop -- one life after the other
    await run.killUnderLoad(server);
  }
  const last = await run.comeBack();
  await last.stop();
  // And after a good end too.
  const again = await run.comeBack();
  await again.stop();
  const births = `${run.killedAtBirth} times while it came back`;
  t.diagnostic(`${run.acknowledged} acknowledged operations, killed also ${births}`);
}

for (const mode of ["always", "everysec", "no"]) {
  test(`appendfsync ${mode}: killed under load, it loses nothing that was acknowledged`, (t) =>
    crashAgainAndAgain(t, { appendfsync: mode }));
}

test("the proof sees a loss when there is one: without a log, writes are gone", async () => {
  using directory = new TemporaryDirectory();
  const settings = { "rocksdb.write_options.disable_wal": "yes" };
  const run = new CrashRun({ dir: directory.path, settings }, new SeededRandom(SEED));
  await run.killUnderLoad(await run.comeBack());
  await assert.rejects(run.comeBack(), assert.AssertionError);
});
