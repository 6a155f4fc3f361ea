// A client of the curve (collections.ts): one connection that says commands in bursts and waits for the
// replies.

import { connect, type Socket } from "node:net";

import { ReplyReader } from "../src/resp/reader.ts";
import { ErrorReply, type Reply } from "../src/resp/reply.ts";
import type { Words } from "./collection-families.ts";
import type { Target } from "./server-process.ts";

const RETRY_MS = 50;

export class Client {
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  #wanted = 0;
  #replies: Reply[] = [];
  #resolve: (replies: Reply[]) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(target: Target) {
    this.#socket = connect(target.port, target.host);
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#reject(error));
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      if (reply instanceof ErrorReply) this.#reject(new Error(reply.text));
      this.#replies.push(reply);
    }
    if (this.#replies.length >= this.#wanted) this.#resolve(this.#replies);
  }

  /** Rejects when one of the replies is an error. */
  say(...commands: readonly Words[]): Promise<Reply[]> {
    return new Promise((resolve, reject) => {
      this.#wanted = commands.length;
      this.#replies = [];
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(commands.map(encoded).join(""), "latin1");
    });
  }

  /** Until the server has read what it had. */
  async untilReady(): Promise<void> {
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        await this.say(["PING"]);
        return;
      } catch (error) {
        if (!String(error).includes("LOADING")) throw error;
        // oxlint-disable-next-line no-await-in-loop -- the same
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

function encoded(words: Words): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}
