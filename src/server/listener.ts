// A listening socket that may be there before the server is: the port is taken first, so that a port
// in use is noticed before a data directory is made; whoever connects meanwhile waits.

import { createServer, type Server as NetServer, type Socket } from "node:net";

import { assert } from "../base/assert.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly backlog: number;
}

/** Connections that may wait for the server to be ready. */
const EARLY_MAX = 1024;

export class Listener {
  readonly #server: NetServer;
  #early: Socket[] = [];
  #take: ((socket: Socket) => void) | null = null;
  #port = 0;

  private constructor() {
    // Half-open: a client that has ended its side still gets the answers to what it asked.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#connected(socket);
    });
  }

  /** Rejects with Node's error (EADDRINUSE ...). */
  static open(options: ListenOptions): Promise<Listener> {
    const listener = new Listener();
    const server = listener.#server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: options.host, port: options.port, backlog: options.backlog }, () => {
        server.removeListener("error", reject);
        const address = server.address();
        assert(address !== null && typeof address === "object");
        listener.#port = address.port;
        resolve(listener);
      });
    });
  }

  get port(): number {
    return this.#port;
  }

  /** Hands over every connection, those that waited first. */
  serve(take: (socket: Socket) => void): void {
    this.#take = take;
    const early = this.#early;
    this.#early = [];
    for (const socket of early) if (!socket.destroyed) take(socket);
  }

  close(): void {
    this.#server.close();
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
