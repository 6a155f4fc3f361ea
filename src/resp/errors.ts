// The errors a client can meet, in one table: docs/errors.md is written from it.
//
// A handler refuses by throwing a CommandError. Frequent refusals are shared constants, because
// capturing a stack costs more than the rest of the command; made-up ones go through `refuse`.

import type { Bytes } from "../base/bytes.ts";
import { ErrorReply } from "./reply.ts";

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
