// The server: sockets around the core. Listens, accepts, keeps the list of connections, stops.

import type { Socket } from "node:net";

import { ClientList } from "./client-list.ts";
import { ClientMemory } from "./client-memory.ts";
import { Connection, type ConnectionLimits } from "./connection.ts";
import type { Core } from "./core.ts";
import { Lingering } from "./lingering.ts";
import { Listener, type ListenOptions } from "./listener.ts";
import { Round } from "./round.ts";
import { TurnShare } from "./turn-share.ts";
import { DENIED, isDeniedByProtectedMode } from "./protected-mode.ts";

export interface ServerLimits {
  maxClients: number;
  /** `timeout`, milliseconds; 0 for none. */
  silenceMsMax: number;
  /** `tcp-keepalive`, seconds; 0 for none. */
  keepAliveSeconds: number;
  /** `protected-mode`. */
  isProtected: boolean;
  readonly connection: ConnectionLimits;
}

/** Connections that were refused and are read to their end; more are closed at once. */
const REFUSED_MAX = 16;
const REFUSED_LINGER_MS = 500;
const TOO_MANY_CLIENTS = "ERR max number of clients reached";

export class Server {
  readonly core: Core;
  readonly limits: ServerLimits;
  readonly connections = new Map<number, Connection>();
  readonly memory: ClientMemory;
  readonly #lingering: Lingering;
  readonly #share: TurnShare;
  readonly #round: Round;
  /** Looks at each new connection before its first command: authentication, tracking of names. */
  onConnection: (connection: Connection) => void = () => {};
  /** Called when a connection is gone. */
  onDisconnect: (connection: Connection) => void = () => {};
  readonly #listeners: Listener[] = [];
  #stopping = false;
  #refusedCount = 0;

  constructor(core: Core, limits: ServerLimits) {
    this.core = core;
    this.limits = limits;
    this.memory = new ClientMemory(this.connections, core.stats);
    this.#lingering = new Lingering(core.host.clock);
    this.#share = new TurnShare(core.stats, core.host.clock);
    this.#round = new Round(core.host.clock);
    core.ports.clients = new ClientList(this.connections, core.host);
  }

  /** Resolves with the port once connections are taken; rejects with Node's error (EADDRINUSE ...). */
  async listen(options: ListenOptions): Promise<number> {
    const listener = await Listener.open(options);
    this.serve(listener);
    return listener.port;
  }

  /** Those of the addresses of `bind`. */
  get tcpListeners(): readonly Listener[] {
    return this.#listeners.filter(({ path, isEncrypted }) => path === null && !isEncrypted);
  }

  /** The same, for TLS. */
  get tlsListeners(): readonly Listener[] {
    return this.#listeners.filter(({ isEncrypted }) => isEncrypted);
  }

  /** 0 when there is none. */
  get tlsPort(): number {
    return this.tlsListeners[0]?.port ?? 0;
  }

  /** Takes no more connections of a listener; those that are there stay. */
  leave(listener: Listener): void {
    listener.close();
    this.#listeners.splice(this.#listeners.indexOf(listener), 1);
  }

  /** Takes the connections of a listener; it is closed with the server. */
  serve(listener: Listener): void {
    this.#listeners.push(listener);
    const take = (socket: Socket): void => this.accept(socket, listener.path);
    listener.serve(take, (action) => this.#inTurn(action));
  }

  /** Now, or in the next turn of the event loop if this one has had its share. */
  #inTurn(action: () => void): void {
    if (this.#share.isUsedUp) {
      this.#share.putOff({ goOn: () => this.#inTurn(action) });
      return;
    }
    const startUs = this.core.host.clock.monotonicUs();
    action();
    this.#share.spent(this.core.host.clock.monotonicUs() - startUs);
  }

  /** Makes a connection of a socket, or refuses it; `path` is null for TCP. */
  accept(socket: Socket, path: string | null): void {
    const { core, limits } = this;
    if (this.#stopping) {
      socket.destroy();
      return;
    }
    core.stats.totalConnectionsReceived++;
    const refusal = this.#refusal(socket, path);
    if (refusal !== null) {
      this.#refuse(socket, refusal);
      return;
    }
    if (path === null) keepAlive(socket, limits.keepAliveSeconds);
    const connection = new Connection({
      host: core.host,
      id: core.takeSessionId(),
      socket,
      path,
      limits: limits.connection,
      stats: core.stats,
      memory: this.memory,
      lingering: this.#lingering,
      share: this.#share,
      round: this.#round,
      onClose: () => {
        this.connections.delete(connection.session.id);
        this.onDisconnect(connection);
      },
    });
    this.connections.set(connection.session.id, connection);
    this.onConnection(connection);
  }

  /** Says why. It has a moment to go by itself; one that stays would keep its descriptor. */
  #refuse(socket: Socket, refusal: string): void {
    const { core } = this;
    core.stats.rejectedConnections++;
    socket.on("error", () => {
      // It may be gone before it hears why it was not let in.
    });
    const lingers = this.#refusedCount < REFUSED_MAX;
    this.#refusedCount++;
    socket.on("close", () => {
      this.#refusedCount--;
    });
    socket.resume();
    socket.end(`-${refusal}\r\n`, () => {
      if (lingers) core.host.clock.after(REFUSED_LINGER_MS, () => socket.destroy());
      else socket.destroy();
    });
  }

  /** Why a connection is not let in. */
  #refusal(socket: Socket, path: string | null): string | null {
    const { core, limits } = this;
    if (this.connections.size >= limits.maxClients) return TOO_MANY_CLIENTS;
    const isDenied = isDeniedByProtectedMode({
      isProtected: limits.isProtected,
      isOpen: core.host.users.isOpen,
      address: path === null ? (socket.remoteAddress ?? "") : null,
    });
    return isDenied ? DENIED : null;
  }

  /** Asks the peers of all connections, also of those that are there, after so much silence. */
  keepAlive(seconds: number): void {
    this.limits.keepAliveSeconds = seconds;
    for (const connection of this.connections.values()) keepAlive(connection.socket, seconds);
  }

  /** Closes whoever has been silent for longer than `timeout`, or takes nothing; called about once a second. */
  closeSilent(): void {
    for (const connection of this.connections.values()) connection.checkOutputLimit();
    const { silenceMsMax } = this.limits;
    if (silenceMsMax === 0) return;
    const nowMs = this.core.host.clock.nowMs();
    for (const connection of this.connections.values()) {
      const sinceMs = connection.silentSinceMs;
      if (sinceMs !== null && nowMs - sinceMs > silenceMsMax) connection.close();
    }
  }

  /** Takes no more connections, settles what is written, closes everybody. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const listener of this.#listeners) listener.close();
    // Or there would always be another batch to wait for.
    for (const connection of this.connections.values()) connection.stopTaking();
    await this.core.pipeline.close();
    for (const connection of this.connections.values()) connection.closeAfterFlush();
    for (const connection of this.connections.values()) connection.close();
  }
}

/** Does nothing on a Unix socket: the kernel knows when its peer is gone. */
function keepAlive(socket: Socket, seconds: number): void {
  socket.setKeepAlive(seconds > 0, seconds * 1000);
}
