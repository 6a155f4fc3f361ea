// The process that starts the processes of a server of several, and nothing else: it holds no data and serves nobody.
//
// Each of them is kept-server again, told its place by the environment (node-role.ts). One that dies is started again,
// at once the first time and then a second later each time; the others serve what is theirs meanwhile, and are told.
// A start that fails before all of them have been up once ends the whole. SIGTERM, SIGINT and SHUTDOWN end all; when
// this process dies, the others see their channel close and stop in order.

import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import type { ClusterNode } from "../cluster/slot-map.ts";
import type { Config } from "../config/config.ts";
import type { NodeSlots } from "../encoding/nodes.ts";
import type { Log } from "../observe/log.ts";
import {
  encodeNews,
  encodeRole,
  ROLE_VARIABLE,
  type FromNode,
  type PeerNews,
} from "./node-role.ts";
import { DirectoryForOthers, nodesOf } from "./process-directory.ts";
import { StartFailed } from "./start.ts";

const AGAIN_MS = 1000;
/** Who has been up for so long is started again at once. */
const STEADY_MS = 10_000;
const PORT_MAX = 65_535;

export interface ProcessesParts {
  readonly config: Config;
  readonly log: Log;
  readonly program: string;
  readonly args: readonly string[];
  /** What came by standard input, for those that are to read it again; null for nothing. */
  readonly input: string | null;
  /** All have ended: `isWell` when that was asked for. */
  readonly onEnd: (isWell: boolean) => void;
}

interface Place {
  readonly index: number;
  child: ChildProcess | null;
  startedMs: number;
  isUp: boolean;
  again: NodeJS.Timeout | null;
}

export class Processes {
  readonly #parts: ProcessesParts;
  readonly #nodes: readonly ClusterNode[];
  readonly #busFolder: string;
  readonly #places: readonly Place[];
  #wereAllUp = false;
  #isStopping = false;
  #hasFailed = false;
  #onUp: () => void = () => {};

  private constructor(parts: ProcessesParts, nodes: readonly ClusterNode[]) {
    this.#parts = parts;
    this.#nodes = nodes;
    this.#busFolder = mkdtempSync(join(tmpdir(), "kept-bus-"));
    this.#places = nodes.map((_, index) => ({
      index,
      child: null,
      startedMs: 0,
      isUp: false,
      again: null,
    }));
  }

  /** Throws StartFailed for what can be seen before any of them is started. */
  static async prepare(parts: ProcessesParts): Promise<Processes> {
    const { config } = parts;
    const count = config.get("processes");
    if (config.get("unixsocket") !== "") {
      throw new StartFailed(
        "unixsocket cannot be used with more than one process: clients could not be sent to the others",
      );
    }
    try {
      const dir = resolve(config.get("dir"));
      const shares = nodesOf(dir, count, () => randomBytes(20).toString("hex"));
      return new Processes(parts, await withPorts(shares, config));
    } catch (error) {
      throw error instanceof DirectoryForOthers ? new StartFailed(error.message) : error;
    }
  }

  get ports(): readonly number[] {
    return this.#nodes.map(({ port, tlsPort }) => (port === 0 ? tlsPort : port));
  }

  /** Resolves when all of them are up; when one cannot start, `onEnd` is called instead. */
  start(): Promise<void> {
    const up = new Promise<void>((wake) => {
      this.#onUp = wake;
    });
    for (const place of this.#places) this.#start(place);
    return up;
  }

  /** Ends all of them in order. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const { child, again } of this.#places) {
      if (again !== null) clearTimeout(again);
      child?.kill("SIGTERM");
    }
    this.#lookForEnd();
  }

  /** At once, for who asks a second time. */
  kill(): void {
    for (const { child } of this.#places) child?.kill("SIGKILL");
    rmSync(this.#busFolder, { recursive: true, force: true });
  }

  #start(place: Place): void {
    const { program, args, input, log } = this.#parts;
    const role = { index: place.index, nodes: this.#nodes, busFolder: this.#busFolder };
    const child = fork(program, args, {
      env: { ...process.env, [ROLE_VARIABLE]: encodeRole(role) },
      execArgv: process.execArgv,
      stdio: [input === null ? "ignore" : "pipe", "inherit", "inherit", "ipc"],
    });
    child.stdin?.on("error", () => {
      // It died before it had read all of it.
    });
    child.stdin?.end(input, "latin1");
    place.child = child;
    place.startedMs = performance.now();
    place.again = null;
    child.on("message", (message) => this.#hear(place, message));
    // It could not be started at all.
    child.on("error", (error) => log.warning(`Process ${place.index}: ${error.message}`));
    child.once("exit", (code, signal) => this.#ended(place, signal ?? `code ${code ?? 0}`));
  }

  #hear(place: Place, message: unknown): void {
    if (message === ("shutdown" satisfies FromNode)) {
      this.stop();
      return;
    }
    place.isUp = true;
    this.#tell({ index: place.index, isUp: true });
    // It hears of all others as they are.
    for (const { index, isUp } of this.#places) {
      if (index !== place.index) place.child?.send(encodeNews({ index, isUp }));
    }
    if (this.#wereAllUp) {
      this.#parts.log.notice(`Process ${place.index} is up again.`);
    } else if (this.#places.every(({ isUp }) => isUp)) {
      this.#wereAllUp = true;
      this.#onUp();
    }
  }

  #tell(news: PeerNews): void {
    for (const { child, isUp, index } of this.#places) {
      if (isUp && index !== news.index && child?.connected === true) child.send(encodeNews(news));
    }
  }

  #ended(place: Place, how: string): void {
    const { log } = this.#parts;
    const pid = place.child?.pid ?? 0;
    place.child = null;
    place.isUp = false;
    if (this.#isStopping) {
      this.#lookForEnd();
      return;
    }
    if (!this.#wereAllUp) {
      log.warning(`Process ${place.index} (pid ${pid}) could not start: stopping the others.`);
      this.#hasFailed = true;
      this.stop();
      return;
    }
    this.#tell({ index: place.index, isUp: false });
    const isSteady = performance.now() - place.startedMs > STEADY_MS;
    log.warning(
      `Process ${place.index} (pid ${pid}) has ended by ${how}: it is started again` +
        `${isSteady ? "" : " in a second"}, and the others go on.`,
    );
    place.again = setTimeout(() => this.#start(place), isSteady ? 0 : AGAIN_MS);
  }

  #lookForEnd(): void {
    if (this.#places.some(({ child }) => child !== null)) return;
    rmSync(this.#busFolder, { recursive: true, force: true });
    this.#parts.onEnd(!this.#hasFailed);
  }
}

/** Process n listens at the port of the settings plus n; where that is 0, at a free one. Throws StartFailed. */
async function withPorts(shares: readonly NodeSlots[], config: Config): Promise<ClusterNode[]> {
  const plain = config.get("port");
  const tls = config.get("tls-port");
  const last = shares.length - 1;
  for (const first of [plain, tls]) {
    if (first + last > PORT_MAX) {
      throw new StartFailed(
        `there are no ports from ${first} to ${first + last} for the processes`,
      );
    }
  }
  if (plain !== 0 && tls !== 0 && Math.abs(plain - tls) <= last) {
    throw new StartFailed(
      `port and tls-port are too near for ${shares.length} processes: each takes one from both on`,
    );
  }
  const isFree = plain === 0 && tls === 0;
  const free = isFree ? await freePorts(shares.length) : [];
  return shares.map((share, index) => ({
    ...share,
    port: isFree ? (free[index] ?? 0) : after(plain, index),
    tlsPort: after(tls, index),
  }));
}

function after(first: number, index: number): number {
  return first === 0 ? 0 : first + index;
}

/** All held at the same time, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((found) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            found(typeof address === "object" && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
