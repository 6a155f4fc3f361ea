// One run of the simulation: the whole core on the memory engine and a clock moved by hand. Clients
// say random things, witnesses write what they will look for again; commits are refused, stalled or
// lost from sight, reads are cold, threads slow, clients go, the process and the machine die. From
// time to time everything comes to rest, and what must hold is checked (checks.ts).
//
// All chance comes from the seed, so a run that fails is run again by its seed.

import assert from "node:assert/strict";

import { Collector } from "../../../src/background/collector.ts";
import { Expirer } from "../../../src/background/expirer.ts";
import { ManualClock } from "../../../src/base/clock.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { MemoryEngine } from "../../../src/engine/memory.ts";
import { START_MS, openWorld, type World, type WorldSettings } from "../../support/world.ts";
import { endFaults, engineFaults } from "../engine-faults.ts";
import { checkIndex, checkMemoryIsDisk, hasDropNotes } from "./checks.ts";
import { Client } from "./client.ts";
import { oneOf, randomCommand } from "./commands.ts";
import { ONCE_KEY, WITNESS_DATABASE, Witness, tryOnce } from "./witness.ts";

const CLIENTS = 4;
const WITNESSES = 2;
/** By then a batch that was held back for its fsync has left. */
const GATHERED_MS = 5;
const REST_ROUNDS_MAX = 400;

export interface SimulationOptions {
  readonly seed: number;
  readonly steps: number;
  /** Breaks something before the last rest: to show that the checks notice. */
  readonly sabotage?: (simulation: Simulation) => unknown;
}

export class Simulation {
  readonly #random: SeededRandom;
  readonly #settings: WorldSettings;
  world: World;
  #clients: Client[] = [];
  #witnesses: { readonly client: Client; readonly witness: Witness }[] = [];
  readonly witnessesEver: Witness[] = [];
  readonly #openTokens = new Set<string>();
  #tokenCount = 0;
  #echoCount = 0;
  #expirer: Expirer;
  #collector: Collector;
  /** The world in which a round of the expirer or the collector is under way. */
  #worksIn: World | null = null;

  private constructor(random: SeededRandom, settings: WorldSettings, world: World) {
    this.#random = random;
    this.#settings = settings;
    this.world = world;
    ({ expirer: this.#expirer, collector: this.#collector } = background(world));
    this.#connectAll();
  }

  static async run({ seed, steps, sabotage }: SimulationOptions): Promise<void> {
    const random = new SeededRandom(seed);
    const settings = randomSettings(random);
    const engine = new MemoryEngine();
    const clock = new ManualClock(START_MS);
    const world = await openWorld({ ...settings, engine, clock });
    const simulation = new Simulation(random, settings, world);
    for (let step = 0; step < steps; step++) await simulation.#step();
    await simulation.#rest();
    sabotage?.(simulation);
    await simulation.#check();
    await simulation.world[Symbol.asyncDispose]();
  }

  #connectAll(): void {
    this.#clients = Array.from({ length: CLIENTS }, () => new Client(this.world.core));
    this.#witnesses = Array.from({ length: WITNESSES }, () => this.#newWitness());
  }

  #newWitness(): { client: Client; witness: Witness } {
    const witness = new Witness(this.witnessesEver.length, this.#openTokens);
    this.witnessesEver.push(witness);
    const client = new Client(this.world.core);
    client.say(`SELECT ${WITNESS_DATABASE}`);
    return { client, witness };
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const roll = random.below(100);
    if (roll < 40) this.#saySome();
    else if (roll < 52) this.#sayTransaction();
    else if (roll < 66) this.#sayAsWitness();
    else if (roll < 78) await this.#turn();
    else if (roll < 83) await this.#advance(1 + random.below(150));
    else if (roll < 93) this.#fault();
    else if (roll < 95) this.#leave();
    else if (roll < 97) this.#work();
    else if (roll < 98) await this.#crash();
    else if (roll < 99) this.#sayRare();
    else {
      await this.#rest();
      await this.#check();
    }
    this.#replaceGone();
    assert.deepEqual(this.world.bugs, [], "bugs: something was thrown that must not be");
  }

  #client(): Client {
    return oneOf(this.#random, this.#clients);
  }

  #saySome(): void {
    const client = this.#client();
    for (let left = 1 + this.#random.below(3); left > 0; left--) {
      client.send(randomCommand(this.#random, this.world.clock.nowMs()));
    }
    client.say(`ECHO ${++this.#echoCount}`);
  }

  #sayTransaction(): void {
    const random = this.#random;
    const client = this.#client();
    if (random.below(3) === 0) client.say("WATCH a b");
    client.say("MULTI");
    if (random.below(6) === 0) client.say(`ONCE random:${random.below(5)}`);
    for (let left = random.below(5); left > 0; left--) {
      client.send(randomCommand(random, this.world.clock.nowMs()));
    }
    client.say(random.below(8) === 0 ? "DISCARD" : "EXEC");
    client.say(`ECHO ${++this.#echoCount}`);
  }

  #sayAsWitness(): void {
    const { client, witness } = oneOf(this.#random, this.#witnesses);
    const roll = this.#random.below(3);
    if (roll === 0) witness.writePlain(client);
    else if (roll === 1) witness.writePair(client);
    else witness.countOnce(client, `token:${++this.#tokenCount}`);
  }

  #sayRare(): void {
    const random = this.#random;
    const client = this.#client();
    const line = oneOf(random, [
      "HELLO 2",
      "HELLO 3",
      "CLIENT PAUSE 60 WRITE",
      "CLIENT PAUSE 60 ALL",
      "CLIENT NO-TOUCH ON",
      "RESET",
    ]);
    // What it says next may be a message of the other protocol; the reader takes either.
    client.say(line);
  }

  async #turn(): Promise<void> {
    this.world.clock.endTurn();
    await immediate();
  }

  async #advance(ms: number): Promise<void> {
    this.world.clock.advance(ms);
    await this.#turn();
  }

  #fault(): void {
    const random = this.#random;
    const { engine, core } = this.world;
    const dropCache = (): void => core.pipeline.keyspace.dropCache();
    const faults = [...engineFaults(engine), { name: "the cache is dropped", strike: dropCache }];
    oneOf(random, faults).strike(random);
  }

  #leave(): void {
    const random = this.#random;
    if (random.below(4) > 0) this.#client().leave();
    else oneOf(random, this.#witnesses).client.leave();
  }

  /** A round of the server's own work, under way while everything else goes on. */
  #work(): void {
    const { world } = this;
    const isExpirer = this.#random.below(3) > 0;
    if (this.#worksIn === world) return;
    this.#worksIn = world;
    void this.#round(isExpirer ? this.#expirer : this.#collector, world);
  }

  /** One at a time, as in the product. */
  async #round(worker: Expirer | Collector, world: World): Promise<void> {
    try {
      await worker.round();
    } catch (error) {
      world.bugs.push(error);
    }
    if (this.#worksIn === world) this.#worksIn = null;
  }

  /** The death of the process, or of the machine where that must lose nothing; a new one opens. */
  async #crash(): Promise<void> {
    const random = this.#random;
    const { engine, clock } = this.world;
    const syncs = this.#settings.pipeline?.sync === true;
    const survive = syncs && random.below(2) === 0 ? "machine" : "process";
    const options = { survive, inFlightKept: random.below(3) } as const;
    const found = engine.crash({ ...options, unsyncedKept: random.below(3) });
    for (const { client } of this.#witnesses) client.leave();
    for (const client of this.#clients) client.leave();
    await this.#open(found, clock.nowMs());
  }

  async #open(engine: MemoryEngine, nowMs: number): Promise<void> {
    const clock = new ManualClock(nowMs);
    this.world = await openWorld({ ...this.#settings, engine, clock });
    ({ expirer: this.#expirer, collector: this.#collector } = background(this.world));
    this.#connectAll();
  }

  #replaceGone(): void {
    for (const [index, client] of this.#clients.entries()) {
      if (client.isGone) this.#clients[index] = new Client(this.world.core);
    }
    for (const [index, { client }] of this.#witnesses.entries()) {
      if (client.isGone) this.#witnesses[index] = this.#newWitness();
    }
  }

  /** All faults end, and everything that was begun comes to its end. */
  async #rest(): Promise<void> {
    const { engine, core } = this.world;
    endFaults(engine);
    core.pause.end();
    const { pipeline } = core;
    await this.#until(() => {
      const isBusy = pipeline.isInDoubt || pipeline.isStalled || this.#worksIn === this.world;
      const clients = [...this.#clients, ...this.#witnesses.map(({ client }) => client)];
      // Who waits for a key may wait for ever.
      for (const client of clients) client.unblock();
      return !isBusy && clients.every((client) => client.isAnswered || client.isGone);
    });
    await this.#retryTokens();
    await this.#tidyUp();
  }

  async #until(isSo: () => boolean): Promise<void> {
    for (let round = 0; round < REST_ROUNDS_MAX; round++) {
      await this.world.settle();
      if (isSo()) return;
      this.world.clock.advance(20);
    }
    assert.fail("replies: some commands are never answered");
  }

  async #retryTokens(): Promise<void> {
    const client = new Client(this.world.core);
    client.say(`SELECT ${WITNESS_DATABASE}`);
    for (const token of this.#openTokens) tryOnce(client, token, this.#openTokens);
    await this.#until(() => client.isAnswered);
    assert.deepEqual([...this.#openTokens], [], "once: a retry at rest gets the outcome");
    client.leave();
  }

  /** A batch that waits for others to share its fsync waits for a timer: so the clock moves. */
  async #tidyUp(): Promise<void> {
    const { clock, engine } = this.world;
    // It stands back while the pipeline is full, if only with what it has itself begun.
    for (let round = 0; round < REST_ROUNDS_MAX && hasDropNotes(engine); round++) {
      await this.#collector.round();
      await this.world.settle();
      clock.advance(GATHERED_MS);
    }
    // Last, and without a step of the clock behind it: nothing that is due is left.
    for (let round = 0; round < REST_ROUNDS_MAX; round++) {
      clock.advance(GATHERED_MS);
      const met = await this.#expirer.round();
      await this.world.settle();
      if (met === 0) break;
    }
  }

  async #check(): Promise<void> {
    assert.deepEqual(this.world.bugs, [], "bugs: something was thrown that must not be");
    checkIndex(this.world.engine);
    await checkMemoryIsDisk(this.world);
    await this.#checkWitnesses();
  }

  async #checkWitnesses(): Promise<void> {
    const client = new Client(this.world.core);
    client.say(`SELECT ${WITNESS_DATABASE}`);
    const numberIn = (key: string, see: (number: number) => void): void => {
      client.say(`GET ${key}`, (reply) => see(typeof reply === "string" ? Number(reply) : 0));
    };
    for (const { plain, pair, otherOfPair } of this.witnessesEver) {
      numberIn(plain.key, (number) => plain.check(number));
      numberIn(pair.key, (number) => {
        pair.check(number);
        numberIn(otherOfPair, (other) => assert.equal(other, number, "atomic: half of an EXEC"));
      });
    }
    numberIn(ONCE_KEY, (count) => {
      assert.equal(count, this.#tokenCount, "once: each token counts once");
    });
    await this.#until(() => client.isAnswered);
    client.leave();
  }
}

function background(world: World): { expirer: Expirer; collector: Collector } {
  const { pipeline } = world.core;
  const onBug = (bug: unknown): void => void world.bugs.push(bug);
  const parts = { pipeline, clock: world.clock, onTrouble: onBug, onBug };
  return { expirer: new Expirer(parts), collector: new Collector(parts) };
}

function randomSettings(random: SeededRandom): WorldSettings {
  const cacheBytesMax = oneOf(random, [1500, 64 * 1024 * 1024]);
  return {
    cacheBytesMax,
    rowBytesMax: cacheBytesMax === 1500 ? 2 ** 21 : 0,
    pipeline: {
      sync: random.below(3) === 0,
      stallWaitMs: oneOf(random, [0, 60]),
      backgroundBytes: oneOf(random, [0, 200, Infinity]),
      groupBytesMax: oneOf(random, [200, 4 * 1024 * 1024]),
      unknownTimeoutMs: oneOf(random, [60, 5000]),
    },
    session: { execFailureReply: oneOf(random, ["attributed", "every", "abort"] as const) },
    limits: { unitBytesMax: oneOf(random, [0, 0, 400]), notifyMask: oneOf(random, [0, -1]) },
  };
}

function immediate(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
