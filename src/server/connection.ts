// A socket and its session: bytes in, requests one by one to the session, replies out.
//
// Back-pressure both ways. While a command waits, or the client does not read its replies fast enough,
// nothing more is decoded and the socket is not read; so what one client can make the server hold is
// bounded by one read, one command and the output limit.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import { bytesOfText, type Bytes } from "../base/bytes.ts";
import type { Args } from "../commands/table.ts";
import type { Output } from "../commit/reply-queue.ts";
import { gatherText } from "../engine/rocksdb.ts";
import type { Stats } from "../observe/stats.ts";
import { Decoder, type DecoderLimits } from "../resp/decoder.ts";
import { ProtocolError } from "../resp/errors.ts";
import { LONG_BYTES, type Encoded } from "../resp/long-reply.ts";
import { ErrorReply } from "../resp/reply.ts";
import type { SessionHost } from "../session/host.ts";
import { Session } from "../session/session.ts";
import type { ClientMemory } from "./client-memory.ts";
import { send } from "./direct-output.ts";
import type { Lingering } from "./lingering.ts";
import { LongOutput } from "./long-output.ts";
import type { InRound, Looks, Round } from "./round.ts";
import type { PutOff, TurnShare } from "./turn-share.ts";

export interface OutputLimits {
  /** Bytes of unsent replies at which the connection is closed; 0 for no limit. */
  hardBytes: number;
  /** Bytes above which it is closed after `softMs` without a pause; 0 for no limit. */
  softBytes: number;
  softMs: number;
}

export interface ConnectionLimits extends DecoderLimits {
  queryBufferBytesMax: number;
  readonly output: { readonly normal: OutputLimits; readonly pubsub: OutputLimits };
}

export interface ConnectionParts {
  readonly host: SessionHost;
  readonly id: number;
  readonly socket: Socket;
  /** Path of the Unix socket it came through; null for TCP. */
  readonly path: string | null;
  readonly limits: ConnectionLimits;
  readonly stats: Stats;
  /** Bounds what all connections hold. */
  readonly memory: ClientMemory;
  readonly lingering: Lingering;
  readonly share: TurnShare;
  readonly round: Round;
  readonly onClose: (connection: Connection) => void;
}

/** Replies waiting in the socket beyond this stop further commands until they are drained. */
const OUTPUT_PAUSE_BYTES = 1024 * 1024;
/** How long a client may keep its side open after we have ended ours and all is sent. */
const LINGER_MS = 500;
/** What input and output count at least, so that the sum does not move with each small command. */
const BUFFER_BYTES = 4096;
/** A socket is read this far ahead of a command that waits, so that a client's going is noticed. */
const READ_AHEAD_BYTES = 64 * 1024;
/** Pieces above this are passed to the socket before the chunk is done, to bound the string. */
const OUTPUT_PIECE_BYTES = 64 * 1024;
/** No two replies are joined beyond this: a string has a longest length. */
const OUTPUT_STRING_BYTES_MAX = 16 * 1024 * 1024;

/** So much of a long input is read before others have their turn: libuv would read four times as much. */
const INPUT_TURN_BYTES = 512 * 1024;
const NOTHING: readonly Args[] = [];
/** So many commands of a pipeline are decoded at once. */
const AHEAD_COUNT = 32;

export class Connection implements Output, PutOff, InRound {
  readonly session: Session;
  /** What is decoded when it waits for its round. */
  ahead: readonly Args[] = NOTHING;
  readonly socket: Socket;
  readonly createdMs: number;
  /** When the client last sent something, milliseconds since the epoch. */
  lastInputMs: number;
  readonly #parts: ConnectionParts;
  readonly #decoder: Decoder;
  readonly #descriptor: number;
  #out: Bytes = "";
  readonly #long: LongOutput;
  #processing = false;
  #flushAsked = false;
  #isLingering = false;
  /** A command waits, or replies are not read: nothing is decoded. */
  #waiting = false;
  #isInRound = false;
  /** What is to be run next waits for the next turn of the event loop. */
  #isPutOff = false;
  #drained = true;
  /** Read since it was last put off. */
  #inputBytes = 0;
  #inputEnded = false;
  /** So many replies wait for their commit that no more commands are run. */
  #backlogged = false;
  #closing = false;
  #isStopped = false;
  /** Our side of the connection is ended; all that is left is to see the client go. */
  #ended = false;
  #softSinceMs = 0;
  #lastOutputMs = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.socket = parts.socket;
    this.createdMs = parts.host.clock.nowMs();
    this.lastInputMs = this.createdMs;
    this.#decoder = new Decoder(parts.limits, gatherText);
    // What goes around an encrypted socket would go out in clear.
    this.#descriptor = parts.socket instanceof TLSSocket ? -1 : this.descriptor;
    this.session = new Session(parts.host, parts.id, this);
    this.#long = new LongOutput({
      socket: parts.socket,
      descriptor: this.#descriptor,
      share: parts.share,
      clock: parts.host.clock,
      stats: parts.stats,
      onSent: () => this.#hasSent(),
    });
    this.#decoder.restricted = this.session.mustAuthenticate;
    this.session.onResume = () => {
      this.#waiting = false;
      this.#process();
    };
    this.session.commandsAhead = () =>
      this.#decoder.restricted ? [] : this.#decoder.upcoming(AHEAD_COUNT);
    const { socket, path } = parts;
    this.session.address =
      path === null ? addressOf(socket.remoteAddress, socket.remotePort) : `${bytesOfText(path)}:0`;
    this.session.localAddress =
      path === null ? addressOf(socket.localAddress, socket.localPort) : `${bytesOfText(path)}:0`;
    this.session.isEncrypted = socket instanceof TLSSocket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("drain", () => this.#onDrain());
    socket.on("end", () => this.#onEnd());
    socket.on("error", () => {
      // The other side is gone in some rude way; "close" follows and cleans up.
    });
    socket.on("close", () => this.#onClosed());
  }

  /** A command waits: for the disk, for room, for the end of a pause. */
  get isWaiting(): boolean {
    return this.#waiting && !this.#processing;
  }

  get isClosing(): boolean {
    return this.#closing;
  }

  /** Nothing is sent any more. */
  get isClosed(): boolean {
    return this.#ended;
  }

  /**
   * Since when it is silent and the next word is the client's, milliseconds since the epoch; null
   * while a command or its answer is on our side, and for those who only listen.
   */
  get silentSinceMs(): number | null {
    const { session } = this;
    if (this.#waiting || !session.replies.isEmpty || !this.#long.isEmpty) return null;
    if (session.subscriptionCount > 0 || session.isMonitor) return null;
    return Math.max(this.lastInputMs, this.#lastOutputMs);
  }

  /** The number the system knows the socket by; -1 when Node does not tell. */
  get descriptor(): number {
    const handle: unknown = Reflect.get(this.socket, "_handle");
    if (typeof handle !== "object" || handle === null) return -1;
    const descriptor: unknown = Reflect.get(handle, "fd");
    return typeof descriptor === "number" ? descriptor : -1;
  }

  /** Bytes of input held for commands that have not run yet. */
  get inputBytes(): number {
    return this.#decoder.bufferedBytes;
  }

  /** Bytes of replies that the client has not taken yet. */
  get outputBytes(): number {
    return this.#out.length + this.#unsentBytes() + this.session.replies.waitingBytes;
  }

  /** Of these, what has left this file. */
  #unsentBytes(): number {
    return this.socket.writableLength + this.#long.waitingBytes;
  }

  /** What the connection takes: input, output, and what its session keeps for it. */
  get memoryBytes(): number {
    const input = Math.max(BUFFER_BYTES, this.#decoder.claimedBytes);
    return input + Math.max(BUFFER_BYTES, this.outputBytes) + this.session.memoryBytes;
  }

  #received(chunk: Buffer): void {
    if (this.#ended) return;
    this.#parts.stats.totalNetInputBytes += chunk.length;
    this.lastInputMs = this.#parts.host.clock.nowMs();
    this.#decoder.push(chunk);
    this.#inputBytes += chunk.length;
    if (this.#decoder.bufferedBytes > this.#parts.limits.queryBufferBytesMax) {
      this.#parts.stats.clientQueryBufferLimitDisconnections++;
      this.close();
      return;
    }
    // Before the command runs whose arguments are too much; what it announces is known when it is decoded.
    if (this.#parts.memory.isBounded) {
      this.#parts.memory.note(this);
      if (this.#ended) return;
    }
    this.#waitForRound();
  }

  /** The memory that lent the input is used again before the round begins. */
  #waitForRound(): void {
    const decoder = this.#decoder;
    if (!this.#isInRound) {
      this.#isInRound = true;
      // Of one that waits nothing is run in this round.
      const mayRun = !decoder.restricted && this.#isReady();
      if (mayRun) this.ahead = decoder.upcoming(AHEAD_COUNT);
      this.#parts.round.add(this);
    }
    decoder.keep();
  }

  get looks(): Looks {
    return this.session;
  }

  runInRound(): void {
    this.#isInRound = false;
    this.ahead = NOTHING;
    if (!this.#ended) this.#process();
  }

  #process(): void {
    if (this.#processing) return;
    this.#processing = true;
    try {
      this.#executeAll();
    } catch (error) {
      this.#failed(error);
    }
    this.#processing = false;
    this.#decoder.keep();
    if (this.#out !== "" && this.#isAnsweredSoon()) this.#linger();
    else this.#flush();
    this.#regulate();
    if (this.#parts.memory.isBounded) this.#parts.memory.note(this);
  }

  /** What is ready may leave in one write with what waits for its commit: +QUEUED before EXEC. */
  #isAnsweredSoon(): boolean {
    return !this.session.replies.isEmpty && !this.#closing;
  }

  /** Until those replies are released, or for a millisecond or two if their commit takes longer. */
  #linger(): void {
    if (this.#isLingering) return;
    this.#isLingering = true;
    this.#parts.lingering.add(this);
  }

  lingeredEnough(): void {
    this.#isLingering = false;
    if (!this.#flushAsked) this.flushNow();
  }

  #executeAll(): void {
    const { session } = this;
    const { share } = this.#parts;
    // Most input is one command: what is behind the first is worth a look when there is something.
    for (let isFirst = true; this.#isReady(); isFirst = false) {
      if (share.isUsedUp && this.#decoder.bufferedBytes > 0) {
        this.#putOff();
        return;
      }
      if (this.#decoder.restricted) this.#decoder.restricted = this.session.mustAuthenticate;
      else if (!isFirst && this.#decoder.mayReadAhead) this.#readAhead();
      const args = this.#decoder.next();
      if (args === null) {
        if (this.#inputEnded) this.closeAfterFlush();
        else if (this.#inputBytes > INPUT_TURN_BYTES) this.#putOff();
        return;
      }
      this.#waiting = true;
      if (session.execute(args) === "done") this.#waiting = false;
      if (this.#out.length > this.#pieceBytes()) this.#flush();
      this.#backlogged = session.replies.waitingBytes > OUTPUT_PAUSE_BYTES;
    }
  }

  #putOff(): void {
    this.#isPutOff = true;
    this.#inputBytes = 0;
    this.#parts.share.putOff(this);
  }

  goOn(): void {
    this.#isPutOff = false;
    this.#process();
  }

  #readAhead(): void {
    this.session.expect(this.#decoder.readAhead(AHEAD_COUNT));
  }

  #failed(error: unknown): void {
    if (!(error instanceof ProtocolError)) {
      this.#parts.host.onBug(error);
      return;
    }
    this.session.sendReply(new ErrorReply(error.reply.text));
    this.closeAfterFlush();
  }

  #isReady(): boolean {
    if (this.#waiting || this.#isStopped || this.#isPutOff) return false;
    if (this.#long.waitingBytes > OUTPUT_PAUSE_BYTES) return false;
    return this.#drained && !this.#backlogged && !this.#closing;
  }

  /** Reads on while more input could be used, and a little further while a command waits. */
  #regulate(): void {
    const { socket } = this;
    const reads = this.#isReady() || this.#ended || this.#mayReadAhead();
    if (reads && socket.isPaused()) socket.resume();
    else if (!reads && !socket.isPaused()) socket.pause();
  }

  /** Nobody learns of the end of a connection that he does not read. */
  #mayReadAhead(): boolean {
    if (!this.#waiting || !this.#drained || this.#backlogged || this.#closing) return false;
    return this.#decoder.bufferedBytes < READ_AHEAD_BYTES;
  }

  // Output

  write(bytes: Encoded): void {
    const { hardBytes } = this.#outputLimits();
    const unsent = this.#out.length + bytes.length + this.#unsentBytes();
    if (hardBytes !== 0 && unsent > hardBytes) {
      this.#overOutputLimit();
      return;
    }
    if (typeof bytes !== "string" || bytes.length > LONG_BYTES || !this.#long.isEmpty) {
      this.#writeOut();
      this.#long.add(bytes);
      this.#noteSoon();
    } else {
      if (this.#out.length + bytes.length > OUTPUT_STRING_BYTES_MAX) this.#writeOut();
      this.#out += bytes;
    }
    if (this.#processing) return;
    if (this.#out.length > this.#pieceBytes()) this.#flush();
    else this.#flushSoon();
    if (!this.#backlogged || this.session.replies.waitingBytes > OUTPUT_PAUSE_BYTES) return;
    this.#backlogged = false;
    // Not at once: the pipeline is in the middle of releasing replies.
    this.#parts.host.clock.turnEnd(() => this.#process());
  }

  /** What others make it wait for may be too much; but nobody is closed in the middle of a command. */
  #noteSoon(): void {
    const { memory } = this.#parts;
    if (memory.isBounded) queueMicrotask(() => memory.note(this));
  }

  /** One write for all that one event brings: a publisher's pipeline may mean many messages. */
  #flushSoon(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    if (unflushed.length === 0) queueMicrotask(flushAll);
    unflushed.push(this);
  }

  flushNow(): void {
    this.#flushAsked = false;
    if (this.#out === "") return;
    try {
      this.#flush();
    } catch (error) {
      this.#parts.host.onBug(error);
    }
  }

  #flush(): void {
    this.#writeOut();
    if (this.#closing && this.session.replies.isEmpty && this.#long.isEmpty) this.#end();
  }

  /** Something of a long reply has left. */
  #hasSent(): void {
    if (this.#ended) return;
    this.#lastOutputMs = this.#parts.host.clock.nowMs();
    this.checkOutputLimit();
    if (this.#parts.memory.isBounded) this.#parts.memory.note(this);
    if (this.#closing) this.#flush();
    else if (this.#isReady()) this.#process();
  }

  #writeOut(): void {
    const out = this.#out;
    if (out === "") return;
    this.#out = "";
    if (this.socket.destroyed) return;
    this.#parts.stats.totalNetOutputBytes += out.length;
    send(this.socket, this.#descriptor, out);
    if (this.socket.writableLength > OUTPUT_PAUSE_BYTES) this.#drained = false;
    if (this.socket.writableLength > 0 && this.#parts.memory.isBounded)
      this.#parts.memory.note(this);
    this.#lastOutputMs = this.#parts.host.clock.nowMs();
    this.checkOutputLimit();
  }

  #outputLimits(): OutputLimits {
    const { output } = this.#parts.limits;
    const { session } = this;
    return session.subscriptionCount > 0 || session.isMonitor ? output.pubsub : output.normal;
  }

  /** With a hard limit nothing is sent before it is known whether all of it may be. */
  #pieceBytes(): number {
    const { hardBytes } = this.#outputLimits();
    return hardBytes === 0 ? OUTPUT_PIECE_BYTES : Math.min(hardBytes, OUTPUT_STRING_BYTES_MAX);
  }

  /** Also called now and then: a client that takes nothing may be sent nothing either. */
  checkOutputLimit(): void {
    const unsent = this.#unsentBytes();
    if (unsent === 0) {
      this.#softSinceMs = 0;
      return;
    }
    const limits = this.#outputLimits();
    const nowMs = this.#parts.host.clock.nowMs();
    if (limits.softBytes === 0 || unsent <= limits.softBytes) this.#softSinceMs = 0;
    else if (this.#softSinceMs === 0) this.#softSinceMs = nowMs;
    const overHard = limits.hardBytes !== 0 && unsent > limits.hardBytes;
    const overSoft = this.#softSinceMs !== 0 && nowMs - this.#softSinceMs >= limits.softMs;
    if (overHard || overSoft) this.#overOutputLimit();
  }

  #overOutputLimit(): void {
    if (this.socket.destroyed) return;
    this.#parts.stats.clientOutputBufferLimitDisconnections++;
    this.close();
  }

  #onDrain(): void {
    this.#drained = true;
    this.#process();
  }

  // The end

  /** The client will send no more; what it has sent is still answered. */
  #onEnd(): void {
    this.#inputEnded = true;
    // What waits for the disk is answered; what waits for somebody else would be done for nobody.
    if (this.session.waits.isHeldBack) this.close();
    else this.#process();
  }

  /** No more commands are begun: the server stops. What runs or waits is still answered. */
  stopTaking(): void {
    this.#isStopped = true;
    this.#regulate();
  }

  /** Closes once everything that was asked is answered. */
  closeAfterFlush(): void {
    this.#closing = true;
    if (!this.#processing) this.#flush();
  }

  /**
   * Ends our side. The client gets a moment to do the same: closing on input that nobody has read
   * would reset the connection, and could take our last words with it.
   */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.session.hasEnded();
    const { socket } = this;
    socket.end(() => {
      this.#parts.host.clock.after(LINGER_MS, () => socket.destroy());
    });
    socket.resume();
  }

  /** Law 9, or a limit: closes at once, unanswered. */
  abandon(): void {
    this.close();
  }

  close(): void {
    this.#closing = true;
    this.#ended = true;
    this.#out = "";
    this.#long.drop();
    // Not when the socket says that it is closed: until then something might be taken for it.
    this.session.waits.stop();
    this.socket.destroy();
  }

  #onClosed(): void {
    this.#closing = true;
    this.#ended = true;
    this.#long.drop();
    this.#decoder.close();
    this.#parts.memory.forget(this);
    this.session.closed();
    this.#parts.onClose(this);
  }
}

/** Connections with output that waits for the end of the event: one microtask serves them all. */
let unflushed: Connection[] = [];

function flushAll(): void {
  const connections = unflushed;
  unflushed = [];
  for (const connection of connections) connection.flushNow();
}

/** As Redis writes it: IPv6 in brackets, IPv4 plain even when it came in through IPv6. */
function addressOf(address = "", port = 0): Bytes {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}
