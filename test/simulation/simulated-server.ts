// The whole server in this process: everything that start.ts wires together, on the memory engine, a
// clock moved by hand and sockets made by hand. Only the thread for long scripts is left out (it would
// run by the machine's time), and with it TLS and the listeners; long reads run by the same clock.

import { ManualClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { Config } from "../../src/config/config.ts";
import { readText } from "../../src/config/parse.ts";
import type { MemoryEngine } from "../../src/engine/memory.ts";
import { Log } from "../../src/observe/log.ts";
import { startOn, type RunningServer } from "../../src/server/start.ts";
import { InlineReader } from "../support/inline-reader.ts";
import type { SimulatedConnection } from "./connection.ts";
import { LawBroken } from "./law.ts";
import type { Request } from "./operation.ts";
import { Probe, type Run } from "./probe.ts";

const NO_MEMORY = { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };

export interface ServerSettings {
  readonly engine: MemoryEngine;
  readonly nowMs: number;
  /** As in kept.conf. */
  readonly lines: readonly string[];
  readonly onRun: (request: Request | null, run: Run) => void;
}

export class SimulatedServer {
  readonly engine: MemoryEngine;
  readonly clock: ManualClock;
  readonly running: RunningServer;
  readonly probe: Probe;
  readonly bugs: unknown[];
  /** How often SHUTDOWN asked for the end. */
  shutdowns = 0;
  readonly #connections = new Map<number, SimulatedConnection>();

  private constructor(
    settings: ServerSettings,
    parts: { running: RunningServer; clock: ManualClock; bugs: unknown[] },
  ) {
    this.engine = settings.engine;
    this.clock = parts.clock;
    this.running = parts.running;
    this.bugs = parts.bugs;
    const { core } = parts.running;
    this.probe = new Probe(core, settings.engine, (run) => {
      const connection = this.#connections.get(run.sessionId);
      settings.onRun(connection?.executing ?? null, run);
    });
  }

  static async start(settings: ServerSettings): Promise<SimulatedServer> {
    const clock = new ManualClock(settings.nowMs);
    const bugs: unknown[] = [];
    const noFiles = { problem: "there are no files" };
    const text = settings.lines.map((line) => `${line}\n`).join("");
    const config = Config.of(readText(text, "simulation", () => noFiles));
    const environment = {
      clock,
      random: new SeededRandom(1),
      log: new Log({ write: () => {}, nowMs: () => clock.nowMs(), processId: 1 }),
      configFile: null,
      onShutdown: () => {},
      onBug: (error: unknown) => void bugs.push(error),
      scriptThread: null,
      reader: new InlineReader(settings.engine, clock),
      memoryUsage: () => NO_MEMORY,
      watchesLoop: false,
    };
    const running = await startOn(settings.engine, [], { config, environment });
    return new SimulatedServer(settings, { running, clock, bugs });
  }

  accept(connection: SimulatedConnection): void {
    const { server } = this.running;
    server.accept(connection.socket, null);
    const made = [...server.connections.values()].at(-1);
    if (made === undefined || made.socket !== connection.socket) {
      throw new LawBroken("bug", "a connection was not let in");
    }
    const { session } = made;
    connection.session = session;
    this.#connections.set(session.id, connection);
    const execute = session.execute.bind(session);
    session.execute = (args) => {
      connection.begins();
      return execute(args);
    };
  }

  /** It is dead, or nobody needs it: what it does by the machine's own time must end. */
  bury(): void {
    // Its engine may be gone, so it may never come to its end.
    void this.running.stop().catch(() => {});
  }

  /** Whatever was thrown that must not be. */
  mustBeSound(): void {
    const [bug] = this.bugs;
    if (bug === undefined) return;
    if (bug instanceof LawBroken) throw bug;
    const words = bug instanceof Error ? (bug.stack ?? bug.message) : JSON.stringify(bug);
    throw new LawBroken("bug", words);
  }

  /** Ends the turn and lets all come to rest that needs no time. */
  async settle(): Promise<void> {
    for (let round = 0; round < 1000; round++) {
      const moved = this.clock.endTurn();
      await immediate();
      if (!moved && !this.clock.endTurn()) return;
    }
    throw new LawBroken("bug", "the server does not come to rest");
  }
}

export function immediate(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
