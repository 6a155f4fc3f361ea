// The server: sockets around the core. Listens, accepts, keeps the list of connections, stops.

import type { Socket } from "node:net";

import { ClientList } from "./client-list.ts";
import { Connection, type ConnectionLimits } from "./connection.ts";
import type { Core } from "./core.ts";
import { Listener, type ListenOptions } from "./listener.ts";

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
  readonly #listeners: Listener[] = [];
  #stopping = false;

  constructor(core: Core, limits: ServerLimits) {
    this.core = core;
    this.limits = limits;
    core.ports.clients = new ClientList(this.connections, core.host.clock);
  }

  /** Resolves with the port once connections are taken; rejects with Node's error (EADDRINUSE ...). */
  async listen(options: ListenOptions): Promise<number> {
    const listener = await Listener.open(options);
    this.serve(listener);
    return listener.port;
  }

  /** Takes the connections of a listener; it is closed with the server. */
  serve(listener: Listener): void {
    this.#listeners.push(listener);
    listener.serve((socket) => this.#accept(socket));
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
