// CLIENT LIST, KILL and UNBLOCK: the connections, seen from one of them.

import type { Users } from "../acl/users.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { ClientFilter, ClientsPort, ClientType } from "../commands/ports.ts";
import type { Args } from "../commands/table.ts";
import type { Session } from "../session/session.ts";
import type { TrackingState } from "../session/tracking.ts";
import type { Connection } from "./connection.ts";

export class ClientList implements ClientsPort {
  readonly #connections: ReadonlyMap<number, Connection>;
  readonly #clock: Clock;
  readonly #users: Users;

  constructor(
    connections: ReadonlyMap<number, Connection>,
    { clock, users }: { readonly clock: Clock; readonly users: Users },
  ) {
    this.#users = users;
    this.#connections = connections;
    this.#clock = clock;
  }

  list(filter: ClientFilter, asking?: { readonly id: number; readonly args: Args }): Bytes {
    const nowMs = this.#clock.nowMs();
    let lines = "";
    for (const connection of this.#connections.values()) {
      if (connection.isClosed || !fits(connection, filter)) continue;
      const held = connection.session.id === asking?.id ? bytesOfCommand(asking.args) : 0;
      lines += `${describe(connection, nowMs, held)}\n`;
    }
    return lines;
  }

  kill(filter: ClientFilter, options: { callerId: number; skippedId: number }): number {
    const { minAgeSeconds = 0 } = filter;
    const bornMsMax = this.#clock.nowMs() - minAgeSeconds * 1000;
    let count = 0;
    for (const connection of this.#connections.values()) {
      const { id } = connection.session;
      if (id === options.skippedId || connection.isClosing || !fits(connection, filter)) continue;
      if (connection.createdMs > bornMsMax) continue;
      count++;
      // Who kills himself is still told so.
      if (id === options.callerId) connection.closeAfterFlush();
      else connection.close();
    }
    return count;
  }

  unblock(id: number, how: "timeout" | "error"): boolean {
    return this.#connections.get(id)?.session.unblock(how) ?? false;
  }

  userExists(name: Bytes): boolean {
    return this.#users.named(name) !== null;
  }
}

function fits(connection: Connection, filter: ClientFilter): boolean {
  const { session } = connection;
  if (filter.ids !== undefined && !filter.ids.has(session.id)) return false;
  if (filter.type !== undefined && filter.type !== typeOf(session)) return false;
  if (filter.address !== undefined && filter.address !== session.address) return false;
  if (filter.user !== undefined && filter.user !== session.user) return false;
  return filter.localAddress === undefined || filter.localAddress === session.localAddress;
}

function typeOf(session: Session): ClientType {
  return session.subscriptionCount > 0 ? "pubsub" : "normal";
}

function flagsOf(connection: Connection): string {
  const { session } = connection;
  let flags = "";
  if (session.isMonitor) flags += "O";
  if (session.subscriptionCount > 0) flags += "P";
  if (session.inTransaction) flags += "x";
  if (connection.isWaiting) flags += "b";
  if (session.tracking !== null) flags += trackingFlags(session.tracking);
  if (connection.isClosing) flags += "c";
  if (session.noEvict) flags += "e";
  if (!session.touch) flags += "T";
  return flags === "" ? "N" : flags;
}

function trackingFlags({ isBroken, isBroadcast }: TrackingState): string {
  return `t${isBroken ? "R" : ""}${isBroadcast ? "B" : ""}`;
}

/** As the client has sent it. */
function bytesOfCommand(args: Args): number {
  let bytes = `*${args.length}\r\n`.length;
  for (const { length } of args) bytes += `$${length}\r\n\r\n`.length + length;
  return bytes;
}

/** The line of CLIENT LIST and INFO, without its end; `held` are bytes of the command that asks. */
function describe(connection: Connection, nowMs: number, held: number): Bytes {
  const { session } = connection;
  const { transaction } = session;
  const subscriptions = session.listening.counts;
  const seconds = (sinceMs: number) => Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  const facts: readonly (readonly [string, string | number])[] = [
    ["id", session.id],
    ["addr", session.address],
    ["laddr", session.localAddress],
    ["fd", connection.descriptor],
    ["name", session.name],
    ["age", seconds(connection.createdMs)],
    ["idle", seconds(connection.lastInputMs)],
    ["flags", flagsOf(connection)],
    ["db", session.databaseIndex],
    ["sub", subscriptions.channel],
    ["psub", subscriptions.pattern],
    ["ssub", subscriptions.shard],
    ["multi", session.inTransaction ? transaction.queuedCount : -1],
    ["qbuf", connection.inputBytes + held],
    ["qbuf-free", 0],
    ["argv-mem", 0],
    ["multi-mem", transaction.queuedBytes],
    ["rbs", 0],
    ["rbp", 0],
    ["obl", 0],
    ["oll", session.replies.waitingCount],
    ["omem", connection.outputBytes],
    ["tot-mem", connection.memoryBytes],
    ["events", connection.outputBytes > 0 ? "rw" : "r"],
    ["cmd", session.lastCommand?.name ?? "NULL"],
    ["user", session.user],
    ["redir", session.tracking?.redirect ?? -1],
    ["resp", session.protocol],
    ["lib-name", session.libraryName],
    ["lib-ver", session.libraryVersion],
  ];
  return facts.map(([name, value]) => `${name}=${value}`).join(" ");
}
