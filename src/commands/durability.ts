// WAITAOF and WAIT: until what this connection has written is safe from more than the death of the
// process. There are no replicas yet, so to wait for one is to wait for the timeout, as in Redis.

import { CommandError, NOT_AN_INTEGER } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { integer } from "./argument-specs.ts";
import type { ServerPort, SessionPort } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

const NUMLOCAL_OUT_OF_RANGE = new CommandError(
  "ERR value is out of range, must be between 0 and 1",
);
const NUMREPLICAS_OUT_OF_RANGE = new CommandError("ERR value is out of range, must be positive");
const TIMEOUT_NOT_AN_INTEGER = new CommandError("ERR timeout is not an integer or out of range");
const TIMEOUT_NEGATIVE = new CommandError("ERR timeout is negative");
const UNBLOCKED = new CommandError("UNBLOCKED client unblocked via CLIENT UNBLOCK");
const NEVER = new Promise<void>(() => {
  // No replica will ever tell.
});

export const durabilityCommands: CommandRows = {
  WAIT: {
    kind: "server",
    arity: 3,
    flags: ["noscript"],
    keys: NO_KEYS,
    group: "connection",
    since: "3.0.0",
    summary: "Waits until replicas have what this connection wrote; there are none.",
    complexity: "O(1)",
    arguments: [integer("numreplicas"), integer("timeout")],
    run: wait,
  },
  WAITAOF: {
    kind: "server",
    arity: 4,
    flags: ["noscript"],
    keys: NO_KEYS,
    group: "connection",
    since: "7.2.0",
    summary: "Waits until what this connection wrote would survive the loss of power.",
    complexity: "O(1)",
    arguments: [integer("numlocal"), integer("numreplicas"), integer("timeout")],
    run: waitAof,
  },
};

function wait(_server: ServerPort, args: Args, session: SessionPort): Reply | Promise<Reply> {
  const replicas = parseInteger(at(args, 1));
  if (replicas === null) throw NOT_AN_INTEGER;
  const timeoutMs = timeoutOf(args, 2);
  if (replicas <= 0 || session.isInExec) return 0;
  return session.waitFor(NEVER, timeoutMs).then((how) => answer(how, 0));
}

function waitAof(server: ServerPort, args: Args, session: SessionPort): Reply | Promise<Reply> {
  const local = parseInteger(at(args, 1));
  if (local === null || local < 0 || local > 1) throw NUMLOCAL_OUT_OF_RANGE;
  const replicas = parseInteger(at(args, 2));
  if (replicas === null || replicas < 0) throw NUMREPLICAS_OUT_OF_RANGE;
  const timeoutMs = timeoutOf(args, 3);
  const batch = session.lastWriteBatch;
  const synced = (): Reply => [server.durability.isSynced(batch) ? 1 : 0, 0];
  const isEnough = replicas === 0 && (local === 0 || server.durability.isSynced(batch));
  if (isEnough || session.isInExec) return synced();
  // Who waits for a replica as well has his fsync, and then waits on.
  const fsync = server.durability.waitSynced(batch);
  const done = replicas === 0 ? fsync : NEVER;
  return session.waitFor(done, timeoutMs).then((how) => answer(how, synced()));
}

function answer(how: "done" | "timeout" | "unblocked", reply: Reply): Reply {
  if (how === "unblocked") throw UNBLOCKED;
  return reply;
}

/** Milliseconds; 0 for no limit. */
function timeoutOf(args: Args, index: number): number {
  const timeout = parseInteger(at(args, index));
  if (timeout === null) throw TIMEOUT_NOT_AN_INTEGER;
  if (timeout < 0) throw TIMEOUT_NEGATIVE;
  return Number(timeout);
}
