// A client that says exactly what a test wants on a real socket, and reads with the strict reader:
// anything malformed, or anything too much, fails the test (law 2). Every wait has a limit.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";

import type { Bytes } from "../../src/base/bytes.ts";
import { ReplyReader } from "../../src/resp/reader.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { Patience } from "./patience.ts";

export const WAIT_MS_MAX = 10_000;

/** One command in RESP, as every client library sends it. */
export function request(...args: Bytes[]): Bytes {
  let bytes = `*${args.length}\r\n`;
  for (const arg of args) bytes += `$${arg.length}\r\n${arg}\r\n`;
  return bytes;
}

export class RawClient implements Disposable {
  readonly socket: Socket;
  readonly processId: number | null;
  readonly #reader = new ReplyReader();
  readonly #replies: Reply[] = [];
  #failure: Error | null = null;
  #ended = false;
  #closed = false;
  #changed: (() => void)[] = [];

  constructor(socket: Socket, processId: number | null = null) {
    this.socket = socket;
    this.processId = processId;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("error", () => {
      // A reset is one way to be closed; "close" follows.
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /**
   * `allowHalfOpen`: this end goes on sending after the server has ended its side. `processId`: the
   * server's, so that it is given the time in which it got no processor.
   */
  static async connect(
    port: number,
    options: { allowHalfOpen?: boolean; processId?: number } = {},
  ): Promise<RawClient> {
    const { allowHalfOpen = false, processId = null } = options;
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen });
    const client = new RawClient(socket, processId);
    await waitFor("a connection", () => !socket.connecting, client);
    return client;
  }

  #received(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
        this.#replies.push(reply);
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#changed;
    this.#changed = [];
    for (const waiter of waiters) waiter();
  }

  /** Resolves when something came in, or the connection ended. */
  whenChanged(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed.push(resolve);
      if (this.socket.connecting) this.socket.once("connect", resolve);
    });
  }

  /** Replies that came and were not read yet. */
  get unreadCount(): number {
    return this.#replies.length;
  }

  /** Whether the server has ended its side. */
  get isClosed(): boolean {
    return this.#ended || this.#closed;
  }

  /** Sends one command and reads one reply. */
  async send(...args: Bytes[]): Promise<Reply> {
    this.write(request(...args));
    return this.readReply();
  }

  /** A command given as one line, words between single spaces. */
  say(line: string): Promise<Reply> {
    return this.send(...line.split(" "));
  }

  write(bytes: Bytes): void {
    this.socket.write(bytes, "latin1");
  }

  /** Sends raw bytes and reads `count` replies. */
  async pipeline(bytes: Bytes, count: number): Promise<Reply[]> {
    this.write(bytes);
    return this.readReplies(count);
  }

  async readReply(): Promise<Reply> {
    const [reply] = await this.readReplies(1);
    assert.ok(reply !== undefined);
    return reply;
  }

  async readReplies(count: number): Promise<Reply[]> {
    const isDone = () => this.#replies.length >= count || this.isClosed;
    await waitFor(`${count} replies`, isDone, this);
    this.#check();
    assert.ok(this.#replies.length >= count, `closed after ${this.#replies.length} of ${count}`);
    return this.#replies.splice(0, count);
  }

  /** Everything up to the server's end of the connection, which must come. */
  async readUntilClosed(): Promise<Reply[]> {
    await waitFor("the end of the connection", () => this.isClosed, this);
    this.#check();
    return this.#replies.splice(0);
  }

  /** The server closes, and says nothing that was not read. */
  async expectClosed(): Promise<void> {
    assert.deepEqual(await this.readUntilClosed(), []);
    assert.ok(this.#reader.isBetweenReplies, "closed in the middle of a reply");
  }

  /** Nothing came that was not read: use after a reply that must have come later. */
  expectNothingUnread(): void {
    this.#check();
    assert.deepEqual(this.#replies, []);
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  /** No more will be sent; the answers are still read. */
  end(): void {
    this.socket.end();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** Waits until `isDone`, looked at whenever something happens on the client's socket. */
async function waitFor(what: string, isDone: () => boolean, client: RawClient): Promise<void> {
  const patience = new Patience(WAIT_MS_MAX, client.processId);
  while (!isDone() && client.failure === null) {
    if (patience.isOver()) {
      assert.fail(`waited ${WAIT_MS_MAX} ms for ${what}; ${client.unreadCount} replies unread`);
    }
    let timer: NodeJS.Timeout | undefined;
    const step = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience.stepMs);
    });
    // oxlint-disable-next-line no-await-in-loop -- waiting is the point
    await Promise.race([client.whenChanged(), step]);
    clearTimeout(timer);
  }
  if (client.failure !== null) throw client.failure;
}

/** Waits, in turns of the event loop, for what has no event of its own. */
export async function until(what: string, isDone: () => boolean): Promise<void> {
  const patience = new Patience(WAIT_MS_MAX);
  while (!isDone()) {
    if (patience.isOver()) assert.fail(`waited ${WAIT_MS_MAX} ms until ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}
