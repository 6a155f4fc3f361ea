// One connection of the load: keeps a window of operations under way, and hands each operation its
// replies as they come. Ends without complaint when the server is killed.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";

import type { Bytes } from "../../src/base/bytes.ts";
import { ReplyReader } from "../../src/resp/reader.ts";
import type { Reply } from "../../src/resp/reply.ts";

/** What is sent in one piece and acknowledged as one. */
export interface Operation {
  readonly bytes: Bytes;
  readonly replyCount: number;
  /** Called with the last of its replies; throws when it is not the right one. */
  readonly acknowledge: (last: Reply) => void;
}

export class LoadConnection {
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #underWay: Operation[] = [];
  readonly #next: () => Operation;
  readonly #window: number;
  #repliesLeft = 0;
  #failure: unknown = null;
  #stopping = false;
  readonly whenClosed: Promise<void>;

  constructor(port: number, options: { window: number; next: () => Operation }) {
    this.#next = options.next;
    this.#window = options.window;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("connect", () => this.#fill());
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", () => {
      // The server was killed; "close" follows.
    });
    this.whenClosed = new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
    });
  }

  /** What was wrong with a reply; null when nothing was. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopping = true;
    if (this.#underWay.length === 0) this.#socket.end();
  }

  #fill(): void {
    let bytes = "";
    while (!this.#stopping && this.#underWay.length < this.#window) {
      const operation = this.#next();
      if (this.#underWay.length === 0) this.#repliesLeft = operation.replyCount;
      this.#underWay.push(operation);
      bytes += operation.bytes;
    }
    if (bytes !== "") this.#socket.write(bytes, "latin1");
  }

  #receive(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
        this.#take(reply);
      }
    } catch (error) {
      this.#failure ??= error;
      this.#socket.destroy();
      return;
    }
    // In one go when half the window is answered, so that the server sees pipelines.
    if (this.#underWay.length <= this.#window / 2) this.#fill();
    if (this.#stopping && this.#underWay.length === 0) this.#socket.end();
  }

  #take(reply: Reply): void {
    this.#repliesLeft--;
    if (this.#repliesLeft > 0) return;
    const operation = this.#underWay.shift();
    assert.ok(operation !== undefined, "a reply to nothing");
    this.#repliesLeft = this.#underWay[0]?.replyCount ?? 0;
    operation.acknowledge(reply);
  }
}
