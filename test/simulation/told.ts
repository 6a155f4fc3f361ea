// Judges each reply at the moment when it leaves the server, by what the probe knows of the batches:
//
//   1  what wrote is committed, and fsynced where that is promised; WAITAOF does not say more than is so
//   5  what was refused is told so; a read that saw only what is committed has its answer, whatever fails
//   6  nothing leaves that rests on what may still be undone: by the batch that was looked at, and for
//      logs by each value that is told
//   9  nothing is told of a batch that is in doubt

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { mustHold, type Law } from "./law.ts";
import { valuesIn } from "./logs.ts";
import type { Operation, Request } from "./operation.ts";
import { parsed, type Ran } from "./replay.ts";
import type { Batch, Fate, Run } from "./probe.ts";
import { describe, isStorageError, tellsOfRefusal } from "./storage-errors.ts";

const NOT_SETTLED: ReadonlySet<Fate> = new Set(["open", "doubt"]);

export interface ToldParts {
  /** Every commit is fsynced before it is told. */
  readonly syncs: boolean;
  /** What has run in this life of the server. */
  readonly ran: () => readonly Ran[];
  /** Where the log ends that is safe from the death of the machine. */
  readonly durableSequence: () => number;
}

export class Told {
  readonly #parts: ToldParts;
  /** Who adds which value to the logs. */
  readonly #writers = new Map<Bytes, Operation>();
  /** Operations that a WAITAOF has promised to be safe. */
  readonly durable = new Set<Operation>();

  constructor(parts: ToldParts) {
    this.#parts = parts;
  }

  said(operation: Operation): void {
    for (const { value } of operation.steps) {
      if (value !== null) this.#writers.set(value, operation);
    }
  }

  onReply(request: Request, reply: Reply): void {
    if (request.args[0] === "WAITAOF") this.#checkWaitAof(request, reply);
    this.#checkValues(request, reply);
    const { run } = request;
    if (run === null || request.replies.length > 1) return;
    if (run.wrote) this.#checkWrite(request, run, reply);
    // WATCH tells nothing of what it saw; the EXEC will.
    else if (request.args[0] !== "WATCH") checkRead(request, run, reply);
  }

  #checkWrite(request: Request, { batch }: Run, reply: Reply): void {
    const what = `${describe(request.args)} was answered`;
    mustHold(9, batch.fate !== "doubt", `${what} in doubt: ${format(reply)}`);
    if (batch.fate === "refused") {
      const law: Law = batch.wasInDoubt ? 9 : 5;
      const isTold = request.args[0] === "EXEC" ? tellsOfRefusal(reply) : isStorageError(reply);
      mustHold(law, isTold, `${what} ${format(reply)}, and was refused`);
      return;
    }
    if (reply instanceof ErrorReply) return;
    mustHold(1, batch.fate === "committed", `${what} before its commit`);
    mustHold(1, !this.#parts.syncs || batch.isSynced, `${what} before its fsync`);
  }

  /** Law 6, whatever the server thinks it has looked at: who has written what is told here? */
  #checkValues(request: Request, reply: Reply): void {
    const { operation } = request;
    if (operation.steps.length === 0 || operation.queuedCount > 0 || request.replyCount === 0)
      return;
    const [step] = operation.steps;
    if (step === undefined || step.value !== null || operation.steps.length > 1) return;
    if (request !== operation.requests.at(-1)) return;
    for (const value of valuesIn(step.key, reply) ?? []) {
      const batch = this.#batchOf(value);
      if (batch === undefined) continue;
      const isSo = !NOT_SETTLED.has(batch.fate) && batch.fate !== "refused";
      mustHold(6, isSo, `${describe(request.args)} is told ${value}, which is ${batch.fate}`);
    }
  }

  /** Undefined when nobody knows, or when it was another life of the server. */
  #batchOf(value: Bytes): Batch | undefined {
    const writer = this.#writers.get(value);
    // Those with a token may be tried again, and have several runs.
    if (writer === undefined || writer.token !== null) return undefined;
    return writer.requests.findLast(({ run }) => run !== null && run.wrote)?.run?.batch;
  }

  /** Whoever is told that all is safe has everything that he wrote before in the log that was fsynced. */
  #checkWaitAof(request: Request, reply: Reply): void {
    if (!Array.isArray(reply) || reply[0] !== 1 || request.sessionId === null) return;
    const end = this.#parts.durableSequence();
    for (const { request: earlier, run } of this.#parts.ran()) {
      const isOwn = run.sessionId === request.sessionId && earlier.place < request.place;
      if (!isOwn || !run.wrote || earlier.run !== run || run.batch.fate !== "committed") continue;
      const isSafe = run.batch.isSynced || run.batch.seq <= end;
      mustHold(1, isSafe, `WAITAOF speaks for ${describe(earlier.args)}, which is not fsynced`);
      this.durable.add(earlier.operation);
    }
  }
}

function checkRead(request: Request, { saw, sawCommittedOnly, bytes }: Run, reply: Reply): void {
  // It waited, and its time was over: that tells nothing of what it saw.
  if (bytes === null) return;
  const what = `${describe(request.args)} was answered ${format(reply)}`;
  const law: Law = saw.fate === "doubt" ? 9 : 6;
  mustHold(law, !NOT_SETTLED.has(saw.fate), `${what} by what is not committed`);
  if (!sawCommittedOnly || !isStorageError(reply)) return;
  const known = parsed(bytes);
  const isSame = known === undefined || format(known) === format(reply);
  mustHold(5, isSame, `${what}, and has read only what is committed`);
}
