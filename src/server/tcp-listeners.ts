// The TCP sockets that the server listens on, one for each address of `bind`: opened at the start, and changed by
// CONFIG SET port and bind while the server runs. Connections that are there stay.

import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import { Listener } from "./listener.ts";
import type { Server } from "./server.ts";
import type { TlsGate } from "./tls.ts";

export interface Wanted {
  readonly addresses: readonly string[];
  /** 0 picks a free one. */
  readonly port: number;
  readonly backlog: number;
  /** Encrypts what connects; absent for TCP as it is. */
  readonly gate?: TlsGate;
}

export class ListenFailed extends Error {
  override readonly name = "ListenFailed";
}

/** Listens on every address, all at one port. Throws ListenFailed, and nothing is left open. */
export async function listenTcp(wanted: Wanted, log: Log): Promise<Listener[]> {
  const { addresses, backlog, gate = null } = wanted;
  const listeners: Listener[] = [];
  let { port } = wanted;
  for (const address of addresses) {
    const isOptional = address.startsWith("-");
    const host = hostOf(isOptional ? address.slice(1) : address);
    try {
      // oxlint-disable-next-line no-await-in-loop -- a free port, once found, is for all addresses
      const listener = await Listener.open({ host, port, backlog, gate });
      listeners.push(listener);
      port = listener.port;
    } catch (error) {
      const words = `Could not create server TCP listening socket ${host}:${port}: ${wordsOf(error)}`;
      if (!isOptional || codeOf(error) === "EADDRINUSE") {
        for (const listener of listeners) listener.close();
        throw new ListenFailed(words);
      }
      log.verbose(`${words}; it is optional`);
    }
  }
  return listeners;
}

/** What CONFIG SET changes about it. */
export class Rebinding {
  readonly #server: Server;
  readonly #config: Config;
  readonly #log: Log;
  /** Remembered while `bind` is empty. */
  #lastPort: number | null = null;

  constructor(parts: { readonly server: Server; readonly config: Config; readonly log: Log }) {
    this.#server = parts.server;
    this.#config = parts.config;
    this.#log = parts.log;
  }

  /** Null, or why it stays as it was. */
  async move(change: {
    readonly addresses?: readonly string[];
    readonly port?: number;
  }): Promise<string | null> {
    const { addresses = this.#config.get("bind"), port = this.port } = change;
    const wanted = { addresses, port, backlog: this.#config.get("tcp-backlog") };
    return port === this.port ? await this.#rebind(wanted) : await this.#moveTo(wanted);
  }

  /** Where it listens, or did before `bind` was empty. */
  get port(): number {
    this.#lastPort = this.#server.tcpListeners[0]?.port ?? this.#lastPort;
    return this.#lastPort ?? this.#config.get("port");
  }

  /** Another port can be taken before the old one is left. */
  async #moveTo(wanted: Wanted): Promise<string | null> {
    const before = this.#server.tcpListeners;
    try {
      for (const listener of await listenTcp(wanted, this.#log)) this.#server.serve(listener);
    } catch (error) {
      if (!(error instanceof ListenFailed)) throw error;
      this.#log.warning(error.message);
      return "Unable to listen on this port. Check server logs.";
    }
    for (const listener of before) this.#server.leave(listener);
    return null;
  }

  /** The same port at other addresses: they may overlap, so the old ones are left first. */
  async #rebind(wanted: Wanted): Promise<string | null> {
    const before = this.#server.tcpListeners;
    const hosts = before.map(({ host }) => host);
    for (const listener of before) this.#server.leave(listener);
    try {
      for (const listener of await listenTcp(wanted, this.#log)) this.#server.serve(listener);
      return null;
    } catch (error) {
      if (!(error instanceof ListenFailed)) throw error;
      this.#log.warning(error.message);
    }
    const back = await listenTcp({ ...wanted, addresses: hosts }, this.#log);
    for (const listener of back) this.#server.serve(listener);
    return "Failed to bind to specified addresses.";
  }
}

function hostOf(address: string): string {
  if (address === "*") return "0.0.0.0";
  return address === "::*" ? "::" : address;
}

export function wordsOf(error: unknown): string {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return "Address already in use";
    case "EACCES":
      return "Permission denied";
    case "EADDRNOTAVAIL":
      return "Cannot assign requested address";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error) return String(error.code);
  return "";
}
