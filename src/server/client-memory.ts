// `maxmemory-clients`: what all connections hold together. Above it connections are closed, the largest first, until
// the rest fits; those that said CLIENT NO-EVICT count but stay.
//
// The sum is kept by differences: a connection is counted again whenever it has read, run or been sent
// something. Without a limit nothing is counted, and the hot path asks one question.

import type { Stats } from "../observe/stats.ts";
import type { Connection } from "./connection.ts";

export class ClientMemory {
  readonly #connections: ReadonlyMap<number, Connection>;
  readonly #stats: Stats;
  readonly #counted = new Map<Connection, number>();
  #sum = 0;
  #limitBytes = 0;

  constructor(connections: ReadonlyMap<number, Connection>, stats: Stats) {
    this.#connections = connections;
    this.#stats = stats;
  }

  /** Whether connections are counted at all. */
  get isBounded(): boolean {
    return this.#limitBytes > 0;
  }

  /** 0 for no limit. Closes whoever is too much for it. */
  set limitBytes(bytes: number) {
    this.#limitBytes = bytes;
    this.#counted.clear();
    this.#sum = 0;
    if (bytes === 0) return;
    for (const connection of this.#connections.values()) this.#count(connection);
    this.#enforce();
  }

  /** Something has happened on the connection; it may be closed when this returns. */
  note(connection: Connection): void {
    this.#count(connection);
    this.#enforce();
  }

  /** The connection is gone, or about to go. */
  forget(connection: Connection): void {
    this.#sum -= this.#counted.get(connection) ?? 0;
    this.#counted.delete(connection);
  }

  #count(connection: Connection): void {
    if (connection.isClosed) return;
    const bytes = connection.memoryBytes;
    this.#sum += bytes - (this.#counted.get(connection) ?? 0);
    this.#counted.set(connection, bytes);
  }

  #enforce(): void {
    if (this.#sum <= this.#limitBytes) return;
    const evictable = [...this.#counted]
      .filter(([{ session }]) => !session.noEvict)
      .sort(([, first], [, second]) => second - first);
    for (const [connection] of evictable) {
      if (this.#sum <= this.#limitBytes) return;
      this.#stats.evictedClients++;
      this.forget(connection);
      connection.close();
    }
  }
}
