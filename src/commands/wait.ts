// What a command that blocks gives back while there is nothing for it: on which keys it waits, until when,
// and what it will be. The session waits (session/blocked.ts); inside EXEC and scripts nobody waits, and
// the answer is `atOnce`.

import type { Bytes } from "../base/bytes.ts";
import type { Record } from "../keyspace/record.ts";
import { CommandError } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { parseDouble, parseInteger } from "../types/number.ts";

export interface WaitParts {
  readonly keys: readonly Bytes[];
  /** Only a key that holds this kind ends the wait. */
  readonly kind: Record["kind"];
  /** 0 for ever. */
  readonly timeoutMs: number;
  /** The answer when the time is over. */
  readonly timedOut: Reply;
  /** The answer where nobody waits; as `timedOut` if not given. */
  readonly atOnce?: Reply;
  /**
   * What is run when one of the keys has changed: the command as sent, or with what it must remember
   * (the ids that "$" meant). If that gives a Wait again, this one stands, place and timeout included.
   */
  readonly again: readonly Bytes[];
  /** Whether it is also run when a key goes or becomes another kind, to answer an error. */
  readonly wakesOnRemoval: boolean;
}

export class Wait {
  readonly keys: readonly Bytes[];
  readonly kind: Record["kind"];
  readonly timeoutMs: number;
  readonly timedOut: Reply;
  readonly atOnce: Reply;
  readonly again: readonly Bytes[];
  readonly wakesOnRemoval: boolean;

  constructor(parts: WaitParts) {
    this.keys = parts.keys;
    this.kind = parts.kind;
    this.timeoutMs = parts.timeoutMs;
    this.timedOut = parts.timedOut;
    this.atOnce = parts.atOnce === undefined ? parts.timedOut : parts.atOnce;
    this.again = parts.again;
    this.wakesOnRemoval = parts.wakesOnRemoval;
  }
}

const NOT_A_FLOAT = new CommandError("ERR timeout is not a float or out of range");
const NEGATIVE = new CommandError("ERR timeout is negative");
const OUT_OF_RANGE = new CommandError("ERR timeout is out of range");
/** What is left of 64 bits of milliseconds when the date is taken from them, about. */
const TIMEOUT_MS_MAX = 2 ** 63 - 2 ** 41;

/** A timeout in seconds, perhaps with a fraction, as milliseconds; 0 for ever. Throws CommandError. */
export function parseTimeout(text: Bytes): number {
  const seconds = parseDouble(text);
  if (seconds === null) throw NOT_A_FLOAT;
  const milliseconds = Math.ceil(seconds * 1000);
  if (milliseconds < 0) throw NEGATIVE;
  if (milliseconds > TIMEOUT_MS_MAX) throw OUT_OF_RANGE;
  // Of -0.0001 the ceiling is minus zero.
  return milliseconds + 0;
}

const NOT_AN_INTEGER = new CommandError("ERR timeout is not an integer or out of range");

/** A timeout in whole milliseconds, 0 for ever. Throws CommandError. */
export function parseTimeoutMs(text: Bytes): number {
  const milliseconds = parseInteger(text);
  if (milliseconds === null) throw NOT_AN_INTEGER;
  if (milliseconds < 0) throw NEGATIVE;
  if (milliseconds > TIMEOUT_MS_MAX) throw OUT_OF_RANGE;
  return Number(milliseconds);
}

/** What a command answers where nobody waits. */
export function answerAtOnce(outcome: Reply | Wait): Reply {
  return outcome instanceof Wait ? outcome.atOnce : outcome;
}
