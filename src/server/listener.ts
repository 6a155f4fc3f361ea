// A listening socket that may be there before the server is: the port is taken first, so that a port
// in use is noticed before a data directory is made; whoever connects meanwhile waits.

import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import {
  connect,
  createServer,
  type ListenOptions as NetListenOptions,
  type Server as NetServer,
  type Socket,
} from "node:net";

import { assert } from "../base/assert.ts";
import { withLentInput } from "./lent-input.ts";
import type { TlsGate } from "./tls.ts";

/** A TCP port, or a Unix socket. */
export type ListenOptions = TcpOptions | UnixOptions;

interface TcpOptions {
  /** Encrypts what connects; null for TCP as it is. */
  readonly gate?: TlsGate | null;
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly backlog: number;
}

interface UnixOptions {
  readonly path: string;
  /** Permissions of the socket; 0 for what the umask gives. */
  readonly mode: number;
  readonly backlog: number;
}

/** Connections that may wait for the server to be ready. */
const EARLY_MAX = 1024;

export class Listener {
  readonly #server: NetServer;
  #early: Socket[] = [];
  #take: ((socket: Socket) => void) | null = null;
  #port = 0;
  /** Path of the Unix socket; null for TCP. */
  readonly path: string | null;
  /** The address; "" for a Unix socket. */
  readonly host: string;
  /** Encrypts what connects; null for TCP as it is, and for a Unix socket. */
  readonly gate: TlsGate | null;

  private constructor(path: string | null, host: string, gate: TlsGate | null) {
    this.path = path;
    this.host = host;
    this.gate = gate;
    // Half-open: a client that has ended its side still gets the answers to what it asked.
    // Paused: nothing may be read before somebody has taken the socket and given it its buffer.
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
    this.#server = createServer(options, (socket) => {
      this.#connected(socket);
    });
  }

  /** Rejects with Node's error (EADDRINUSE ...). */
  static async open(options: ListenOptions): Promise<Listener> {
    if ("path" in options) {
      await removeDeadSocket(options.path);
      const listener = new Listener(options.path, "", null);
      await listener.#listen({ path: options.path, backlog: options.backlog });
      if (options.mode !== 0) chmodSync(options.path, options.mode);
      return listener;
    }
    const { host, port, backlog } = options;
    const listener = new Listener(null, host, options.gate ?? null);
    await listener.#listen({ host, port, backlog });
    const address = listener.#server.address();
    assert(address !== null && typeof address === "object");
    listener.#port = address.port;
    return listener;
  }

  #listen(where: NetListenOptions): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(where, () => {
        server.removeListener("error", reject);
        server.on("error", () => {
          // A connection that could not be accepted, for want of descriptors; the next one may.
        });
        resolve();
      });
    });
  }

  /** 0 for a Unix socket. */
  get port(): number {
    return this.#port;
  }

  /**
   * Hands over every connection, those that waited first; `take` must listen for data at once. When is for `inTurn`
   * to say: a thousand that come at once need not all be served at once.
   */
  serve(take: (socket: Socket) => void, inTurn: (action: () => void) => void): void {
    const gate = this.gate;
    gate?.serve(take);
    const admit = (socket: Socket): void => {
      if (socket.destroyed) return;
      if (gate === null) take(withLentInput(socket));
      else gate.admit(socket);
    };
    this.#take = (socket) => inTurn(() => admit(socket));
    const early = this.#early;
    this.#early = [];
    for (const socket of early) this.#take(socket);
  }

  get isEncrypted(): boolean {
    return this.gate !== null;
  }

  close(): void {
    this.#server.close();
    this.gate?.close();
    for (const socket of this.#early) socket.destroy();
    this.#early = [];
  }

  #connected(socket: Socket): void {
    if (this.#take !== null) {
      this.#take(socket);
      return;
    }
    socket.on("error", () => {
      // Gone before the server was there; the socket destroys itself.
    });
    if (this.#early.length >= EARLY_MAX) socket.destroy();
    else this.#early.push(socket);
  }
}

/**
 * A server that was killed leaves its socket behind. It is removed when nobody answers at it; one
 * that answers, or a file that is no socket, stays, and listening fails.
 */
async function removeDeadSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() !== true) return;
  const isAlive = await new Promise<boolean>((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Refused is the one sign that nobody listens; whatever else it is, the socket is not ours.
    socket.once("error", (error) => resolve(!("code" in error && error.code === "ECONNREFUSED")));
  });
  if (!isAlive) unlinkSync(path);
}
