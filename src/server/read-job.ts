// Runs a reading command over a moment of the store that somebody else has lent: with a keyspace of its own, which is
// thrown away, and the handler that would have run on the event loop.

import type { Clock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { assert } from "../base/assert.ts";
import { CommandTable } from "../commands/lookup.ts";
import { COMMANDS } from "../commands/registry.ts";
import { Wait } from "../commands/wait.ts";
import { StorageError, type Engine } from "../engine/engine.ts";
import { View } from "../keyspace/view.ts";
import { Stats } from "../observe/stats.ts";
import type { Encoded } from "../resp/long-reply.ts";
import { ErrorReply, type Reply } from "../resp/reply.ts";
import type { ReadEnd, ReadJob } from "../session/long-reader.ts";
import { encodeBounded, refusalOf } from "../session/answers.ts";
import { openKeyspace } from "./open-keyspace.ts";

/** Objects of a run are let go of with it; those of one command are bound by what it reads. */
const CACHE_BYTES = 16 * 1024 * 1024;

const commands = new CommandTable(COMMANDS);

export async function runReadJob(
  job: ReadJob,
  borrow: (loan: number) => Engine,
  clock: Pick<Clock, "monotonicUs">,
): Promise<ReadEnd> {
  const startUs = clock.monotonicUs();
  let engine: Engine | null = null;
  try {
    engine = borrow(job.loan);
    const reply = run(job, await viewOn(engine, job));
    if (reply === null) return { kind: "stay" };
    const { bytes, error } = reply;
    return { kind: "reply", bytes, error, microseconds: clock.monotonicUs() - startUs };
  } catch (error) {
    // The database is being closed, or opened anew: who asked knows which.
    if (error instanceof StorageError && error.kind === "closed") return { kind: "stay" };
    throw error;
  } finally {
    await engine?.close();
  }
}

async function viewOn(engine: Engine, job: ReadJob): Promise<View> {
  const { databaseCount, limits } = job;
  const options = { databaseCount, cacheBytesMax: CACHE_BYTES };
  const keyspace = await openKeyspace(engine, options, job.databaseIndex);
  const random = new SeededRandom(job.seed);
  const view = new View({ keyspace, stats: new Stats(), limits, random });
  view.isClustered = job.isClustered;
  view.nowMs = job.nowMs;
  const database = keyspace.databases[job.databaseIndex];
  assert(database !== undefined);
  view.database = database;
  view.countLookups = true;
  return view;
}

/** Null when it has done more than read, or would wait: that is for the event loop. */
function run(
  job: ReadJob,
  view: View,
): { readonly bytes: Encoded; readonly error: string | null } | null {
  const reply = replyOf(job, view);
  if (reply instanceof Wait || !view.keyspace.openIsEmpty) return null;
  const error = reply instanceof ErrorReply && !reply.isCounted ? reply.text : null;
  return { bytes: encodeBounded(reply, job.protocol), error };
}

function replyOf({ command, args }: ReadJob, view: View): Reply | Wait {
  const row = commands.original(command)?.row;
  assert(row?.kind === "data");
  try {
    return row.run(view, args);
  } catch (error) {
    if (error instanceof StorageError && error.kind === "closed") throw error;
    const reply = refusalOf(error);
    if (reply === null) throw error;
    return reply;
  }
}
