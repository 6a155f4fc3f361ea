// Replays transcripts: `replayFile(target, "strings.txt")`. The files lie beside this source; what
// replays them are conversations.test.ts (handlers alone, Debian's redis-server) and the tests of
// the whole server, which pass a WireTarget on its port.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";

import { startOracle } from "./oracle.ts";
import { readTranscript, replay, replayOnOracle, rewritten, type Target } from "./transcript.ts";

const FOLDER = "test/conversations";

export function transcriptNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".txt"))
    .sort();
}

export function readNamed(name: string): string {
  return readFileSync(`${FOLDER}/${name}`, "latin1");
}

export function replayFile(target: Target, name: string): Promise<string[]> {
  return replay(target, readTranscript(readNamed(name)));
}

export async function replayFileOnOracle(target: Target, name: string): Promise<string[]> {
  await target.send(["FLUSHALL"]);
  return replayOnOracle(target, readTranscript(readNamed(name)));
}

/** Fills in what Redis answers; for new transcripts, to be read through before they are kept. */
export async function rewrite(names: readonly string[]): Promise<void> {
  await using oracle = await startOracle();
  for (const name of names) {
    await oracle.target.send(["FLUSHALL"]);
    writeFileSync(`${FOLDER}/${name}`, await rewritten(oracle.target, readNamed(name)), "latin1");
  }
}
