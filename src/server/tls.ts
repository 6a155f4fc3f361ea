// TLS: from the settings to a server that takes sockets just accepted and gives them back encrypted.
//
// Node's TLS server never listens here: sockets are accepted as all others are (listener.ts) and put
// into it. So a change of the settings, or new files behind the same names, is a new TLS server for
// whoever connects from then on; the connections that are there keep theirs. What cannot be put to work
// is refused, and the one that works stays.

import { constants } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import {
  createServer,
  DEFAULT_CIPHERS,
  type SecureVersion,
  type Server as NodeTlsServer,
  type TLSSocket,
  type TlsOptions,
} from "node:tls";

import type { Config } from "../config/config.ts";
import { isSettingName, type SettingName } from "../config/table.ts";
import { tlsListeningSettings } from "../config/tls.ts";
import type { Log } from "../observe/log.ts";

/** Why TLS cannot be had with these settings, in words for the operator. */
export class TlsRefused extends Error {
  override readonly name = "TlsRefused";
}

const VERSIONS = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const satisfies SecureVersion[];
const USUAL_VERSIONS = "TLSv1.2 TLSv1.3";
const WITHOUT: Readonly<Record<SecureVersion, number>> = {
  TLSv1: constants.SSL_OP_NO_TLSv1,
  "TLSv1.1": constants.SSL_OP_NO_TLSv1_1,
  "TLSv1.2": constants.SSL_OP_NO_TLSv1_2,
  "TLSv1.3": constants.SSL_OP_NO_TLSv1_3,
};
/** Who connects and then says nothing is sent away. */
const HANDSHAKE_MS_MAX = 10_000;
/** Handshakes under way at the same time; one more is closed. */
const HANDSHAKES_MAX = 1024;
const NO_AUTHORITY =
  "either tls-ca-cert-file or tls-ca-cert-dir must be given when clients are asked for certificates " +
  "(tls-auth-clients)";
/** What CONFIG SET says when TLS cannot be had like that. */
export const NOT_UPDATED = "Unable to update TLS configuration. Check server logs.";

const NAMES: readonly SettingName[] = Object.keys(tlsListeningSettings).filter((name) =>
  isSettingName(name),
);

/** Takes a connection once it is encrypted. */
type Take = (socket: TLSSocket) => void;

export class TlsGate {
  readonly #config: Config;
  readonly #log: Log;
  #server: NodeTlsServer;
  /** The values that are at work, as one text. */
  #applied: string;
  #isRefusing = false;
  #take: Take = (socket) => socket.destroy();
  #handshakes = new Set<Socket>();

  /** Throws TlsRefused. */
  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#server = this.#newServer();
    this.#applied = this.#wanted();
    for (const name of NAMES) config.onApply(name, () => this.#reload());
  }

  serve(take: Take): void {
    this.#take = take;
  }

  /** Begins the handshake on a socket that nobody has read from. */
  admit(socket: Socket): void {
    if (this.#handshakes.size >= HANDSHAKES_MAX) {
      socket.destroy();
      return;
    }
    this.#handshakes.add(socket);
    this.#server.emit("connection", socket);
  }

  close(): void {
    for (const socket of this.#handshakes) socket.destroy();
  }

  #wanted(): string {
    return JSON.stringify(NAMES.map((name) => this.#config.get(name)));
  }

  /** Null, or why CONFIG SET is refused; then it is called once more with the values of before. */
  #reload(): string | null {
    const wanted = this.#wanted();
    if (this.#isRefusing && wanted === this.#applied) return null;
    try {
      this.#server = this.#newServer();
      this.#applied = wanted;
      return null;
    } catch (error) {
      if (!(error instanceof TlsRefused)) throw error;
      this.#log.warning(`Failed to configure TLS: ${error.message}. What worked before stays.`);
      this.#isRefusing = true;
      queueMicrotask(() => {
        this.#isRefusing = false;
      });
      return NOT_UPDATED;
    }
  }

  #newServer(): NodeTlsServer {
    const auth = this.#config.get("tls-auth-clients");
    let server: NodeTlsServer;
    try {
      server = createServer(optionsOf(this.#config));
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error)) throw error;
      throw new TlsRefused(error.message);
    }
    const isOver = (socket: TLSSocket): void => {
      // Node's name for the socket that was put in.
      const accepted: unknown = Reflect.get(socket, "_parent");
      if (accepted instanceof Socket) this.#handshakes.delete(accepted);
    };
    server.on("secureConnection", (socket) => {
      isOver(socket);
      if (auth === "optional" && isBadlyCertified(socket)) {
        this.#log.verbose(
          `A client's certificate is refused: ${String(socket.authorizationError)}`,
        );
        socket.destroy();
        return;
      }
      this.#take(socket);
    });
    server.on("tlsClientError", (error, socket) => {
      isOver(socket);
      this.#log.verbose(`Error accepting a client connection: ${error.message}`);
      socket.destroy();
    });
    return server;
  }
}

/** With "optional", none is as good as a good one. */
function isBadlyCertified(socket: TLSSocket): boolean {
  return !socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0;
}

function optionsOf(config: Config): TlsOptions {
  const auth = config.get("tls-auth-clients");
  const certificate = contentAt("tls-cert-file", config.get("tls-cert-file"));
  const key = contentAt("tls-key-file", config.get("tls-key-file"));
  if (certificate === null) throw new TlsRefused("no tls-cert-file is given");
  const authorities = authoritiesOf(config);
  if (auth !== "no" && authorities.length === 0) throw new TlsRefused(NO_AUTHORITY);
  const passphrase = config.get("tls-key-file-pass");
  const parameters = contentAt("tls-dh-params-file", config.get("tls-dh-params-file"));
  const ciphers = ciphersOf(config);
  return {
    cert: certificate,
    // A file may hold both.
    key: key ?? certificate,
    ...(passphrase === "" ? {} : { passphrase }),
    ...(authorities.length === 0 ? {} : { ca: authorities }),
    ...(parameters === null ? {} : { dhparam: parameters }),
    ...(ciphers === null ? {} : { ciphers }),
    ...versionsOf(config),
    honorCipherOrder: config.get("tls-prefer-server-ciphers"),
    // 0 is OpenSSL's "for ever".
    sessionTimeout: config.get("tls-session-cache-timeout"),
    requestCert: auth !== "no",
    rejectUnauthorized: auth === "yes",
    handshakeTimeout: HANDSHAKE_MS_MAX,
    allowHalfOpen: true,
  };
}

function versionsOf(config: Config): TlsOptions {
  const text = config.get("tls-protocols");
  const words = (text === "" ? USUAL_VERSIONS : text).split(" ").filter((word) => word !== "");
  const wanted = words.map((word) => {
    const version = VERSIONS.find((one) => one.toLowerCase() === word.toLowerCase());
    if (version === undefined) {
      throw new TlsRefused(`invalid tls-protocols '${word}'; there are ${VERSIONS.join(" ")}`);
    }
    return version;
  });
  const isWanted = (version: SecureVersion): boolean => wanted.includes(version);
  const minVersion = VERSIONS.find(isWanted);
  const maxVersion = VERSIONS.findLast(isWanted);
  if (minVersion === undefined || maxVersion === undefined) {
    throw new TlsRefused("tls-protocols names none");
  }
  let secureOptions = config.get("tls-session-caching") ? 0 : constants.SSL_OP_NO_TICKET;
  for (const version of VERSIONS) if (!isWanted(version)) secureOptions |= WITHOUT[version];
  return { minVersion, maxVersion, secureOptions };
}

/** Node takes both kinds in one list; a kind that is not in it would be switched off. */
function ciphersOf(config: Config): string | null {
  const older = config.get("tls-ciphers");
  const suites = config.get("tls-ciphersuites");
  if (older === "" && suites === "") return null;
  const usual = DEFAULT_CIPHERS.split(":");
  const usualSuites = usual.filter((name) => name.startsWith("TLS_")).join(":");
  const usualOlder = usual.filter((name) => !name.startsWith("TLS_")).join(":");
  return `${suites === "" ? usualSuites : suites}:${older === "" ? usualOlder : older}`;
}

function authoritiesOf(config: Config): string[] {
  const file = contentAt("tls-ca-cert-file", config.get("tls-ca-cert-file"));
  const found = file === null ? [] : [file];
  const dir = config.get("tls-ca-cert-dir");
  if (dir === "") return found;
  const names = attempt("tls-ca-cert-dir", () => readdirSync(dir));
  for (const name of names) {
    const text = contentOf(join(dir, name));
    if (text?.includes("-----BEGIN CERTIFICATE-----") === true) found.push(text);
  }
  return found;
}

/** Null for what is no file: a folder in the folder. */
function contentOf(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}

function contentAt(setting: string, path: string): string | null {
  return path === "" ? null : attempt(setting, () => readFileSync(path, "latin1"));
}

function attempt<Result>(setting: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    throw new TlsRefused(`${setting}: ${error.message}`);
  }
}
