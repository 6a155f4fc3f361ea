// A session without a socket, for the simulation's own questions: what is there, and what would a server
// answer that nothing ever happens to.

import type { Bytes } from "../../src/base/bytes.ts";
import { GATHER_US_MAX } from "../../src/commit/gathering.ts";
import { ReplyReader } from "../../src/resp/reader.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import type { Session } from "../../src/session/session.ts";
import { format } from "../conversations/notation.ts";
import { normal } from "../differential/normal.ts";
import { LawBroken } from "./law.ts";
import { LOG_KEYS, commandOf, valuesIn } from "./logs.ts";
import type { SimulatedServer } from "./simulated-server.ts";
import { whole } from "../support/whole.ts";

const DATABASES = 4;

export class Asker {
  readonly session: Session;
  readonly #server: SimulatedServer;
  readonly #reader = new ReplyReader();
  #reply: Reply | undefined;

  constructor(server: SimulatedServer) {
    this.#server = server;
    this.session = server.running.core.openSession({
      write: (bytes) => this.#reader.push(whole(bytes)),
      abandon: () => {},
      closeAfterFlush: () => {},
    });
  }

  /** The answer; undefined when the command waits for something that does not come. */
  async ask(args: readonly Bytes[]): Promise<Reply | undefined> {
    this.session.execute(args);
    this.#server.clock.endTurn();
    this.#reply = this.#next();
    if (this.#reply === undefined) {
      await this.#server.settle();
      this.#reply = this.#next();
    }
    return this.#reply;
  }

  #next(): Reply | undefined {
    let last: Reply | undefined;
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      last = reply;
    }
    return last;
  }

  async mustHear(args: readonly Bytes[]): Promise<Reply> {
    let reply = await this.ask(args);
    if (reply === undefined) {
      // What it rests on may wait a moment for others that want the same fsync (commit/gathering.ts).
      this.#server.clock.advance(GATHER_US_MAX / 1000 + 1);
      await this.#server.settle();
      reply = this.#next();
    }
    if (reply === undefined) throw new LawBroken("bug", `no answer to ${args.join(" ")} at rest`);
    return reply;
  }

  /** Waits no longer for what does not come: the next question is asked of a session that waits for nothing. */
  async giveUp(): Promise<void> {
    this.session.unblock("timeout");
    // The session goes on at the end of the turn (session/blocked.ts).
    await this.#server.settle();
    this.#next();
  }

  leave(): void {
    this.session.closed();
  }
}

const READS: Readonly<Record<string, readonly (readonly Bytes[])[]>> = {
  string: [["GET"]],
  list: [["LRANGE", "0", "-1"]],
  set: [["SMEMBERS"]],
  hash: [["HGETALL"]],
  zset: [["ZRANGE", "0", "-1", "WITHSCORES"]],
  stream: [["XRANGE", "-", "+"], ["XINFO GROUPS"], ["XLEN"]],
};

/** Every key with its content and its time, one line each, in order. */
export async function contentOf(server: SimulatedServer): Promise<string[]> {
  const asker = new Asker(server);
  const lines: string[] = [];
  for (let index = 0; index < DATABASES; index++) {
    asker.session.databaseIndex = index;
    for (const key of await keysOf(asker)) lines.push(`${index} ${await lineOf(asker, key)}`);
  }
  lines.push(`libraries ${format(await asker.mustHear(["FUNCTION", "LIST", "WITHCODE"]))}`);
  asker.leave();
  return lines.sort();
}

async function keysOf(asker: Asker): Promise<Bytes[]> {
  const reply = await asker.mustHear(["KEYS", "*"]);
  if (!Array.isArray(reply)) throw new LawBroken(8, `KEYS at rest: ${format(reply)}`);
  return reply.filter((key: Reply): key is Bytes => typeof key === "string");
}

async function lineOf(asker: Asker, key: Bytes): Promise<string> {
  const type = format(await asker.mustHear(["TYPE", key]));
  const parts = [JSON.stringify(key), type];
  for (const [name = "", ...more] of READS[type] ?? []) {
    const args = [...name.split(" "), key, ...more];
    parts.push(normal(args, withoutEstimate(await asker.mustHear(args))));
  }
  if (type === "stream") parts.push(...(await pendingOf(asker, key)));
  if (type === "hash") parts.push(...(await fieldTimesOf(asker, key)));
  parts.push(format(await asker.mustHear(["PEXPIRETIME", key])));
  return parts.join(" ");
}

/** The estimate that a HyperLogLog remembers is lost with whoever has asked for it, and made again. */
function withoutEstimate(reply: Reply): Reply {
  if (typeof reply !== "string" || !reply.startsWith("HYLL")) return reply;
  return reply.slice(0, 8) + reply.slice(16);
}

async function fieldTimesOf(asker: Asker, key: Bytes): Promise<string[]> {
  const fields = await asker.mustHear(["HKEYS", key]);
  const times: string[] = [];
  for (const field of Array.isArray(fields) ? fields.map(String).toSorted() : []) {
    times.push(format(await asker.mustHear(["HPEXPIRETIME", key, "FIELDS", "1", field])));
  }
  return times;
}

async function pendingOf(asker: Asker, key: Bytes): Promise<string[]> {
  const told: string[] = [];
  for (const group of ["g1", "g2"]) {
    const reply = await asker.mustHear(["XPENDING", key, group]);
    if (!(reply instanceof ErrorReply)) told.push(format(reply));
  }
  return told;
}

/** What the logs hold. */
export async function logsOf(server: SimulatedServer): Promise<Map<Bytes, Bytes[]>> {
  const asker = new Asker(server);
  const logs = new Map<Bytes, Bytes[]>();
  for (const key of LOG_KEYS) {
    const reply = await asker.mustHear(commandOf({ key, value: null }));
    const values = valuesIn(key, reply);
    if (values === null) throw new LawBroken(8, `${key} at rest: ${format(reply)}`);
    logs.set(key, values);
  }
  asker.leave();
  return logs;
}
