// The request decoder: bytes from a socket in, commands out.
//
// A request is an array of bulk strings (*2\r\n$3\r\nGET\r\n$1\r\na\r\n) or an inline command (one
// line, split in inline.ts). What is accepted, what is skipped and what each refusal says is Redis
// 7.2's. Every split of the same bytes gives the same commands and the same refusal.
//
// Memory follows the bytes received, never a length announced: an array of arguments starts small,
// and a bulk string is gathered in a buffer that doubles. Time is linear in the bytes received, in
// whatever pieces they come: no byte is searched twice, and each is copied a bounded number of times.
//
// Bytes are read where they arrive. What a chunk leaves over (a part of a header or of an argument)
// is copied into a small buffer of our own, and the next chunk gives just what completes that item;
// the rest of it is again read in place. An argument of megabytes is gathered by whoever can make a string of it without
// another copy (Gathering): copying it at its end would hold the event loop. Each argument becomes a string with its own memory: a
// substring of a decoded chunk would be cheaper to make, but would keep the whole chunk alive for as
// long as a cached key or value lives (bench/resp.ts has the figures).

import { constants } from "node:buffer";

import type { Bytes } from "../base/bytes.ts";
import { ProtocolError } from "./errors.ts";
import { splitInline } from "./inline.ts";

/** Read anew at each use, so that CONFIG SET acts on open connections. */
export interface DecoderLimits {
  /** proto-max-bulk-len: the longest argument, in bytes. */
  readonly bulkBytesMax: number;
}

/** Makes a string of what it is given piece by piece. */
export interface Gathering {
  append(bytes: Buffer, from: number, to: number): void;
  /** What was given; it is used no more. */
  take(): Bytes;
  /** Instead of `take`: its memory is given back. */
  drop(): void;
}

/** For a string of so many bytes. */
export type Gather = (length: number) => Gathering;

/** A header or an inline command must end within this many bytes. */
export const LINE_BYTES_MAX = 64 * 1024;
/** The most arguments one command may have, as in Redis 7. */
export const ARGUMENT_COUNT_MAX = 0x7fff_ffff;
/** V8 can make no longer string; proto-max-bulk-len beyond it has no effect. */
export const ARGUMENT_BYTES_MAX = constants.MAX_STRING_LENGTH;
/** Arguments from this length on are gathered. */
export const LONG_ARGUMENT_BYTES = 1024 * 1024;
export const UNAUTHENTICATED_COUNT_MAX = 10;
export const UNAUTHENTICATED_BYTES_MAX = 16_384;

/** Room is made for this many arguments ahead; it saves a third of the time of a short command. */
const COUNT_PREALLOCATED_MAX = 64;
/** What an argument of an unfinished command is taken to cost besides its bytes. */
const ARGUMENT_OVERHEAD = 16;
const OWN_BYTES_MIN = 256;
/** A buffer of our own that has been emptied is kept for the next time up to this size. */
const OWN_BYTES_KEPT = 1024;

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const STAR = 42;
const MINUS = 45;
const ZERO = 48;

// What #length answers besides a length; a valid negative length is answered as NEGATIVE.
const NEGATIVE = -1;
const UNFINISHED = -2;
const INVALID = -3;
const NONE = Buffer.alloc(0);
const NO_ARGS: Bytes[] = [];
const NOTHING_AHEAD: Bytes[][] = [];

/**
 * Use: `push` a chunk, then call `next` until it answers null, then push the next chunk.
 *
 * The chunk is lent: it must not change until `next` has answered null or thrown, or `keep` was
 * called. A caller that stops early (back-pressure) keeps its place: it may go on calling `next`
 * later, and may push more meanwhile; it calls `keep` before the memory of a chunk is used again.
 */
export class Decoder {
  /** While set, the client has yet to authenticate and may send small commands only. */
  restricted = false;

  readonly #limits: DecoderLimits;
  // The bytes to read are #buffer from #position to #end, then all of #following. #buffer is a chunk
  // or #own; something follows only while it is #own.
  #buffer: Buffer = NONE;
  #position = 0;
  #end = 0;
  #own: Buffer = NONE;
  #following: Buffer = NONE;
  /** From #position to here the line being read is known not to end. */
  #searched = 0;
  /** The command being read: its arguments, how many came, how many are to come, what they cost. */
  #args: Bytes[] = NO_ARGS;
  #count = 0;
  #missing = 0;
  #argsCost = 0;
  /** The length of the argument being read; -1 while its header has yet to be read. */
  #bulkLength = -1;
  /** Of an argument that is gathered, and how much of it has been. */
  #gathering: Gathering | null = null;
  #gathered = 0;
  readonly #gather: Gather | null;
  #failed = false;
  /** Commands that `readAhead` has decoded, which of them is the next, and what they took of the input. */
  #ahead: Bytes[][] = NOTHING_AHEAD;
  #aheadAt = 0;
  #aheadBytes = 0;
  /** What stands behind them in place of a command. */
  #aheadError: ProtocolError | null = null;

  /** Without `gather`, long arguments are copied as all others are. */
  constructor(limits: DecoderLimits, gather: Gather | null = null) {
    this.#limits = limits;
    this.#gather = gather;
  }

  /** What is held for commands `next` has not answered yet; for client-query-buffer-limit. */
  get bufferedBytes(): number {
    return this.#undecodedBytes() + this.#argsCost + this.#aheadBytes + this.#gathered;
  }

  #undecodedBytes(): number {
    return this.#end - this.#position + this.#following.length;
  }

  /** The same, and what is announced of the argument being read: it will be held before the command can run. */
  get claimedBytes(): number {
    return Math.max(this.bufferedBytes, this.#argsCost + Math.max(0, this.#bulkLength));
  }

  push(chunk: Buffer): void {
    if (this.#failed || chunk.length === 0) return;
    if (this.#position === this.#end && this.#following.length === 0) {
      this.#startOn(chunk);
      return;
    }
    this.keep();
    const wanted = Math.min(this.#wanted(chunk), chunk.length);
    this.#append(chunk, wanted);
    if (wanted < chunk.length) this.#following = chunk.subarray(wanted);
  }

  /** Copies what remains of lent chunks into our own memory. */
  keep(): void {
    const following = this.#following;
    this.#following = NONE;
    const lent = this.#buffer !== this.#own && this.#position < this.#end;
    if (lent || following.length > 0) this.#append(following, following.length);
  }

  /**
   * The next complete command, its name first, or null when more bytes are needed. Throws
   * ProtocolError when the input is malformed, once: then everything is dropped and nothing more is
   * read, and the caller sends the error's reply and closes.
   */
  next(): Bytes[] | null {
    if (this.#ahead.length > 0) return this.#nextOfAhead();
    const error = this.#aheadError;
    if (error === null) return this.#decode();
    this.#aheadError = null;
    throw error;
  }

  /** Whether there is more to read than `next` has answered, none of it decoded yet. */
  get mayReadAhead(): boolean {
    return this.#position < this.#end && this.#ahead.length === 0;
  }

  /**
   * Decodes what `next` will answer, `count` commands at most, as far as they are here whole: for who can make
   * use of knowing what comes behind a command. What is malformed, `next` will throw in its turn.
   */
  readAhead(count: number): readonly (readonly Bytes[])[] {
    const ahead: Bytes[][] = [];
    const heldBefore = this.bufferedBytes;
    try {
      while (ahead.length < count) {
        const args = this.#decode();
        if (args === null) break;
        ahead.push(args);
        this.#aheadBytes = heldBefore - this.#undecodedBytes();
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#aheadError = error;
    }
    this.#ahead = ahead;
    this.#aheadAt = 0;
    return ahead;
  }

  /** What `next` will answer, as far as it is decoded or can be: `count` commands at most, or those left. */
  upcoming(count: number): readonly (readonly Bytes[])[] {
    if (this.#ahead.length > 0) return this.#ahead.slice(this.#aheadAt);
    return this.mayReadAhead && this.#aheadError === null ? this.readAhead(count) : NOTHING_AHEAD;
  }

  #nextOfAhead(): Bytes[] | null {
    const args = this.#ahead[this.#aheadAt++];
    if (this.#aheadAt === this.#ahead.length) {
      this.#ahead = NOTHING_AHEAD;
      this.#aheadBytes = 0;
    }
    return args ?? null;
  }

  #decode(): Bytes[] | null {
    for (;;) {
      const args = this.#missing > 0 ? this.#readArguments() : this.#readStart();
      if (args !== null) return args;
      if (!this.#refill()) return null;
    }
  }

  /** A command from its first byte; null when #buffer does not hold all of it. */
  #readStart(): Bytes[] | null {
    const buffer = this.#buffer;
    const end = this.#end;
    for (;;) {
      const position = this.#position;
      if (position === end) return null;
      if (at(buffer, position) !== STAR) {
        const inline = this.#readInline();
        if (inline === null || inline.length > 0) return inline;
        continue;
      }
      let count = UNFINISHED;
      if (position + 4 <= end && at(buffer, position + 2) === CR) {
        count = at(buffer, position + 1) - ZERO;
      }
      if (count > 0 && count <= 9) this.#position = position + 4;
      else count = this.#readCount();
      if (count === UNFINISHED) return null;
      if (count <= 0) continue; // as in Redis: no command, no reply
      this.#missing = count;
      // oxlint-disable-next-line unicorn/no-new-array -- Array.from is many times slower
      this.#args = count <= COUNT_PREALLOCATED_MAX ? new Array<Bytes>(count) : [];
      this.#count = 0;
      return this.#readArguments();
    }
  }

  #readArguments(): Bytes[] | null {
    const buffer = this.#buffer;
    const end = this.#end;
    const args = this.#args;
    const countBefore = this.#count;
    const gatheredBefore = this.#gathered;
    const start = this.#position;
    let length = this.#bulkLength;
    let count = countBefore;
    let missing = this.#missing;
    while (missing > 0) {
      if (length < 0) {
        length = this.#readBulkHeader();
        if (length < 0) break;
      }
      if (length >= LONG_ARGUMENT_BYTES && this.#gather !== null) {
        const text = this.#readLong(length, this.#gather);
        if (text === null) break;
        args[count++] = text;
        length = -1;
        missing--;
        continue;
      }
      const position = this.#position;
      const after = position + length;
      if (after + 2 > end) break;
      const isName = count === 0;
      args[count++] = isName
        ? nameAt(buffer, position, length)
        : buffer.latin1Slice(position, after);
      this.#position = after + 2; // Redis does not look at these two bytes either
      length = -1;
      missing--;
    }
    this.#count = count;
    this.#missing = missing;
    this.#bulkLength = Math.max(-1, length);
    if (missing === 0) {
      this.#args = NO_ARGS;
      this.#argsCost = 0;
      return args;
    }
    const added = count - countBefore;
    if (added === 0) return null;
    const bytes = this.#position - start + gatheredBefore - this.#gathered;
    this.#argsCost += bytes + added * ARGUMENT_OVERHEAD;
    return null;
  }

  /** Null while not all of it has come. */
  #readLong(length: number, gather: Gather): Bytes | null {
    const position = this.#position;
    const part = Math.min(length - this.#gathered, this.#end - position);
    this.#gathering ??= gather(length);
    this.#gathering.append(this.#buffer, position, position + part);
    this.#gathered += part;
    this.#position += part;
    if (this.#gathered < length || this.#position + 2 > this.#end) return null;
    this.#position += 2;
    const text = this.#gathering.take();
    this.#endGathering();
    return text;
  }

  /** Nothing more will come: what waits for the rest of a long argument is given back at once, not by V8 some day. */
  close(): void {
    this.#gathering?.drop();
    this.#endGathering();
  }

  #endGathering(): void {
    this.#gathering = null;
    this.#gathered = 0;
  }

  /** The number after the star, UNFINISHED, or NEGATIVE for all below zero; never INVALID. */
  #readCount(): number {
    const lineEnd = this.#lineEnd(CR, "too big mbulk count string");
    if (lineEnd < 0 || lineEnd + 2 > this.#end) return UNFINISHED;
    const count = numberAt(this.#buffer, this.#position + 1, lineEnd);
    if (count === INVALID || count > ARGUMENT_COUNT_MAX) this.#fail("invalid multibulk length");
    if (this.restricted && count > UNAUTHENTICATED_COUNT_MAX) {
      this.#fail("unauthenticated multibulk length");
    }
    this.#position = lineEnd + 2;
    return count;
  }

  /** The number after the dollar, or UNFINISHED. */
  #readBulkHeader(): number {
    const buffer = this.#buffer;
    const position = this.#position;
    // One and two digits are nearly all there is.
    if (position + 5 <= this.#end && at(buffer, position) === DOLLAR) {
      const first = at(buffer, position + 1) - ZERO;
      const second = at(buffer, position + 2) - ZERO;
      if (first > 0 && first <= 9) {
        if (second === CR - ZERO) {
          this.#position = position + 4;
          return first;
        }
        if (second >= 0 && second <= 9 && at(buffer, position + 3) === CR) {
          this.#position = position + 5;
          return this.#checkedLength(first * 10 + second);
        }
      }
    }
    return this.#readLongBulkHeader();
  }

  #readLongBulkHeader(): number {
    const lineEnd = this.#lineEnd(CR, "too big bulk count string");
    if (lineEnd < 0 || lineEnd + 2 > this.#end) return UNFINISHED;
    const first = at(this.#buffer, this.#position);
    if (first !== DOLLAR) this.#fail(`expected '$', got '${printable(first)}'`);
    const length = numberAt(this.#buffer, this.#position + 1, lineEnd);
    if (length < 0) this.#fail("invalid bulk length");
    this.#position = lineEnd + 2;
    return this.#checkedLength(length);
  }

  #checkedLength(length: number): number {
    if (length > this.#limits.bulkBytesMax || length > ARGUMENT_BYTES_MAX) {
      this.#fail("invalid bulk length");
    }
    if (this.restricted && length > UNAUTHENTICATED_BYTES_MAX) {
      this.#fail("unauthenticated bulk length");
    }
    return length;
  }

  /** The words of an inline command, none for a blank line, null for an unfinished one. */
  #readInline(): Bytes[] | null {
    const buffer = this.#buffer;
    const position = this.#position;
    const lineEnd = this.#lineEnd(LF, "too big inline request");
    if (lineEnd < 0) return null;
    const hasReturn = lineEnd > position && at(buffer, lineEnd - 1) === CR;
    const words = splitInline(buffer.subarray(position, hasReturn ? lineEnd - 1 : lineEnd));
    if (words === null) this.#fail("unbalanced quotes in request");
    this.#position = lineEnd + 1;
    return words;
  }

  /** Where the line at #position ends, or -1. */
  #lineEnd(mark: number, tooLong: string): number {
    const buffer = this.#buffer;
    const limit = Math.min(this.#end, this.#position + LINE_BYTES_MAX + 1);
    for (let index = Math.max(this.#position, this.#searched); index < limit; index++) {
      if (at(buffer, index) === mark) return index;
    }
    if (limit - this.#position > LINE_BYTES_MAX) this.#fail(tooLong);
    this.#searched = limit;
    return -1;
  }

  /** Called when #buffer does not hold another command; true when there is more to read now. */
  #refill(): boolean {
    const following = this.#following;
    this.#following = NONE;
    if (this.#position < this.#end) {
      if (following.length > 0 || this.#buffer !== this.#own) {
        this.#append(following, following.length);
      }
      return following.length > 0;
    }
    this.#startOn(following);
    return following.length > 0;
  }

  /** Reads on in `chunk`, everything before it having been read. */
  #startOn(chunk: Buffer): void {
    if (this.#own.length > OWN_BYTES_KEPT) this.#own = NONE;
    this.#buffer = chunk;
    this.#position = 0;
    this.#end = chunk.length;
    this.#searched = 0;
  }

  /** How many bytes of `chunk` complete the header or argument that was left unfinished. */
  #wanted(chunk: Buffer): number {
    if (this.#bulkLength >= 0) {
      return Math.max(0, this.#bulkLength + 2 - this.#gathered - (this.#end - this.#position));
    }
    const index = chunk.indexOf(LF);
    return index < 0 ? chunk.length : index + 1;
  }

  /** Makes #own the #buffer, holding what is left of it and then the first bytes of `chunk`. */
  #append(chunk: Buffer, byteCount: number): void {
    const source = this.#buffer;
    const rest = this.#end - this.#position;
    let target = this.#own;
    const inPlace = source === target && this.#end + byteCount <= target.length;
    if (!inPlace) {
      const needed = rest + byteCount;
      // Moving to the front is worth it only when at least as much was read as must be moved;
      // otherwise a client could make us move the same bytes again and again.
      const fits = needed <= target.length && (source !== target || rest <= this.#position);
      if (!fits) target = Buffer.allocUnsafeSlow(this.#roomFor(needed));
      source.copy(target, 0, this.#position, this.#end);
      this.#searched = Math.max(0, this.#searched - this.#position);
      this.#own = target;
      this.#buffer = target;
      this.#position = 0;
      this.#end = rest;
    }
    chunk.copy(target, this.#end, 0, byteCount);
    this.#end += byteCount;
  }

  #roomFor(needed: number): number {
    const doubled = Math.max(OWN_BYTES_MIN, needed * 2);
    if (this.#bulkLength < 0 || this.#gathering !== null) return doubled;
    return Math.max(needed, Math.min(doubled, this.#bulkLength + 2));
  }

  #fail(what: string): never {
    this.#failed = true;
    this.#own = NONE;
    this.#following = NONE;
    this.#args = NO_ARGS;
    this.#argsCost = 0;
    this.#missing = 0;
    this.close();
    this.#startOn(NONE);
    throw new ProtocolError(what);
  }
}

/** A byte the caller knows to be there; the compiler cannot. */
function at(buffer: Buffer, index: number): number {
  return buffer[index] ?? 0;
}

function printable(byte: number): Bytes {
  return byte === CR || byte === LF ? " " : String.fromCharCode(byte);
}

const DIGITS_MAX = 19;
const INT64_MAX = "9223372036854775807";
const INT64_MIN_DIGITS = "9223372036854775808";

/** A decimal as Redis takes it: no sign but minus, no leading zero, no space, within 64 bits. */
function numberAt(buffer: Buffer, from: number, to: number): number {
  const isNegative = from < to && at(buffer, from) === MINUS;
  const start = isNegative ? from + 1 : from;
  const digitCount = to - start;
  if (digitCount < 1 || digitCount > DIGITS_MAX) return INVALID;
  if (at(buffer, start) === ZERO) return digitCount === 1 && !isNegative ? 0 : INVALID;
  let value = 0;
  for (let index = start; index < to; index++) {
    const digit = at(buffer, index) - ZERO;
    if (digit < 0 || digit > 9) return INVALID;
    value = value * 10 + digit;
  }
  if (digitCount === DIGITS_MAX) {
    const digits = buffer.latin1Slice(start, to);
    if (digits > (isNegative ? INT64_MIN_DIGITS : INT64_MAX)) return INVALID;
  }
  return isNegative ? NEGATIVE : value;
}

// Making a string costs some 60 ns, looking one up 10, and there are few command names. A slot is
// overwritten by whatever falls into it, so the cache never grows.
const NAME_LENGTH_MAX = 24;
const NAME_SLOTS = 512;
const names: Bytes[] = Array.from({ length: NAME_SLOTS }, () => "");

function nameAt(buffer: Buffer, position: number, length: number): Bytes {
  if (length === 0 || length > NAME_LENGTH_MAX) {
    return buffer.latin1Slice(position, position + length);
  }
  let hash = length;
  for (let index = 0; index < length; index++) {
    hash = (Math.imul(hash, 31) + at(buffer, position + index)) | 0;
  }
  const slot = hash & (NAME_SLOTS - 1);
  const known = names[slot];
  if (known !== undefined && isAt(known, buffer, position, length)) return known;
  const name = buffer.latin1Slice(position, position + length);
  names[slot] = name;
  return name;
}

function isAt(name: Bytes, buffer: Buffer, position: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let index = 0; index < length; index++) {
    if (name.charCodeAt(index) !== at(buffer, position + index)) return false;
  }
  return true;
}
