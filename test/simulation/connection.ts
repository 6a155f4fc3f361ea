// A client's end of a connection: what it has said and not yet sent, what it waits for, and what it has
// been told. Replies are read where the server writes them, so that they are judged at the moment
// when they leave; the bytes then wait until the client takes them.

import type { Bytes } from "../../src/base/bytes.ts";
import { MalformedReply, ReplyReader } from "../../src/resp/reader.ts";
import { ErrorReply, NullArray, Push, Status, type Reply } from "../../src/resp/reply.ts";
import type { Session } from "../../src/session/session.ts";
import { mustHold, LawBroken } from "./law.ts";
import { lastOf, wireOf, type Operation, type Request } from "./operation.ts";
import type { SimulatedSocket } from "./socket.ts";
import { describe } from "./storage-errors.ts";

/**
 * Workers do the work; a listener hears messages, "events" keyspace events; a keeper keeps copies of what it
 * reads; the prober reads what must never wait.
 */
export type Role = "worker" | "listener" | "monitor" | "prober" | "events" | "keeper";

export interface Listening {
  /** A reply leaves the server. */
  onReply(connection: SimulatedConnection, request: Request, reply: Reply): void;
  onMessage(connection: SimulatedConnection, items: readonly Reply[]): void;
  onBroken(error: LawBroken): void;
  now(): number;
}

const LISTENS: ReadonlySet<Role> = new Set(["listener", "events"]);
const MESSAGES: ReadonlySet<unknown> = new Set(["message", "pmessage", "smessage", "invalidate"]);
const CONFIRMATIONS = /^[ps]?(?:un)?subscribe$/;
const MONITOR_LINE = /^\d+\.\d{6} \[\d+ [^\]]*\] "/;

export class SimulatedConnection {
  readonly role: Role;
  readonly socket: SimulatedSocket;
  /** Set while the server has it. */
  session: Session | null = null;
  /** It speaks RESP3 from its first word. */
  readonly isNewer: boolean;
  readonly operations: Operation[] = [];
  /** What it reads at a time; small for those who are slow. */
  readonly appetite: number;
  /** The client has ended its side. */
  hasEnded = false;
  #outbox: Bytes = "";
  #executed = 0;
  #executing: Request | null = null;
  readonly #requests: Request[] = [];
  /** Not answered yet, oldest first. */
  #due: Request[] = [];
  readonly #reader = new ReplyReader();
  readonly #listening: Listening;
  #isMonitor = false;

  constructor(
    listening: Listening,
    how: {
      readonly role: Role;
      readonly socket: SimulatedSocket;
      readonly isNewer: boolean;
      readonly appetite: number;
    },
  ) {
    this.#listening = listening;
    this.role = how.role;
    this.socket = how.socket;
    this.isNewer = how.isNewer;
    this.appetite = how.appetite;
    this.socket.onWritten = (bytes) => this.#written(bytes);
  }

  /** Neither side has given it up. */
  get isOpen(): boolean {
    return !this.hasEnded && !this.socket.isEnded;
  }

  get isGone(): boolean {
    return this.socket.destroyed || (this.socket.isEnded && this.socket.waitingBytes === 0);
  }

  get unsentBytes(): number {
    return this.#outbox.length;
  }

  get isAnswered(): boolean {
    return this.#due.length === 0;
  }

  get unanswered(): Request | null {
    return this.#due[0] ?? null;
  }

  /** The request that the server runs now, or has run last. */
  get executing(): Request | null {
    return this.#executing;
  }

  get isIdle(): boolean {
    return this.#due.length === 0 && this.#outbox === "";
  }

  say(operation: Operation): void {
    if (!this.isOpen) return;
    operation.invoked = this.#listening.now();
    this.operations.push(operation);
    for (const request of operation.requests) {
      this.#outbox += wireOf(request.args);
      request.place = this.#requests.push(request);
      if (request.replyCount > 0) this.#due.push(request);
    }
  }

  /** Sends at most so many bytes; false when nothing went. */
  send(bytesMax: number): boolean {
    if (this.#outbox === "" || !this.socket.isListening || this.socket.isEnded) return false;
    const piece = this.#outbox.slice(0, bytesMax);
    this.#outbox = this.#outbox.slice(piece.length);
    this.socket.deliver(piece);
    return true;
  }

  /** Ends its side; what it has not sent is not sent any more. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#outbox = "";
    this.socket.deliverEnd();
  }

  cut(): void {
    this.hasEnded = true;
    this.#outbox = "";
    this.socket.reset();
  }

  /** The server takes the next of its requests. */
  begins(): Request | null {
    const request = this.#requests[this.#executed++] ?? null;
    if (request !== null) {
      request.wasExecuted = true;
      request.sessionId = this.session?.id ?? null;
    }
    this.#executing = request;
    return request;
  }

  #written(bytes: Bytes): void {
    try {
      this.#reader.push(bytes);
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
        this.#heard(reply);
      }
    } catch (error) {
      // Not thrown: it would fly through the server, or through Node's streams.
      if (error instanceof LawBroken) this.#listening.onBroken(error);
      else if (error instanceof MalformedReply) {
        const words = `malformed: ${error.message} in ${JSON.stringify(bytes)}`;
        this.#listening.onBroken(new LawBroken(2, words));
      } else throw error;
    }
  }

  #heard(reply: Reply): void {
    if (this.#isMonitor && reply instanceof Status && MONITOR_LINE.test(reply.text)) return;
    if (this.#isMessage(reply)) return;
    const [request] = this.#due;
    if (request === undefined) {
      throw new LawBroken(2, `a reply to nothing: ${JSON.stringify(reply)}`);
    }
    mustHold(2, request.wasExecuted, `a reply before its request: ${describe(request.args)}`);
    request.replies.push(reply);
    this.#checkShape(request, reply);
    if (request.replies.length === request.replyCount || reply instanceof ErrorReply) {
      this.#due.shift();
      if (request === lastOf(request.operation)) {
        request.operation.answered = this.#listening.now();
      }
    }
    this.#listening.onReply(this, request, reply);
  }

  #isMessage(reply: Reply): boolean {
    const items = reply instanceof Push ? reply.items : reply;
    if (!Array.isArray(items)) return false;
    const mayBeMessage = reply instanceof Push || (LISTENS.has(this.role) && !this.isNewer);
    if (!mayBeMessage || !MESSAGES.has(items[0])) {
      mustHold(
        2,
        !(reply instanceof Push) || CONFIRMATIONS.test(String(items[0])),
        "a push that nobody asked for",
      );
      return false;
    }
    this.#listening.onMessage(this, items);
    return true;
  }

  #checkShape(request: Request, reply: Reply): void {
    const name = (request.args[0] ?? "").toUpperCase();
    const { queuedCount } = request.operation;
    if (name === "MONITOR") this.#isMonitor = true;
    if (reply instanceof ErrorReply) return;
    if (name === "EXEC") {
      if (reply === null || reply instanceof NullArray) return;
      mustHold(2, Array.isArray(reply), "EXEC answers an array, null or one error");
      const count = Array.isArray(reply) ? reply.length : 0;
      mustHold(2, count === queuedCount, `EXEC of ${queuedCount} has ${count} elements`);
      return;
    }
    if (queuedCount === 0) return;
    const expected = name === "MULTI" || name === "WATCH" ? "OK" : "QUEUED";
    const isSo = reply instanceof Status && (reply.text === expected || name === "DISCARD");
    mustHold(2, isSo, `${name} before EXEC is answered ${JSON.stringify(reply)}`);
  }
}
