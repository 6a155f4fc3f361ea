// Long reads among everything else that may happen, at random: several connections, commits that are held, refused,
// stalled or of unknown outcome, a cold disk, threads that run late. Each write adds members never seen before, two sets at
// once, so that a read tells of which writes it shows; and of each read must hold
//
//   - what was answered as written before the read was asked is in it, and what its own client wrote before it,
//     unless that was refused;
//   - what was refused is not in it, neither what was written after its answer (nobody could);
//   - a transaction is in it whole or not at all;
//   - it shows no less than an earlier read of the same client, or one answered to anybody before it was asked.

import assert from "node:assert/strict";
import { test } from "node:test";

import { SeededRandom } from "../../src/base/random.ts";
import { usualCollectionLimits } from "../../src/keyspace/limits.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { openWorld, type Talker, type World } from "../support/world.ts";

const SEEDS = Number(process.env["KEPT_LONG_READ_SEEDS"] ?? 60);
const STEPS = 120;
const CONNECTIONS = 4;

interface Write {
  readonly name: string;
  readonly who: number;
  fate: "open" | "written" | "refused";
}

interface Read {
  readonly who: number;
  /** What it must show, as far as it is known when it is asked. */
  readonly least: ReadonlySet<string>;
  /** Writes of its own client that were asked before it and not yet answered. */
  readonly own: readonly Write[];
}

class Play {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #talkers: Talker[] = [];
  /** What each waits for; null for what is said on the way to an EXEC. */
  readonly #asked: (Write | Read | null)[][] = [];
  readonly #writes: Write[] = [];
  /** What anybody was told is there. */
  readonly #known = new Set<string>();
  readonly #shown: Set<string>[] = [];
  reads = 0;

  constructor(world: World, random: SeededRandom) {
    this.#world = world;
    this.#random = random;
    for (let who = 0; who < CONNECTIONS; who++) {
      const talker = world.connect();
      this.#talkers.push(talker);
      this.#asked.push([]);
      this.#shown.push(new Set());
      talker.onReply = (reply) => this.#heard(who, reply);
    }
  }

  async step(): Promise<void> {
    const { engine, clock, reader } = this.#world;
    const who = this.#random.below(CONNECTIONS);
    switch (this.#random.below(14)) {
      case 0:
      case 1:
      case 2:
        this.#write(who);
        break;
      case 3:
      case 4:
      case 5:
      case 6:
        this.#read(who);
        break;
      case 7:
        engine.holdAsync();
        break;
      case 8:
        engine.stopHolding();
        break;
      case 9:
        engine.refuseCommits("stall", 1 + this.#random.below(3));
        break;
      case 10:
        engine.acceptCommits();
        clock.advance(this.#random.below(60));
        break;
      case 11:
        engine.unknownCommits(this.#random.below(2) === 0 ? "applied" : "absent", 1);
        engine.failSettling(this.#random.below(3));
        break;
      case 12:
        reader.isHolding = !reader.isHolding;
        reader.runAll();
        break;
      default:
        engine.cool();
    }
    if (this.#random.below(3) > 0) await this.#world.settle();
  }

  #write(who: number): void {
    const write: Write = { name: `w${this.#writes.length}`, who, fate: "open" };
    this.#writes.push(write);
    const talker = this.#talkers[who];
    assert.ok(talker !== undefined);
    if (this.#random.below(2) === 0) {
      this.#asked[who]?.push(write);
      talker.say(`EVAL ${SCRIPT} 2 s t ${write.name}`);
      return;
    }
    this.#asked[who]?.push(null, null, null, write);
    for (const line of ["MULTI", `SADD s ${write.name}`, `SADD t ${write.name}`, "EXEC"]) {
      talker.say(line);
    }
  }

  #read(who: number): void {
    const own = this.#writes.filter((write) => write.who === who && write.fate === "open");
    const least = new Set([...this.#known, ...(this.#shown[who] ?? [])]);
    this.#asked[who]?.push({ who, least, own });
    this.#talkers[who]?.say(this.#random.below(2) === 0 ? "SUNION s t" : "SINTER s t");
  }

  #heard(who: number, reply: Reply): void {
    const asked = this.#asked[who]?.shift();
    assert.ok(asked !== undefined, "an answer to nothing");
    if (asked === null) return;
    if ("fate" in asked) {
      asked.fate = isRefusal(reply) ? "refused" : "written";
      if (asked.fate === "written") this.#known.add(asked.name);
      return;
    }
    // Read again after a refusal, it may have to say that it cannot.
    if (reply instanceof ErrorReply) return;
    this.#judge(asked, reply);
  }

  #judge(read: Read, reply: Reply): void {
    this.reads++;
    assert.ok(Array.isArray(reply));
    const shown = new Set(reply.map(String));
    assert.equal(shown.size, reply.length);
    for (const name of read.least) assert.ok(shown.has(name), `${name} is missing`);
    for (const { name, fate } of read.own) {
      assert.equal(shown.has(name), fate === "written", `${name}, its own, ${fate}`);
    }
    for (const { name, fate } of this.#writes) {
      assert.ok(fate !== "refused" || !shown.has(name), `${name} was refused`);
    }
    for (const name of shown) {
      this.#shown[read.who]?.add(name);
      this.#known.add(name);
    }
  }

  /** Everything comes to rest; a read then shows just what was written. */
  async end(): Promise<void> {
    const { engine, clock, reader } = this.#world;
    engine.acceptCommits();
    engine.unknownCommits("applied", 0);
    engine.failSettling(0);
    engine.stopHolding();
    reader.isHolding = false;
    reader.runAll();
    for (let round = 0; round < 20; round++) {
      clock.advance(50);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.#world.settle();
    }
    for (const asked of this.#asked) assert.deepEqual(asked, []);
    this.#read(0);
    await this.#world.settle();
    const written = this.#writes.filter(({ fate }) => fate === "written").map(({ name }) => name);
    assert.deepEqual([...(this.#shown[0] ?? [])].sort(), written.sort());
    assert.equal(this.#world.core.pipeline.longReads.running, 0);
    assert.equal(engine.lentCount, 0);
  }
}

const SCRIPT = "redis.call('SADD',KEYS[1],ARGV[1])return(redis.call('SADD',KEYS[2],ARGV[1]))";

function isRefusal(reply: Reply): boolean {
  if (reply instanceof ErrorReply) return true;
  return Array.isArray(reply) && reply.some((element) => element instanceof ErrorReply);
}

test("whatever happens meanwhile, a long read shows one committed moment", async () => {
  let reads = 0;
  let elsewhere = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new SeededRandom(seed);
    const isPatient = random.below(2) === 0;
    // oxlint-disable-next-line no-await-in-loop -- one world after the other
    await using world = await openWorld({
      longReadElements: 1 + random.below(6),
      longReadSeats: 1 + random.below(3),
      pipeline: {
        backgroundBytes: random.below(2) === 0 ? 0 : Infinity,
        sync: random.below(3) === 0,
        stallWaitMs: isPatient ? 100 : 0,
        unknownTimeoutMs: 1_000_000,
      },
      limits: { collections: { ...usualCollectionLimits(), setEntriesMax: random.below(4) } },
    });
    if (random.below(2) === 0) world.engine.coldKeys("all");
    const play = new Play(world, random);
    try {
      for (let step = 0; step < STEPS; step++) {
        // oxlint-disable-next-line no-await-in-loop -- one step after the other
        await play.step();
      }
      // oxlint-disable-next-line no-await-in-loop -- one world after the other
      await play.end();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    reads += play.reads;
    elsewhere += world.reader.jobs.length;
  }
  assert.ok(reads > SEEDS * 10 && elsewhere > SEEDS * 4, `${elsewhere} of ${reads} ran elsewhere`);
});
