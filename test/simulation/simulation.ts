// One run of the simulation: a whole server, its clients, and everything that can happen to either, by
// one seed. Each step takes its chance from the seed and its own number, so a step can be left out
// and the others stay what they are: that is how a failing run is shrunk (shrink.ts).
//
// After each life of the server, and at the end, everything comes to rest and is judged: the answers
// (connection.ts), the order of the operations on the logs (history.ts), all else by a second server
// (replay.ts).

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { SeededRandom, type Random } from "../../src/base/random.ts";
import { MemoryEngine } from "../../src/engine/memory.ts";
import { Status, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { pick } from "../differential/template.ts";
import { contentOf, logsOf } from "./asker.ts";
import { SimulatedConnection, type Role } from "./connection.ts";
import { changeOperation, Copies, readOperation, trackingOf } from "./copies.ts";
import { Faults } from "./faults.ts";
import { judge, type Logs } from "./history.ts";
import { LawBroken, mustHold } from "./law.ts";
import { CHANNEL, checkEvents, eventIn, EVENTS, Messages } from "./messages.ts";
import type { Run } from "./probe.ts";
import { operationOf, type Operation, type Request } from "./operation.ts";
import * as programs from "./programs.ts";
import { Replay, type Ran } from "./replay.ts";
import { immediate, SimulatedServer } from "./simulated-server.ts";
import { SimulatedSocket } from "./socket.ts";
import { settingsOf, type Settings } from "./settings.ts";
import { describe } from "./storage-errors.ts";
import { Told } from "./told.ts";

/** How long a run is, by its seed: most are short, so that there can be many. */
const STEPS = [40, 60, 160] as const;
const START_MS = 1_700_000_000_000;
const WORKERS = 4;
const OTHER_ROLES: readonly Role[] = ["listener", "prober", "monitor", "events", "keeper"];
/** They take what they are told at once. */
const ATTENTIVE: ReadonlySet<Role> = new Set(["prober", "events", "keeper"]);
const REST_ROUNDS_MAX = 600;

/** Breaks a law in each server of a run, or for each connection that it has. */
export interface Sabotage {
  readonly server?: (server: SimulatedServer) => void;
  readonly connection?: (connection: SimulatedConnection, server: SimulatedServer) => void;
}

export interface SimulationOptions {
  readonly seed: number;
  /** As many as the seed says when not given. */
  readonly steps?: number | undefined;
  /** The steps that are taken; all of them when not given. */
  readonly only?: ReadonlySet<number>;
  /** The server dies when this step has been taken. */
  readonly diesAfter?: number;
  /** Told of what happens, line by line. */
  readonly trace?: (line: string) => void;
  /** Breaks a law in the server, on purpose: to show that it is noticed. */
  readonly canary?: Sabotage;
}

export interface Tally {
  readonly replies: number;
  readonly messages: number;
  readonly faults: number;
  readonly lives: number;
}

export function stepsOf(seed: number): number {
  return pick(new SeededRandom(Math.imul(seed, 0x27d4eb2f)), STEPS);
}

export class Simulation {
  readonly #options: SimulationOptions;
  readonly #settings: Settings;
  #faults: Faults;
  readonly #replay: Replay;
  #server: SimulatedServer;
  #connections: SimulatedConnection[] = [];
  /** Of the present life of the server. */
  #operations: Operation[] = [];
  #ran: Ran[] = [];
  #before: Logs = new Map();
  #told: Told;
  readonly #messages = new Messages(() => this.#server.probe.runCount);
  readonly #copies = new Copies(() => this.#server.probe.runCount);
  /** What the one connection that hears all events has heard in this life. */
  #events: string[] = [];
  readonly #tally = { replies: 0, messages: 0, faults: 0, lives: 1 };
  #moment = 0;
  #count = 0;
  #openTokens: Bytes[] = [];

  private constructor(
    options: SimulationOptions,
    parts: { settings: Settings; replay: Replay; server: SimulatedServer },
  ) {
    this.#options = options;
    this.#settings = parts.settings;
    this.#replay = parts.replay;
    this.#server = parts.server;
    this.#faults = new Faults(parts.settings, parts.server);
    this.#told = this.#newTold();
  }

  /** What came of it in numbers: whoever looks on must not change them. */
  static async run(options: SimulationOptions): Promise<Tally> {
    const chance = new SeededRandom(options.seed);
    const settings = settingsOf(chance);
    const replay = await Replay.start(settings.meaning, START_MS);
    const ran: Ran[] = [];
    const server = await startServer(new MemoryEngine(), START_MS, { settings, ran });
    const simulation = new Simulation(options, { settings, replay, server });
    simulation.#ran = ran;
    await simulation.#runAll();
    return simulation.#tally;
  }

  async #runAll(): Promise<void> {
    const { seed, only, diesAfter } = this.#options;
    const steps = this.#options.steps ?? stepsOf(seed);
    await this.#begin();
    for (let step = 0; step < steps; step++) {
      if (only !== undefined && !only.has(step)) continue;
      const random = new SeededRandom(
        Math.imul(seed, 0x9e3779b1) ^ Math.imul(step + 1, 0x85ebca6b),
      );
      this.#count = (step + 1) * 100;
      this.#options.trace?.(`step ${step}`);
      await this.#step(random);
      await immediate();
      this.#server.mustBeSound();
      this.#copies.check();
      if (step === diesAfter) await this.#life(random);
    }
    await this.#rest();
    await this.#endOfLife(false);
    await this.#server.running.stop();
    this.#server.mustBeSound();
    this.#replay.end();
  }

  /** The library of functions, and connections. */
  async #begin(): Promise<void> {
    this.#options.canary?.server?.(this.#server);
    this.#connectAll();
    const first = this.#connect("worker");
    if (this.#settings.flavour.hasScripts) {
      const args = ["FUNCTION", "LOAD", "REPLACE", programs.LIBRARY];
      this.#say(first, operationOf(this.#nextId(), [{ args }]));
    }
    this.#say(first, operationOf(this.#nextId(), [{ args: ["SET", "steady", "1"] }]));
    await this.#deliverAll();
  }

  #newTold(): Told {
    return new Told({
      syncs: this.#settings.syncs,
      ran: () => this.#ran,
      durableSequence: () => this.#server.engine.durableSequence,
    });
  }

  #nextId(): number {
    return ++this.#count;
  }

  // Connections

  #connectAll(): void {
    this.#connections = [];
    for (let index = 0; index < WORKERS; index++) this.#connect("worker");
    for (const role of OTHER_ROLES) this.#connect(role);
  }

  #connect(role: Role): SimulatedConnection {
    const random = new SeededRandom(this.#options.seed + this.#connections.length * 7919);
    const { kernelBytes } = this.#settings;
    const isAttentive = ATTENTIVE.has(role);
    const socket = new SimulatedSocket(isAttentive ? 1 << 20 : kernelBytes, 1000);
    const isNewer = random.below(2) === 0 || role === "keeper";
    const appetite = isAttentive ? 1 << 20 : pick(random, [3, 50, 1 << 20]);
    const connection = new SimulatedConnection(
      {
        onReply: (from, request, reply) => this.#onReply(from, request, reply),
        onMessage: (from, items) => this.#onMessage(from, items),
        onBroken: (error) => void this.#server.bugs.push(error),
        now: () => ++this.#moment,
      },
      { role, socket, isNewer, appetite },
    );
    this.#server.accept(connection);
    this.#options.canary?.connection?.(connection, this.#server);
    this.#connections.push(connection);
    for (const args of this.#firstWords(role, isNewer))
      this.#say(connection, operationOf(this.#nextId(), [{ args }]));
    // Before anything can happen that it would miss.
    if (role === "events") connection.send(60_000);
    return connection;
  }

  #firstWords(role: Role, isNewer: boolean): Bytes[][] {
    const words: Bytes[][] = isNewer ? [["HELLO", "3"]] : [];
    if (role === "listener") words.push(["SUBSCRIBE", CHANNEL]);
    if (role === "events") words.push(["PSUBSCRIBE", EVENTS]);
    if (role === "monitor") words.push(["MONITOR"]);
    if (role === "keeper") words.push(trackingOf(this.#settings.tracking, this.#idOf("events")));
    if (role === "worker" && isNewer) words.push(["CLIENT", "TRACKING", "ON"]);
    return words;
  }

  #say(connection: SimulatedConnection, operation: Operation): void {
    if (!connection.isOpen) return;
    connection.say(operation);
    this.#trace(
      connection,
      `says ${operation.requests.map(({ args }) => args.join(" ")).join(" / ")}`,
    );
    this.#operations.push(operation);
    this.#told.said(operation);
    this.#messages.said(operation);
  }

  #trace(connection: SimulatedConnection, words: string): void {
    this.#options.trace?.(`  ${connection.role} ${connection.session?.id ?? 0} ${words}`);
  }

  #workers(): SimulatedConnection[] {
    return this.#connections.filter(({ role, isOpen }) => role === "worker" && isOpen);
  }

  #onReply(connection: SimulatedConnection, request: Request, reply: Reply): void {
    this.#tally.replies++;
    const { run } = request;
    const batch = run === null ? "" : ` in batch ${run.batch.number}, ${run.batch.fate}`;
    this.#options.trace?.(`  ${describe(request.args)} is told ${format(reply)}${batch}`);
    this.#told.onReply(request, reply);
    this.#messages.onReply(connection, request, reply);
    this.#copies.onReply(connection, request, reply);
  }

  #onMessage(connection: SimulatedConnection, items: readonly Reply[]): void {
    this.#tally.messages++;
    this.#trace(connection, `hears ${format([...items])}`);
    this.#messages.onMessage(connection, items);
    // The workers have no copies, and hear of these keys all the same.
    if (connection.role !== "worker") this.#copies.onMessage(items);
    const event = eventIn(items);
    if (event !== null) this.#events.push(event);
  }

  // Steps

  async #step(random: Random): Promise<void> {
    const roll = random.below(100);
    if (roll < 34) this.#speak(random);
    else if (roll < 60) this.#carry(random);
    else if (roll < 72) this.#server.clock.endTurn();
    else if (roll < 78) this.#server.clock.advance(1 + random.below(60));
    else if (roll < 90) {
      this.#tally.faults++;
      const fault = this.#faults.strike(random);
      this.#options.trace?.(`  fault ${fault}`);
    } else if (roll < 94) await this.#probe();
    else if (roll < 96) this.#leave(random);
    else if (roll < 97) await this.#life(random);
    else if (roll < 98) await this.#rest();
    else await this.#deliverAll();
  }

  #speak(random: Random): void {
    const workers = this.#workers();
    if (workers.length === 0) return;
    const connection = pick(random, workers);
    const { flavour } = this.#settings;
    const nowMs = this.#server.clock.nowMs();
    const moment = { random, id: this.#nextId(), nowMs, flavour };
    const roll = random.below(24);
    if (roll < 9) {
      this.#say(connection, programs.logOperation(moment));
      if (random.below(6) === 0) this.#say(connection, programs.waitOperation(this.#nextId()));
    } else if (roll < 16) this.#say(connection, programs.randomOperation(moment));
    else if (roll < 17) this.#say(connection, programs.rareOperation(moment));
    else if (roll < 18) this.#say(connection, programs.blockingOperation(moment));
    else if (roll < 20) this.#say(connection, this.#once(random));
    else if (roll < 22) this.#say(connection, changeOperation(random, moment.id));
    else this.#read(random);
  }

  #read(random: Random): void {
    const keeper = this.#connections.find(({ role, isOpen }) => role === "keeper" && isOpen);
    if (keeper === undefined) return;
    const { tracking } = this.#settings;
    const writes = tracking === "no-loop" && random.below(3) === 0;
    const id = this.#nextId();
    const operation = writes ? changeOperation(random, id) : readOperation(random, id, tracking);
    this.#copies.said(operation);
    this.#say(keeper, operation);
  }

  #idOf(role: Role): number {
    return this.#connections.find((one) => one.role === role)?.session?.id ?? 0;
  }

  /** A new token, or one whose outcome is not known. */
  #once(random: Random): Operation {
    const id = this.#nextId();
    const known = random.below(2) === 0 ? this.#openTokens.at(-1) : undefined;
    const token = known ?? `t${id}`;
    if (known === undefined) this.#openTokens.push(token);
    return programs.onceOperation(id, token);
  }

  /** Some bytes go from a client to the server, or the other way. */
  #carry(random: Random): void {
    const connection = pick(random, this.#connections);
    if (random.below(4) === 0) {
      connection.socket.drink(1 + random.below(connection.appetite));
      return;
    }
    const others = this.#connections.filter(({ unsentBytes }) => unsentBytes > 0);
    if (others.length === 0) return;
    pick(random, others).send(random.below(3) === 0 ? 1 + random.below(12) : 60_000);
    // What comes in runs with more or less of what came before and after it in one turn.
    if (random.below(3) > 0) this.#server.clock.endInput();
  }

  #leave(random: Random): void {
    const connection = pick(random, this.#connections);
    if (connection.role !== "prober" && connection.role !== "events") {
      // Cut anywhere: in the middle of a word, or of an answer.
      connection.send(1 + random.below(200));
      connection.socket.drink(random.below(50));
      if (random.below(3) === 0) connection.end();
      else connection.cut();
    }
    for (const [index, { isOpen, role }] of this.#connections.entries()) {
      if (isOpen) continue;
      this.#connect(role);
      const made = this.#connections.pop();
      if (made !== undefined) this.#connections[index] = made;
    }
  }

  /** Law 7: whatever waits, what is committed and in memory is read at once. */
  async #probe(): Promise<void> {
    // What has come in already may pause all.
    this.#server.clock.endInput();
    const prober = this.#connections.find(({ role }) => role === "prober");
    const { pause } = this.#server.running.core;
    if (prober === undefined || !prober.isIdle || !this.#faults.readsAreHot) return;
    // A flush that is not committed yet concerns this key too.
    if (pause.kind !== "none" || this.#settings.flavour.hasFlushes) return;
    const operation = operationOf(this.#nextId(), [{ args: ["GET", "steady"] }]);
    this.#say(prober, operation);
    prober.send(60_000);
    // No batch is closed, so none is committed on the loop.
    this.#server.clock.endInput();
    await immediate();
    mustHold(7, operation.answered < Infinity, "a read of what is committed waits for a writer");
    prober.socket.drink(1 << 20);
  }

  // Lives

  /** The server stops, or dies; another one finds what it has left. */
  async #life(random: Random): Promise<void> {
    this.#tally.lives++;
    const { engine, clock } = this.#server;
    const survive = random.below(2) === 0 ? "machine" : "process";
    // Torn at any byte, often within a batch.
    const lengths = { inFlightKept: random.below(2), unsyncedBytesKept: random.below(2000) };
    const found = engine.crash({ survive, ...lengths });
    for (const { socket } of this.#connections) socket.onWritten = () => {};
    for (const connection of this.#connections) connection.hasEnded = true;
    await immediate();
    this.#server.probe.died(found.sequence());
    this.#server.bury();
    const settings = this.#settings;
    const ran: Ran[] = [];
    this.#server = await startServer(found, clock.nowMs(), { settings, ran });
    await this.#endOfLife(survive === "machine" && !settings.syncs);
    this.#ran = ran;
    this.#faults = new Faults(this.#settings, this.#server);
    this.#told = this.#newTold();
    this.#messages.forget();
    this.#copies.forget();
    this.#options.canary?.server?.(this.#server);
    this.#connectAll();
  }

  /** Judges what was said and done in the life that is over, by what is there. */
  async #endOfLife(mayLose: boolean): Promise<void> {
    const server = this.#server;
    const ran = this.#ran;
    const isCrash = this.#connections.every(({ hasEnded }) => hasEnded);
    const lost = ran.find(({ run }) => run.wrote && run.batch.fate === "lost");
    mustHold(1, mayLose || lost === undefined, "something committed is lost");
    const after = await logsOf(server);
    if (!this.#settings.flavour.hasFlushes) {
      const operations = this.#operations;
      const { durable } = this.#told;
      judge({ operations, before: this.#before, after, mayLose, durable });
    }
    const found = await contentOf(server);
    const { content: expected, events } = await this.#replay.take(ran, server.clock.nowMs());
    checkEvents(this.#events, events, !isCrash);
    this.#events = [];
    if (found.join("\n") !== expected.join("\n")) {
      throw new LawBroken(isCrash ? 3 : 4, differenceOf(found, expected));
    }
    this.#before = after;
    this.#operations = [];
    this.#openTokens = [];
  }

  async #deliverAll(): Promise<void> {
    for (let round = 0; round < 8; round++) {
      for (const connection of this.#connections) {
        connection.send(60_000);
        connection.socket.drink(connection.appetite * 50);
      }
      this.#server.clock.endTurn();
      await immediate();
    }
  }

  /** All faults end; everything that was asked is answered, and the server is well again (law 8). */
  async #rest(): Promise<void> {
    const server = this.#server;
    this.#faults.end();
    server.running.core.pause.end();
    const waiting = (): SimulatedConnection | undefined =>
      this.#connections.find((one) => !one.isAnswered && !one.socket.isEnded);
    for (let round = 0; ; round++) {
      for (const { session } of this.#connections) session?.unblock("timeout");
      await this.#deliverAll();
      await server.settle();
      server.mustBeSound();
      if (waiting() === undefined) break;
      if (round > REST_ROUNDS_MAX) {
        const args = waiting()?.unanswered?.args ?? [];
        throw new LawBroken(8, `never answered: ${describe(args)}`);
      }
      server.clock.advance(20);
    }
    await this.#mustBeWell();
    this.#messages.atRest();
    await this.#copies.atRest(server);
  }

  async #mustBeWell(): Promise<void> {
    const connection = this.#connect("prober");
    for (let round = 0; round < 100; round++) {
      const operation = operationOf(this.#nextId(), [{ args: ["SET", "well", "1"] }]);
      this.#say(connection, operation);
      await this.#deliverAll();
      await this.#server.settle();
      const reply = operation.requests[0]?.replies[0];
      if (reply instanceof Status) {
        this.#connections.pop();
        return;
      }
      this.#server.clock.advance(100);
    }
    throw new LawBroken(8, "writes are still refused when all faults are over");
  }
}

function startServer(
  engine: MemoryEngine,
  nowMs: number,
  { settings, ran }: { settings: Settings; ran: Ran[] },
): Promise<SimulatedServer> {
  return SimulatedServer.start({
    engine,
    nowMs,
    lines: settings.lines,
    onRun: (request, run) => {
      if (request === null || isOfAnother(request, run)) return;
      request.run = run;
      ran.push({ request, run });
    },
  });
}

/**
 * A command that has given up waiting while what it needs was read runs once more, in vain, when that has come:
 * its connection is then at the next command, which has run to its end.
 */
function isOfAnother(request: Request, run: Run): boolean {
  const hasEnded = request.run !== null && request.run.bytes !== null;
  return hasEnded && run.bytes === null && !run.wrote;
}

function differenceOf(found: readonly string[], expected: readonly string[]): string {
  const there = found.filter((line) => !expected.includes(line));
  const missing = expected.filter((line) => !found.includes(line));
  assert.ok(there.length + missing.length > 0);
  return `there is ${there.join(" | ").slice(0, 600)}; there should be ${missing.join(" | ").slice(0, 600)}`;
}
