// A generator that does not wait for answers: requests leave at moments that were fixed before, on many
// connections in turn, and the latency of each is counted from the moment at which it was to leave. A
// server that stands still for 100 ms then makes all requests of these 100 ms late, as it would for
// users, and not one on each connection.
//
//   node build/bench/open-loop.js '{"port":6379,"rate":20000,"seconds":5,...}'
//
// A process of its own, which prints what it found as JSON (Found). Between two looks at its schedule and
// its sockets it sleeps a tenth of a millisecond, so it leaves most of a processor to others and adds that
// much at most. What it was late itself, in sending, is told beside.
//
// A sleep out of which it came more than a millisecond late is time that the machine, or somebody else, has taken
// from it. Requests that were under way meanwhile are counted apart: what they waited is not known to be the server's.
// Nothing of the server's hides in that, since the generator does nothing while it sleeps; time that was taken
// from the server stays in.

import { writeSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { pathToFileURL } from "node:url";

import { ReplyReader } from "../src/resp/reader.ts";
import { ErrorReply } from "../src/resp/reply.ts";
import { LatencyHistogram, type Summary } from "./latency-histogram.ts";
import { requestMaker, type MixOptions } from "./mixes.ts";

export interface Load extends MixOptions {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  /** So long the same load runs first, uncounted. */
  readonly warmUpSeconds: number;
}

export interface Found {
  /** Microseconds from the moment of the schedule to the reply. */
  readonly latency: Summary;
  /** The same of those that were not under way while the generator was kept from running. */
  readonly undisturbed: Summary;
  /** Microseconds by which the generator itself was late. */
  readonly late: Summary;
  readonly above2ms: number;
  readonly above10ms: number;
  readonly errors: number;
  /** The first of them. */
  readonly error: string | null;
  /** Requests whose reply had not come a while after the end. */
  readonly unanswered: number;
}

const SLEEP_MS = 0.1;
const OVERSLEPT_MS = 1;
/** For the replies that are still to come at the end. */
const PATIENCE_MS = 10_000;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

class Lane {
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #onReply: (intendedMs: number, error: string | null) => void;
  /** When the requests under way were to leave, oldest first. */
  #intended: number[] = [];
  #first = 0;
  #descriptor = -1;

  constructor(socket: Socket, onReply: (intendedMs: number, error: string | null) => void) {
    this.#socket = socket;
    this.#onReply = onReply;
    socket.setNoDelay(true);
    const handle: unknown = Reflect.get(socket, "_handle");
    if (typeof handle === "object" && handle !== null) {
      const descriptor: unknown = Reflect.get(handle, "fd");
      if (typeof descriptor === "number") this.#descriptor = descriptor;
    }
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  get underWay(): number {
    return this.#intended.length - this.#first;
  }

  send(request: string, intendedMs: number): void {
    this.#intended.push(intendedMs);
    // Straight to the descriptor: a stream costs more than all the rest.
    let sent = 0;
    if (this.#descriptor >= 0 && this.#socket.writableLength === 0) {
      try {
        sent = writeSync(this.#descriptor, request, null, "latin1");
      } catch {
        // The socket's buffer is full: the stream waits for it.
      }
    }
    if (sent < request.length) this.#socket.write(request.slice(sent), "latin1");
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      const intended = this.#intended[this.#first++] ?? Number.NaN;
      this.#onReply(intended, reply instanceof ErrorReply ? reply.text : null);
    }
    if (this.#first > 1024 || this.#first === this.#intended.length) {
      this.#intended = this.#intended.slice(this.#first);
      this.#first = 0;
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

function open({ host, port }: Load): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

function turnEnd(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export async function run(load: Load): Promise<Found> {
  const { rate, seconds, warmUpSeconds } = load;
  const latency = new LatencyHistogram();
  const undisturbed = new LatencyHistogram();
  const late = new LatencyHistogram();
  /** When the generator was last kept from running. */
  let keptUntilMs = 0;
  let errors = 0;
  let error: string | null = null;
  let countsFromMs = Infinity;
  const onReply = (intendedMs: number, problem: string | null): void => {
    if (intendedMs >= countsFromMs) {
      const tookUs = (performance.now() - intendedMs) * 1000;
      latency.add(tookUs);
      if (intendedMs > keptUntilMs) undisturbed.add(tookUs);
    }
    if (problem === null) return;
    errors++;
    error ??= problem;
  };
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(load)));
  const lanes = sockets.map((socket) => new Lane(socket, onReply));
  const next = requestMaker(load);
  const beginMs = performance.now() + 1;
  countsFromMs = beginMs + warmUpSeconds * 1000;
  const total = Math.floor((warmUpSeconds + seconds) * rate);
  const stepMs = 1000 / rate;
  for (let sent = 0; sent < total;) {
    for (let intendedMs = beginMs + sent * stepMs; sent < total; intendedMs += stepMs) {
      const nowMs = performance.now();
      if (nowMs < intendedMs) break;
      lanes[sent % lanes.length]?.send(next(), intendedMs);
      if (intendedMs >= countsFromMs) late.add((nowMs - intendedMs) * 1000);
      sent++;
    }
    // oxlint-disable-next-line no-await-in-loop -- replies come in between
    await turnEnd();
    const sleepsMs = performance.now();
    if (sleepsMs >= beginMs + sent * stepMs) continue;
    Atomics.wait(sleeper, 0, 0, SLEEP_MS);
    const wakesMs = performance.now();
    if (wakesMs - sleepsMs > SLEEP_MS + OVERSLEPT_MS) keptUntilMs = wakesMs;
  }
  const untilMs = performance.now() + PATIENCE_MS;
  const missing = (): number => lanes.reduce((sum, { underWay }) => sum + underWay, 0);
  // oxlint-disable-next-line no-await-in-loop -- the last replies
  while (missing() > 0 && performance.now() < untilMs) await turnEnd();
  const unanswered = missing();
  for (const lane of lanes) lane.close();
  return {
    latency: latency.summary(),
    undisturbed: undisturbed.summary(),
    late: late.summary(),
    above2ms: latency.above(2000),
    above10ms: latency.above(10_000),
    errors,
    error,
    unanswered,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- latency.ts wrote it
  const load = JSON.parse(process.argv[2] ?? "{}") as Load;
  process.stdout.write(JSON.stringify(await run(load)));
}
