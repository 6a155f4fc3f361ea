// A server that was running before us and stays when we go: whether it can be measured, in words for
// who asked for it. Nothing of it is removed without leave.

import { connect, type Socket } from "node:net";

import { ReplyReader } from "../src/resp/reader.ts";
import { ErrorReply, type Reply } from "../src/resp/reply.ts";
import type { PeerAddress } from "./plan.ts";
import type { Target } from "./server-process.ts";

/** The peer cannot be measured; says what to do. */
export class PeerRefused extends Error {}

const ANSWER_LIMIT_MS = 5000;

/** Throws PeerRefused. */
export async function peerAt(address: PeerAddress, mayFlush: boolean): Promise<Target> {
  const name = nameOf(address);
  const talk = new Talk(address, name);
  try {
    await authenticate(talk, address, name);
    if (!mayFlush && (await holdsKeys(talk))) {
      throw new PeerRefused(
        `the peer ${name} holds keys, and the bench writes its own among them. Give it another ` +
          "server that is empty, or --flush-peer if everything in it may be removed",
      );
    }
  } finally {
    talk.close();
  }
  const { host, port, user, password } = address;
  const login = password === null ? null : { user: user ?? "default", password };
  return { name, host, port, login, mayFlush, processId: null, stop: () => Promise.resolve() };
}

function nameOf({ host, port }: PeerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

async function authenticate(talk: Talk, address: PeerAddress, name: string): Promise<void> {
  const { user, password } = address;
  if (password !== null) {
    const words = user === null ? [password] : [user, password];
    const reply = await talk.ask("AUTH", ...words);
    if (reply instanceof ErrorReply) {
      throw new PeerRefused(`the peer ${name} does not take the password: ${reply.text}`);
    }
  }
  const reply = await talk.ask("PING");
  if (!(reply instanceof ErrorReply)) return;
  if (!reply.text.startsWith("NOAUTH")) {
    throw new PeerRefused(`the peer ${name} answers PING with: ${reply.text}`);
  }
  throw new PeerRefused(
    `the peer ${name} wants a password: give it as --peer redis://[user]:password@${name}`,
  );
}

/** Not all servers know at once how many keys there are: Kvrocks counts only when it is told to. */
async function holdsKeys(talk: Talk): Promise<boolean> {
  const size = await talk.ask("DBSIZE");
  if (typeof size === "number" && size > 0) return true;
  const key = await talk.ask("RANDOMKEY");
  return typeof key === "string";
}

/** One command at a time on one connection. */
class Talk {
  readonly #socket: Socket;
  readonly #name: string;
  readonly #reader = new ReplyReader();
  #resolve: (reply: Reply) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #failure: PeerRefused | null = null;

  constructor({ host, port }: PeerAddress, name: string) {
    this.#name = name;
    this.#socket = connect(port, host);
    this.#socket.setTimeout(ANSWER_LIMIT_MS, () => this.#fail("it does not answer"));
    this.#socket.on("error", (error) => this.#fail(error.message));
    this.#socket.on("close", () => this.#fail("it closed the connection"));
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk);
    try {
      const reply = this.#reader.next();
      if (reply !== undefined) this.#resolve(reply);
    } catch {
      this.#fail("what it says is not Redis's protocol");
    }
  }

  #fail(why: string): void {
    this.#failure ??= new PeerRefused(`the peer ${this.#name} cannot be used: ${why}`);
    this.#socket.destroy();
    this.#reject(this.#failure);
  }

  ask(...words: readonly string[]): Promise<Reply> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      this.#socket.write(`*${words.length}\r\n${parts.join("")}`);
    });
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }
}
