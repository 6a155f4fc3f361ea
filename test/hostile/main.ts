// npm run fuzz:hostile -- [--count N] [--seed S] [--target NAME --at INDEX] [--socket N]
//
// Throws so many inputs (100,000 unless told otherwise), a thousandth of them or --socket many at a server
// over a socket; prints each that shows a fault, as small as it could be made. --target and --at make
// one input again.

import { parseArgs } from "node:util";

import { throwHostileInput } from "./run.ts";
import { throwOverSocket } from "./socket.ts";
import { allTargets, inputOf, problemOf, type Finding } from "./worker.ts";

const FINDINGS_MAX = 10;

function print({ target, index, input, problem }: Finding): void {
  const text = JSON.stringify(input);
  console.log(`--target ${target} --at ${index}\n  ${text}\n  ${problem}\n`);
}

async function again(name: string, index: number, seed: number): Promise<number> {
  const target = (await allTargets()).find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const input = inputOf(target, seed, index);
  const problem = await problemOf(target, input);
  print({ target: name, index, input, problem: problem ?? "nothing is wrong" });
  return problem === null ? 0 : 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: "string", default: "100000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      target: { type: "string" },
      at: { type: "string", default: "0" },
      socket: { type: "string" },
    },
  });
  const seed = Number(values.seed);
  if (values.target !== undefined) return await again(values.target, Number(values.at), seed);
  const total = Number(values.count);
  console.log(`seed ${seed}`);
  const socketCount = Number(values.socket ?? Math.ceil(total / 1000));
  const beganMs = performance.now();
  const outcome = await throwHostileInput({ seed, total, findingsMax: FINDINGS_MAX });
  outcome.findings.forEach(print);
  const socket = await throwOverSocket(seed, socketCount);
  const { findings, ...figures } = outcome;
  const seconds = Math.round((performance.now() - beganMs) / 1000);
  console.log(JSON.stringify({ ...figures, findings: findings.length, socket, seconds }));
  return findings.length === 0 ? 0 : 1;
}

process.exitCode = await main();
