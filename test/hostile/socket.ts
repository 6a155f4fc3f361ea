// The share of the hostile input that goes to a real server over a socket: each input on its way with
// others, in pieces, on connections that it may end. The server must go on, answer PING, forget
// what was sent, and stay within its memory.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";

import type { Bytes } from "../../src/base/bytes.ts";
import { sealed } from "../../src/encoding/rdb.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { request } from "../support/raw-client.ts";
import { COMMAND_CORPUS, dumpCorpus, libraryCorpus, SCRIPT_CORPUS } from "./corpus.ts";
import { hostileInput, randomFor } from "./mutate.ts";

export interface SocketFigures {
  readonly count: number;
  readonly startBytes: number;
  readonly mostBytes: number;
  readonly endBytes: number;
}

const BATCH = 100;
const SETTLE_EVERY = 20;
const GROWTH_BYTES_MAX = 600 * 1024 * 1024;
const MEGABYTE = 1024 * 1024;
const SETTINGS = { "proto-max-bulk-len": "1mb", "busy-reply-threshold": "100" };

/** Bytes of memory the process has, as the system counts them. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

function inputAt(seed: number, index: number): Bytes {
  const random = randomFor(seed ^ 0x50c, index);
  switch (index % 8) {
    case 0:
      return request(
        "RESTORE",
        "k",
        "0",
        sealed(hostileInput(random, dumpCorpus()), 10),
        "REPLACE",
      );
    case 1: {
      const payload = sealed(hostileInput(random, libraryCorpus()), 10);
      return request("FUNCTION", "RESTORE", payload, "FLUSH");
    }
    case 2:
      return request("EVAL", hostileInput(random, SCRIPT_CORPUS), "2", "k", "other", "v", "1");
    default:
      return hostileInput(random, COMMAND_CORPUS);
  }
}

/** Sends the inputs, half-closes, and reads until the server has closed; in pieces of odd sizes. */
async function sendAndClose(port: number, inputs: readonly Bytes[]): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.resume();
  socket.on("error", () => {
    // The server may close on what it reads while more is on its way.
  });
  for (const input of inputs) socket.write(input, "latin1");
  socket.end();
  await closed(socket);
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    // One that waits for something, or is told nothing, is cut off.
    const timer = setTimeout(() => socket.destroy(), 2000);
    socket.once("end", () => socket.destroy());
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

export async function throwOverSocket(seed: number, count: number): Promise<SocketFigures> {
  using folder = new TemporaryDirectory();
  await using server = await ServerProcess.start({ dir: folder.path, settings: SETTINGS });
  const startBytes = residentBytes(server.pid);
  let mostBytes = startBytes;
  for (let at = 0, batch = 1; at < count; at += BATCH, batch++) {
    const size = Math.min(BATCH, count - at);
    const inputs = Array.from({ length: size }, (_, index) => inputAt(seed, at + index));
    // Each connection may be ended by the first thing it sends: many short ones.
    const shares = Array.from({ length: 10 }, (_, share) =>
      inputs.filter((_input, index) => index % 10 === share),
    );
    // oxlint-disable-next-line no-await-in-loop -- one batch after the other
    await Promise.all(shares.map((share) => sendAndClose(server.port, share)));
    assert.ok(server.isRunning, `died of inputs ${at} to ${at + size}, seed ${seed}`);
    assert.doesNotMatch(server.output, /A bug in Kept/, `inputs ${at} to ${at + size}, ${seed}`);
    mostBytes = Math.max(mostBytes, residentBytes(server.pid));
    const grown = mostBytes - startBytes;
    assert.ok(grown < GROWTH_BYTES_MAX, `${Math.round(grown / MEGABYTE)} MB more at ${at}`);
    // oxlint-disable-next-line no-await-in-loop -- one batch after the other
    if (batch % SETTLE_EVERY === 0) await settle(server);
  }
  await settle(server);
  return { count, startBytes, mostBytes, endBytes: residentBytes(server.pid) };
}

/** The server answers, and forgets what was sent; nobody is left but who asks. */
async function settle(server: ServerProcess): Promise<void> {
  using client = await server.client();
  assert.equal(await client.send("ECHO", "there"), "there");
  await client.send("FLUSHALL");
  await client.send("FUNCTION", "FLUSH");
  await client.send("SCRIPT", "FLUSH");
}
