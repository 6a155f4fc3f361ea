// A reading command that takes long, run elsewhere (commit/long-reads.ts): what is asked of who runs it, and what becomes
// of his answer. To the client it is a command like any other that waits.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Command } from "../commands/lookup.ts";
import type { Args } from "../commands/table.ts";
import { STAY, type LentMoment, type Stay } from "../commit/long-reads.ts";
import type { Limits } from "../keyspace/view.ts";
import type { Encoded } from "../resp/long-reply.ts";
import { ErrorReply } from "../resp/reply.ts";
import type { Session } from "./session.ts";

/** All that the handler goes by. */
export interface ReadJob {
  /** By which the moment is borrowed. */
  readonly loan: number;
  /** The full name, before `rename-command`. */
  readonly command: string;
  readonly args: Args;
  readonly databaseIndex: number;
  readonly databaseCount: number;
  readonly protocol: 2 | 3;
  readonly nowMs: number;
  readonly limits: Limits;
  readonly isClustered: boolean;
  /** What its chance begins with. */
  readonly seed: number;
}

export type ReadEnd =
  /** `error`: what INFO counts, when the reply is one. */
  | {
      readonly kind: "reply";
      readonly bytes: Encoded;
      readonly error: Bytes | null;
      readonly microseconds: number;
    }
  /** It would do more than read. */
  | { readonly kind: "stay" }
  /** It was stopped, or has ended by itself: the reason, as an error reply. */
  | { readonly kind: "ended"; readonly why: Bytes };

export interface Reading {
  readonly end: Promise<ReadEnd>;
  /** Nobody waits for it any more; `end` settles all the same. */
  stop(): void;
}

export interface LongReader {
  start(job: ReadJob): Reading;
  /** Ends all that runs. */
  close(): void;
}

const SEED_LIMIT = 2 ** 32;

export async function readElsewhere(
  session: Session,
  call: { readonly command: Command; readonly args: Args },
  { loan, nowMs }: LentMoment,
): Promise<Encoded | null | Stay> {
  const { command, args } = call;
  const { reader, pipeline } = session.host;
  if (session.isClosed || reader === null) {
    loan.takeBack();
    return session.isClosed ? null : STAY;
  }
  const { keyspace, view } = pipeline;
  const reading = reader.start({
    loan: loan.number,
    command: command.name,
    args,
    databaseIndex: session.databaseIndex,
    databaseCount: keyspace.databases.length,
    protocol: session.protocol,
    nowMs,
    limits: view.limits,
    isClustered: view.isClustered,
    seed: view.random.below(SEED_LIMIT),
  });
  session.reading = reading;
  const end = await reading.end;
  loan.takeBack();
  assert(session.reading === reading, "one command at a time");
  session.reading = null;
  if (session.isClosed) return null;
  return answer(session, call, end);
}

function answer(
  session: Session,
  { command, args }: { readonly command: Command; readonly args: Args },
  end: ReadEnd,
): Encoded | null | Stay {
  switch (end.kind) {
    case "stay":
      return STAY;
    case "ended": {
      session.noteCall(command, args, { isError: true, microseconds: 0, hasWaited: true });
      const bytes = session.encodeReply(new ErrorReply(end.why));
      return bytes === "" ? null : bytes;
    }
    case "reply": {
      const { bytes, error, microseconds } = end;
      if (error !== null) session.host.onErrorReply(error);
      session.noteCall(command, args, { isError: error !== null, microseconds, hasWaited: true });
      return session.replyMode === "on" ? bytes : null;
    }
    default:
      throw new TypeError("an end that no reading has");
  }
}
