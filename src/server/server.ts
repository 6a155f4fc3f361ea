// The server: sockets around the core. Listens, accepts, keeps the list of connections, stops.

import { createServer, type AddressInfo, type Server as NetServer, type Socket } from "node:net";

import { assert } from "../base/assert.ts";
import { ClientList } from "./client-list.ts";
import { Connection, type ConnectionLimits } from "./connection.ts";
import type { Core } from "./core.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly backlog: number;
}

export interface ServerLimits {
  maxClients: number;
  readonly connection: ConnectionLimits;
}

const TOO_MANY_CLIENTS = "-ERR max number of clients reached\r\n";

export class Server {
  readonly core: Core;
  readonly limits: ServerLimits;
  readonly connections = new Map<number, Connection>();
  /** Looks at each new connection before its first command: authentication, tracking of names. */
  onConnection: (connection: Connection) => void = () => {};
  /** Called when a connection is gone. */
  onDisconnect: (connection: Connection) => void = () => {};
  readonly #listeners: NetServer[] = [];
  #stopping = false;

  constructor(core: Core, limits: ServerLimits) {
    this.core = core;
    this.limits = limits;
    core.ports.clients = new ClientList(this.connections, core.host.clock);
  }

  /** Resolves with the port once connections are taken; rejects with Node's error (EADDRINUSE ...). */
  listen(options: ListenOptions): Promise<number> {
    // Half-open: a client that has ended its side still gets the answers to what it asked.
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accept(socket);
    });
    this.#listeners.push(listener);
    return new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen({ host: options.host, port: options.port, backlog: options.backlog }, () => {
        listener.removeListener("error", reject);
        const address = listener.address();
        assert(address !== null && typeof address === "object");
        resolve((address satisfies AddressInfo).port);
      });
    });
  }

  #accept(socket: Socket): void {
    const { core, limits } = this;
    if (this.#stopping) {
      socket.destroy();
      return;
    }
    core.stats.totalConnectionsReceived++;
    if (this.connections.size >= limits.maxClients) {
      core.stats.rejectedConnections++;
      socket.on("error", () => {
        // It may be gone before it hears why it was not let in.
      });
      socket.end(TOO_MANY_CLIENTS);
      return;
    }
    const connection = new Connection({
      host: core.host,
      id: core.takeSessionId(),
      socket,
      limits: limits.connection,
      stats: core.stats,
      onClose: () => {
        this.connections.delete(connection.session.id);
        this.onDisconnect(connection);
      },
    });
    this.connections.set(connection.session.id, connection);
    this.onConnection(connection);
  }

  /** Takes no more connections, settles what is written, closes everybody. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const listener of this.#listeners) listener.close();
    await this.core.pipeline.close();
    for (const connection of this.connections.values()) connection.closeAfterFlush();
    for (const connection of this.connections.values()) connection.close();
  }
}
