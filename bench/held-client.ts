// A client of held.ts: it asks, and reads replies of any size without looking at them.

import { connect, type Socket } from "node:net";

import type { Words } from "./collection-families.ts";
import type { Target } from "./server-process.ts";

/** Comes behind what was asked: when it is answered, so is all before it. */
const MARK = "that-was-all-of-it";
const MARK_REPLY = `$${MARK.length}\r\n${MARK}\r\n`;
const MINUS = "-".charCodeAt(0);
const RETRY_MS = 50;

export class Talker {
  readonly target: Target;
  readonly #socket: Socket;
  /** The end of what came. */
  #tail = "";
  #keeps = false;
  #first: number | undefined;
  #onMark: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(target: Target) {
    this.target = target;
    this.#socket = connect(target.port, target.host);
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#reject(error));
  }

  #read(chunk: Buffer): void {
    this.#first ??= chunk[0];
    const end = chunk.length > MARK_REPLY.length && !this.#keeps ? -MARK_REPLY.length : 0;
    const text = this.#tail + chunk.latin1Slice(end < 0 ? chunk.length + end : 0);
    this.#tail = this.#keeps ? text : text.slice(-MARK_REPLY.length);
    if (text.endsWith(MARK_REPLY)) this.#onMark();
  }

  /** Bytes that are commands already. Rejects when the first of the replies is an error. */
  sayBytes(bytes: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#tail = "";
      this.#first = undefined;
      this.#reject = reject;
      this.#onMark = () => {
        if (this.#first === MINUS) reject(new Error(`${bytes.slice(0, 100)}: an error`));
        else resolve();
      };
      this.#socket.write(bytes + encoded(["ECHO", MARK]), "latin1");
    });
  }

  say(...commands: readonly Words[]): Promise<void> {
    return this.sayBytes(commands.map(encoded).join(""));
  }

  /** With the reply, as it came. */
  async ask(command: Words): Promise<string> {
    this.#keeps = true;
    try {
      await this.say(command);
      return this.#tail;
    } finally {
      this.#keeps = false;
    }
  }

  async untilReady(): Promise<void> {
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        await this.say(["PING"]);
        return;
      } catch {
        // It still loads.
        // oxlint-disable-next-line no-await-in-loop -- the same
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Connections that say the same at the same time. */
export class Crowd {
  readonly talkers: readonly Talker[];

  constructor(target: Target, count: number) {
    this.talkers = Array.from({ length: count }, () => new Talker(target));
  }

  async say(...commands: readonly Words[]): Promise<void> {
    await Promise.all(this.talkers.map((talker) => talker.say(...commands)));
  }

  close(): void {
    for (const talker of this.talkers) talker.close();
  }
}

export function encoded(words: Words): string {
  let text = `*${words.length}\r\n`;
  for (const word of words) text += `$${word.length}\r\n${word}\r\n`;
  return text;
}
