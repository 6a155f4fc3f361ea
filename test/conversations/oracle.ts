// Debian's redis-server as a witness: started for one test on a socket file of its own, stopped
// with it. Machines without it do without.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { WireTarget } from "./wire.ts";

const START_LIMIT_MS = 10_000;

export function isOracleInstalled(): boolean {
  return spawnSync("redis-server", ["--version"]).status === 0;
}

export interface Oracle extends AsyncDisposable {
  readonly target: WireTarget;
  /** For further connections; RawClient reads the strictest. */
  readonly socketPath: string;
}

export async function startOracle(): Promise<Oracle> {
  const folder = await mkdtemp(join(tmpdir(), "kept-oracle-"));
  const socketPath = join(folder, "redis.sock");
  const process = spawn(
    "redis-server",
    // prettier-ignore
    [
      "--port", "0", "--unixsocket", socketPath, "--dir", folder, "--save", "",
      "--appendonly", "no", "--daemonize", "no",
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise<void>((resolve) => process.once("close", () => resolve()));
  const stop = async (): Promise<void> => {
    process.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true });
  };
  try {
    await ready(process);
  } catch (error) {
    await stop();
    throw error;
  }
  const target = new WireTarget(connect(socketPath));
  return {
    target,
    socketPath,
    async [Symbol.asyncDispose]() {
      target.close();
      await stop();
    },
  };
}

/** Resolves when the server says that it takes connections. */
function ready(process: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    const limit = setTimeout(
      () => reject(new Error(`redis-server does not start: ${output}`)),
      START_LIMIT_MS,
    );
    process.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.latin1Slice();
      if (!/ready to accept connections/i.test(output)) return;
      clearTimeout(limit);
      resolve();
    });
    process.once("error", reject);
    process.once("close", () => reject(new Error(`redis-server ended: ${output}`)));
  });
}
