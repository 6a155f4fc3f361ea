// The two that are compared: a Kept process and a redis-server, both new and empty, with thresholds
// low enough that small programs make collections of both kinds.

import { connect } from "node:net";

import { startOracle, type Oracle } from "../conversations/oracle.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { WireTarget } from "../conversations/wire.ts";
import { KeptProcess } from "../support/kept-process.ts";
import { connectTo, type Endpoints } from "./fuzz.ts";
import type { Trio } from "./pair.ts";

const THRESHOLDS: readonly (readonly [string, string])[] = [
  ["hash-max-listpack-entries", "4"],
  ["set-max-intset-entries", "4"],
  ["set-max-listpack-entries", "4"],
  ["zset-max-listpack-entries", "4"],
  ["list-max-listpack-size", "3"],
  ["stream-node-max-entries", "4"],
];
/** Redis 7.0 does not know it. */
const ONLY_NEWER = "set-max-listpack-entries";

function trioOf(first: WireTarget, open: () => WireTarget): Trio {
  return { first, second: open(), observer: open() };
}

function trioOfOracle({ target, socketPath }: Oracle): Trio {
  return trioOf(target, () => new WireTarget(connect(socketPath)));
}

function closeTrio({ second, observer }: Trio): void {
  second.close();
  observer.close();
}

export interface Servers extends AsyncDisposable {
  readonly endpoints: Endpoints;
}

export async function startServers(options: { isSelfTest: boolean }): Promise<Servers> {
  const oracle = await startOracle();
  for (const [name, value] of THRESHOLDS) {
    // oxlint-disable-next-line no-await-in-loop -- a few
    if (name !== ONLY_NEWER) await oracle.target.send(["CONFIG", "SET", name, value]);
  }
  return options.isSelfTest ? selfTest(oracle) : await withKept(oracle);
}

async function selfTest(oracle: Oracle): Promise<Servers> {
  const second = await startOracle();
  for (const [name, value] of THRESHOLDS) {
    // oxlint-disable-next-line no-await-in-loop -- a few
    if (name !== ONLY_NEWER) await second.target.send(["CONFIG", "SET", name, value]);
  }
  const trios = {
    kept: trioOfOracle(second),
    redis: trioOfOracle(oracle),
  };
  return {
    endpoints: { kept: second.target, redis: oracle.target, trios },
    async [Symbol.asyncDispose]() {
      closeTrio(trios.kept);
      closeTrio(trios.redis);
      await oracle[Symbol.asyncDispose]();
      await second[Symbol.asyncDispose]();
    },
  };
}

async function withKept(oracle: Oracle): Promise<Servers> {
  const folder = new TemporaryDirectory();
  const args = ["--dir", folder.path, "--appendfsync", "no"];
  for (const [name, value] of THRESHOLDS) args.push(`--${name}`, value);
  const kept = await KeptProcess.start(args);
  const target = connectTo(kept.port);
  const trios = { kept: trioOf(target, () => connectTo(kept.port)), redis: trioOfOracle(oracle) };
  return {
    endpoints: { kept: target, redis: oracle.target, trios },
    async [Symbol.asyncDispose]() {
      closeTrio(trios.kept);
      closeTrio(trios.redis);
      target.close();
      await kept[Symbol.asyncDispose]();
      await oracle[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
