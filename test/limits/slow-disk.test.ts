// A disk that takes seconds for each commit, and clients that send as fast as they are let: what waits in the
// server is bounded, because it stops reading from whoever has enough under way; readers of what is in
// memory are served meanwhile; and when the disk is well again every reply is there, in order, and true.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";

import { ReplyReader } from "../../src/resp/reader.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { isOk } from "../support/queries.ts";
import { request, until } from "../support/raw-client.ts";

const CLIENTS = 8;
const VALUE = "v".repeat(16 * 1024);
const DELAY_MS = 2000;
/** What each client would send in all: together twenty times what may wait. */
const SENT_EACH = 40 * 1024 * 1024;
/** For everything that waits: a commit under way and the next, one read of each socket, and garbage. */
const GROWN_BYTES_MAX = 96 * 1024 * 1024;
/** Answers seen while the disk is slow before it is let off. */
const COMMITS_MIN = 3;

/** Writes its own counter up, each with a large value beside it, as fast as the socket takes it. */
class Flooder {
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #name: string;
  sent = 0;
  answered = 0;
  #isOver = false;
  problem: string | null = null;

  constructor(port: number, name: string) {
    this.#name = name;
    this.#socket = connect({ port, host: "127.0.0.1" });
    this.#socket.on("connect", () => this.#flood());
    this.#socket.on("drain", () => this.#flood());
    this.#socket.on("data", (chunk: Buffer) => this.#hear(chunk));
    this.#socket.on("error", (error) => (this.problem ??= error.message));
  }

  #flood(): void {
    while (!this.#isOver && this.sent * VALUE.length < SENT_EACH) {
      this.sent++;
      const bytes = request("SET", `${this.#name}:${this.sent % 100}`, `${this.sent}${VALUE}`);
      if (!this.#socket.write(bytes, "latin1")) return;
    }
  }

  #hear(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      if (!isOk(reply)) this.problem ??= JSON.stringify(reply);
      this.answered++;
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  close(): void {
    this.#socket.destroy();
  }
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

test("clients that flood a server whose disk is slow fill no memory, and hear the truth in the end", async (t) => {
  using directory = new TemporaryDirectory();
  const settings = { "enable-debug-command": "yes", appendfsync: "always" };
  await using server = await ServerProcess.start({ dir: directory.path, settings });
  const admin = await server.client();
  assert.ok(isOk(await admin.send("SET", "there", "v")));
  const before = residentBytes(server.pid);
  const slow = ["STORAGE-FAULT", "slow", "MILLISECONDS", String(DELAY_MS), "ON", "writes"];
  assert.ok(isOk(await admin.send("DEBUG", ...slow)));
  const names = Array.from({ length: CLIENTS }, (_, index) => `client:${index}`);
  const flooders = names.map((name) => new Flooder(server.port, name));
  let most = 0;
  const sum = (of: "sent" | "answered"): number =>
    flooders.reduce((total, flooder) => total + flooder[of], 0);
  // Every client has been answered some of its commands, so several commits have filled to the brim.
  await until("some commits are through", () => {
    most = Math.max(most, residentBytes(server.pid));
    return flooders.every(({ answered }) => answered > COMMITS_MIN);
  });
  assert.equal(await admin.send("GET", "there"), "v");
  const grown = most - before;
  t.diagnostic(
    `grown by ${Math.round(grown / 1e6)} MB; ${sum("sent")} sent, ${sum("answered")} done`,
  );
  assert.ok(grown < GROWN_BYTES_MAX, `grown by ${grown} bytes`);
  assert.ok(isOk(await admin.send("DEBUG", "STORAGE-FAULT", "off")));
  for (const flooder of flooders) flooder.stop();
  await until("everything is answered", () => sum("answered") === sum("sent"));
  for (const [index, flooder] of flooders.entries()) {
    assert.equal(flooder.problem, null);
    const { sent } = flooder;
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const value = await admin.send("GET", `${names[index]}:${sent % 100}`);
    assert.equal(value, `${sent}${VALUE}`);
    flooder.close();
  }
});
