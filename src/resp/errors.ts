// Refusals: the errors that a command, or malformed input, gets for an answer. The whole list, with
// what to do about each, is the table in error-table.ts, from which docs/errors.md is written.
//
// A handler refuses by throwing a CommandError. Frequent refusals are shared constants, because
// capturing a stack costs more than the rest of the command; the others are made where they are
// thrown, without a stack.

import type { Bytes } from "../base/bytes.ts";
import { ErrorReply } from "./reply.ts";

export { ERROR_TABLE, rowOf, type ErrorRow } from "./error-table.ts";

/** The client's fault or the state of its data; becomes exactly one error reply. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly reply: ErrorReply;

  constructor(text: Bytes) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(text);
    Error.stackTraceLimit = limit;
    this.reply = new ErrorReply(text);
  }
}

/** Input that is not RESP: the reply is sent and the connection closed, for what follows is lost. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly reply: ErrorReply;

  constructor(what: Bytes) {
    super(what);
    this.reply = new ErrorReply(`ERR Protocol error: ${what}`);
  }
}

export const WRONG_TYPE = new CommandError(
  "WRONGTYPE Operation against a key holding the wrong kind of value",
);
export const SYNTAX_ERROR = new CommandError("ERR syntax error");
export const NOT_AN_INTEGER = new CommandError("ERR value is not an integer or out of range");
export const NOT_A_FLOAT = new CommandError("ERR value is not a valid float");
export const NO_SUCH_KEY = new CommandError("ERR no such key");
export const OUT_OF_RANGE = new CommandError("ERR index out of range");
export const INVALID_DB_INDEX = new CommandError("ERR DB index is out of range");
export const STRING_TOO_LONG = new CommandError(
  "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
);
export const INCREMENT_OVERFLOW = new CommandError("ERR increment or decrement would overflow");

export function wrongArity(commandName: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${commandName}' command`);
}

export function invalidExpireTime(commandName: string): CommandError {
  return new CommandError(`ERR invalid expire time in '${commandName}' command`);
}

// Storage failures, law 8. Every one of these says that the write was certainly not applied; when
// that is not known, nothing is answered and the connection is closed (law 9).

/** A write stall: it passes by itself. */
export function tryAgain(engineWords: Bytes, retryMs: number): ErrorReply {
  return new ErrorReply(`TRYAGAIN ${engineWords}; retry in ${retryMs} ms`);
}

/** No space, I/O error, corruption: it does not pass until an operator does what `advice` says. */
export function misconfigured(engineWords: Bytes, advice: Bytes): ErrorReply {
  return new ErrorReply(`MISCONF ${engineWords}; ${advice}`);
}

export function readOnly(words: Bytes): ErrorReply {
  return new ErrorReply(`READONLY ${words}`);
}

export function batchTooLarge(words: Bytes): ErrorReply {
  return new ErrorReply(`ERR write batch too large: ${words}`);
}

/** For a transaction, or an element of it, whose commit was refused; `retryMs` null when it is no stall. */
export function transactionDiscarded(words: Bytes, retryMs: number | null): ErrorReply {
  const retry = retryMs === null ? "" : `; retry in ${retryMs} ms`;
  return new ErrorReply(`EXECABORT Transaction discarded because of: ${words}${retry}`);
}
