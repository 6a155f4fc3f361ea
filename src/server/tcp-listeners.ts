// The TCP sockets that the server listens on, one for each address of `bind`: opened at the start, and changed by
// CONFIG SET port, tls-port and bind while the server runs. Connections that are there stay.

import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import { Listener } from "./listener.ts";
import type { Server } from "./server.ts";
import { NOT_UPDATED, TlsGate, TlsRefused } from "./tls.ts";

export interface Wanted {
  readonly addresses: readonly string[];
  /** 0 picks a free one. */
  readonly port: number;
  readonly backlog: number;
  /** Encrypts what connects; null for TCP as it is. */
  readonly gate: TlsGate | null;
}

export class ListenFailed extends Error {
  override readonly name = "ListenFailed";
}

/** Listens on every address, all at one port. Throws ListenFailed, and nothing is left open. */
export async function listenTcp(wanted: Wanted, log: Log): Promise<Listener[]> {
  const { addresses, backlog, gate } = wanted;
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

/** One of them at a time. */
export type ListenChange =
  | { readonly addresses: readonly string[] }
  | { readonly port: number }
  | { readonly tlsPort: number };

type Kind = "tcp" | "tls";

const FIXED_PORTS = "the ports of a server of several processes change with a restart";

/** What CONFIG SET changes about it. */
export class Rebinding {
  readonly #server: Server;
  readonly #config: Config;
  readonly #log: Log;
  /** Made when it is first wanted; it stays, as it hears of the settings of TLS. */
  #gate: TlsGate | null;
  /** Remembered while `bind` is empty. */
  readonly #lastPorts: Record<Kind, number>;

  constructor(parts: { readonly server: Server; readonly config: Config; readonly log: Log }) {
    this.#server = parts.server;
    this.#config = parts.config;
    this.#log = parts.log;
    const { tcpListeners, tlsListeners, tlsPort } = parts.server;
    this.#gate = tlsListeners[0]?.gate ?? null;
    this.#lastPorts = { tcp: tcpListeners[0]?.port ?? 0, tls: tlsPort };
  }

  /** Null, or why it stays as it was. */
  async move(change: ListenChange): Promise<string | null> {
    if ("addresses" in change) return await this.#rebind(change.addresses);
    // The others tell clients where we are.
    if (this.#server.core.host.cluster !== null) return FIXED_PORTS;
    if ("port" in change) return await this.#moveTo("tcp", change.port);
    return await this.#moveTo("tls", change.tlsPort);
  }

  #listenersOf(kind: Kind): readonly Listener[] {
    return kind === "tcp" ? this.#server.tcpListeners : this.#server.tlsListeners;
  }

  /** Where it listens, or did before `bind` was empty. */
  #portOf(kind: Kind): number {
    return this.#listenersOf(kind)[0]?.port ?? this.#lastPorts[kind];
  }

  /** TCP at port 0 is a free one, unless there is another way in. */
  #isNone(kind: Kind, port: number): boolean {
    if (port !== 0 || kind === "tls") return port === 0;
    return this.#config.get("unixsocket") !== "" || this.#server.tlsPort !== 0;
  }

  /** Another port can be taken before the old one is left. */
  async #moveTo(kind: Kind, port: number): Promise<string | null> {
    const before = this.#listenersOf(kind);
    if (port !== 0 && port === before[0]?.port) return null;
    try {
      const isNone = this.#isNone(kind, port);
      if (!isNone) await this.#listen(kind, port, this.#config.get("bind"));
      this.#lastPorts[kind] = isNone ? 0 : port;
    } catch (error) {
      return this.#refusal(error, "Unable to listen on this port. Check server logs.");
    }
    for (const listener of before) this.#server.leave(listener);
    return null;
  }

  /** The same ports at other addresses: they may overlap, so the old ones are left first. */
  async #rebind(addresses: readonly string[]): Promise<string | null> {
    const kinds = (["tcp", "tls"] as const).map((kind) => {
      const hosts = this.#listenersOf(kind).map(({ host }) => host);
      return { kind, hosts, port: this.#portOf(kind) };
    });
    this.#leaveAll();
    try {
      for (const { kind, port } of kinds) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        if (port !== 0) await this.#listen(kind, port, addresses);
        this.#lastPorts[kind] = port;
      }
      return null;
    } catch (error) {
      const words = this.#refusal(error, "Failed to bind to specified addresses.");
      this.#leaveAll();
      for (const { kind, hosts, port } of kinds) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        if (port !== 0) await this.#listen(kind, port, hosts);
      }
      return words;
    }
  }

  #leaveAll(): void {
    const { tcpListeners, tlsListeners } = this.#server;
    for (const listener of [...tcpListeners, ...tlsListeners]) this.#server.leave(listener);
  }

  async #listen(kind: Kind, port: number, addresses: readonly string[]): Promise<void> {
    if (kind === "tls") this.#gate ??= new TlsGate(this.#config, this.#log);
    const gate = kind === "tls" ? this.#gate : null;
    const wanted = { addresses, port, backlog: this.#config.get("tcp-backlog"), gate };
    for (const listener of await listenTcp(wanted, this.#log)) this.#server.serve(listener);
  }

  #refusal(error: unknown, words: string): string {
    if (error instanceof TlsRefused) {
      this.#log.warning(`Failed to configure TLS: ${error.message}`);
      return NOT_UPDATED;
    }
    if (!(error instanceof ListenFailed)) throw error;
    this.#log.warning(error.message);
    return words;
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
