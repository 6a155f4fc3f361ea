// What a command answers that threw, or whose reply is too large to be sent.

import { plainError, readFailure } from "../commit/settle.ts";
import { CommandError } from "../resp/errors.ts";
import { isLong, LongReply, type Encoded } from "../resp/long-reply.ts";
import { ErrorReply, type Reply } from "../resp/reply.ts";
import { encode } from "../resp/writer.ts";

/** How V8 says that no string, array or buffer can be that large. */
const NO_SUCH_SIZE =
  /^(Invalid (string|array|typed array) length|Array buffer allocation failed|Invalid count value)/;
const RESULT_TOO_LARGE = new ErrorReply(
  "ERR what this command would make is larger than the machine can hold",
);
const REPLY_BYTES_MAX = 512 * 1024 * 1024;
const REPLY_TOO_LONG = new ErrorReply(
  "ERR the reply is longer than 512 MB; ask for less at a time, with SCAN, ranges or fewer keys",
);

/** A reply beyond all reason is refused: the command has run, and its answer says what is so. */
export function encodeBounded(reply: Reply, protocol: 2 | 3): Encoded {
  if (!isLong(reply)) return encode(reply, protocol);
  const long = new LongReply(reply, protocol);
  return long.length > REPLY_BYTES_MAX ? encode(REPLY_TOO_LONG, protocol) : long;
}

/** What a handler that threw answers; null when it is no answer (a cold read, our own bug). */
export function refusalOf(error: unknown): ErrorReply | null {
  if (error instanceof CommandError) return error.reply;
  if (error instanceof RangeError && NO_SUCH_SIZE.test(error.message)) return RESULT_TOO_LARGE;
  const failure = readFailure(error);
  return failure === null ? null : plainError(failure);
}
