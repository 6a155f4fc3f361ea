// The unit of one plain data command, and what its reply is while it waits for a batch: a write is
// refused with it (law 5), a read that saw what was undone is read again (law 6).

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { keysToLoad } from "../commands/key-positions.ts";
import { arityFits, stores, type Command } from "../commands/lookup.ts";
import type { Args, ViewCommand } from "../commands/table.ts";
import { Wait } from "../commands/wait.ts";
import type { LentMoment, Stay } from "../commit/long-reads.ts";
import type { HeldReply } from "../commit/reply-queue.ts";
import { plainError, type Failure } from "../commit/settle.ts";
import type { KeyOf, LoadCold, Unit } from "../commit/unit.ts";
import type { Database } from "../keyspace/keyspace.ts";
import type { View } from "../keyspace/view.ts";
import type { Encoded } from "../resp/long-reply.ts";
import type { ErrorReply, Reply } from "../resp/reply.ts";
import { readElsewhere } from "./long-reader.ts";
import type { Session } from "./session.ts";
import { keysRead } from "./tracking.ts";

/** One per session, used again for each command. */
export class SingleUnit implements Unit {
  readonly client: Session;
  countLookups = false;
  mayLeave = false;
  #command: Command | null = null;
  #row: ViewCommand | null = null;
  #args: Args = [];

  constructor(session: Session) {
    this.client = session;
  }

  prepare(command: Command, row: ViewCommand, args: Args): this {
    this.#command = command;
    this.#row = row;
    this.#args = args;
    this.countLookups = command.isReadonly;
    // Who is tracked keeps copies: he would be told of a change before he has what it makes old.
    this.mayLeave = command.mayLeave && this.client.tracking === null && !stores(command, args);
    return this;
  }

  run(view: View): Encoded | null {
    const session = this.client;
    const command = this.#command;
    const row = this.#row;
    assert(command !== null && row !== null);
    const startUs = session.host.clock.monotonicUs();
    const reply = session.tryData(row, this.#args, view);
    if (reply instanceof Wait) {
      session.waits.block({ command, row, args: this.#args, wait: reply, startUs });
      return null;
    }
    session.countCall(command, this.#args, { reply, startUs });
    if (session.tracking !== null) session.host.tracking.remember(session, command, this.#args);
    const bytes = session.encodeReply(reply);
    return bytes === "" ? null : bytes;
  }

  runElsewhere(moment: LentMoment): Promise<Encoded | null | Stay> {
    const command = this.#command;
    assert(command !== null);
    return readElsewhere(this.client, { command, args: this.#args }, moment);
  }

  async runLong(view: View, load: LoadCold): Promise<Encoded | null> {
    const session = this.client;
    const command = this.#command;
    const row = this.#row;
    assert(command !== null && row?.kind === "script");
    const args = this.#args;
    const startUs = session.host.clock.monotonicUs();
    const reply = await session.scripts.runLong({ row, args }, view, load);
    session.countCall(command, args, { reply, startUs, hasWaited: true });
    const bytes = session.encodeReply(reply);
    return bytes === "" ? null : bytes;
  }

  hold(batch: number, bytes: Encoded, wrote: boolean): HeldReply {
    const row = this.#row;
    const command = this.#command;
    assert(row !== null && command !== null);
    return heldReply(this.client, { command, row, args: this.#args }, { batch, bytes, wrote });
  }

  failed(failure: Failure): Encoded {
    return this.client.encodeReply(plainError(failure));
  }

  keysWanted(): KeyOf[] {
    assert(this.#row !== null);
    const { database } = this.client;
    return keysToLoad(this.#row, this.#args).map((key) => ({ database, key }));
  }

  *keysAhead(): Generator<KeyOf> {
    const { database, host } = this.client;
    for (const args of this.client.commandsAhead()) {
      const row = host.commands.named(args[0] ?? "")?.row;
      if (row === undefined || row.kind === "container") continue;
      if (!arityFits(row.arity, args.length)) continue;
      for (const key of keysToLoad(row, args)) yield { database, key };
    }
  }
}

export function heldReply(
  session: Session,
  call: { readonly command: Command; readonly row: ViewCommand; readonly args: Args },
  held: { readonly batch: number; readonly bytes: Encoded; readonly wrote: boolean },
): HeldReply {
  const { batch, bytes } = held;
  const { command, row, args } = call;
  if (held.wrote || !command.isReadonly) return new HeldWrite(session, batch, bytes);
  const isTracked =
    session.tracking !== null && session.host.tracking.wantsToKnow(session, command);
  return new HeldRead(session, {
    batch,
    bytes,
    row,
    args,
    keys: isTracked ? keysRead(command, args) : [],
  });
}

/** The reply of a command that wrote: refused with its batch (law 5). */
class HeldWrite implements HeldReply {
  readonly batch: number;
  readonly #session: Session;
  readonly #bytes: Encoded;

  constructor(session: Session, batch: number, bytes: Encoded) {
    this.#session = session;
    this.batch = batch;
    this.#bytes = bytes;
  }

  committed(): Encoded {
    return this.#bytes;
  }

  refused(failure: Failure): Encoded {
    // An error is the same in both protocols.
    return this.#session.encodeRefused(plainError(failure), 2);
  }
}

interface Read {
  readonly batch: number;
  readonly bytes: Encoded;
  readonly row: ViewCommand;
  readonly args: Args;
  /** What the client may keep a copy of, if it is tracked. */
  readonly keys: readonly Bytes[];
}

/** The reply of a read that saw uncommitted writes: read again when they are undone (law 6). */
class HeldRead implements HeldReply {
  readonly batch: number;
  readonly #session: Session;
  readonly #protocol: 2 | 3;
  readonly #database: Database;
  readonly #read: Read;

  constructor(session: Session, read: Read) {
    this.#session = session;
    this.#protocol = session.protocol;
    this.#database = session.database;
    this.batch = read.batch;
    this.#read = read;
  }

  committed(): Encoded {
    const { bytes, keys } = this.#read;
    if (keys.length > 0) this.#session.host.tracking.note(this.#session, keys);
    return bytes;
  }

  refused(failure: Failure): Encoded {
    const { row, args, keys } = this.#read;
    const session = this.#session;
    if (keys.length > 0) session.host.tracking.note(session, keys);
    const error = plainError(failure);
    const again = session.host.pipeline.readAgain(this.#database, (view) =>
      session.encodeAgain(readNow(session.tryData(row, args, view), error), this.#protocol),
    );
    return again ?? session.encodeRefused(error, this.#protocol);
  }
}

/** Who was ready to wait is not told that he has waited: it is the write he saw that is gone. */
function readNow(outcome: Reply | Wait, error: ErrorReply): Reply {
  return outcome instanceof Wait ? error : outcome;
}
