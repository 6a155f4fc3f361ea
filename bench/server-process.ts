// Servers to measure: Kept and, where it is installed, Debian's redis-server. Each gets a directory of
// its own under the system's temporary one and a free port of 127.0.0.1, and is stopped by its own
// process id.

import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Something that speaks RESP at a port. */
export interface Target {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Null where none is wanted. */
  readonly login: Login | null;
  /** Whether all that it holds may be removed: it is ours, or its owner said so. */
  readonly mayFlush: boolean;
  /** Null for a server that was running before us. */
  readonly processId: number | null;
  stop(): Promise<void>;
}

export type Fsync = "none" | "always";

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 60_000;
const RETRY_MS = 20;
const HOST = "127.0.0.1";

/**
 * `root`: the folder that holds bin/kept-server. With `dir`, the data are found and left there; it is
 * made where it is missing.
 */
export function startKept(
  root: string,
  fsync: Fsync,
  flags: readonly string[],
  dir: string | null = null,
): Promise<Target> {
  const args = [...flags, join(root, "bin/kept-server")];
  const durability = fsync === "always" ? ["--appendfsync", "always"] : [];
  return start("kept", dir, (port, at) => ({
    command: process.execPath,
    args: [...args, "--port", String(port), "--dir", at, ...durability],
  }));
}

/** Kept on data that stay, with settings: `["--rocksdb.block_cache_size", "64"]`. */
export function startKeptOn(
  root: string,
  dir: string,
  settings: readonly string[],
): Promise<Target> {
  const server = join(root, "bin/kept-server");
  return start("kept", dir, (port, at) => ({
    command: process.execPath,
    args: [server, "--port", String(port), "--dir", at, ...settings],
  }));
}

/** Null when there is no redis-server on this machine. `dir` as in `startKept`: what SAVE left there. */
export async function startRedis(fsync: Fsync, dir: string | null = null): Promise<Target | null> {
  if (!isInstalled("redis-server")) return null;
  const log = fsync === "always" ? ["yes", "--appendfsync", "always"] : ["no"];
  return start("redis", dir, (port, at) => ({
    command: "redis-server",
    args: ["--port", String(port), "--dir", at, "--save", "", "--appendonly", ...log],
  }));
}

export function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
}

/** Resident memory of a process in bytes. */
export function residentBytes(processId: number): number {
  const text = execFileSync("ps", ["-o", "rss=", "-p", String(processId)], { encoding: "utf8" });
  return Number(text.trim()) * 1024;
}

/** User and system time of a process with all its threads; NaN where there is no /proc. */
export function processorSeconds(processId: number): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${processId}/stat`, "latin1");
  } catch {
    return Number.NaN;
  }
  // Behind the name, which may hold spaces, the 12th and 13th field, in hundredths.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

type Plan = (port: number, dir: string) => { command: string; args: string[] };

async function start(name: string, given: string | null, plan: Plan): Promise<Target> {
  const dir = given ?? mkdtempSync(join(tmpdir(), `kept-bench-${name}-`));
  if (given !== null) mkdirSync(given, { recursive: true });
  const port = await freePort();
  const { command, args } = plan(port, dir);
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  const stop = async (): Promise<void> => {
    await end(child);
    if (given === null) rmSync(dir, { recursive: true, force: true });
  };
  try {
    await whenListening(child, port);
  } catch (error) {
    await stop();
    throw error;
  }
  const processId = child.pid ?? null;
  return { name, host: HOST, port, login: null, mayFlush: true, processId, stop };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

async function whenListening(child: ChildProcess, port: number): Promise<void> {
  const limit = performance.now() + START_LIMIT_MS;
  while (performance.now() < limit) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    if (await answers(port)) return;
  }
  throw new Error("the server did not start in time");
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => setTimeout(() => resolve(false), RETRY_MS));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
