// What `make bench` was asked for, and which servers beside ours: arguments to a plan, nothing run yet.

import { parseArgs } from "node:util";

import { TESTS } from "./cases.ts";

/** Said to the user as it is; nothing has been started. */
export class BadArguments extends Error {}

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
  /** Null for the default user. */
  readonly user: string | null;
  /** Null when it wants none. */
  readonly password: string | null;
}

export interface Plan {
  readonly tests: readonly string[];
  readonly pipelines: readonly number[];
  readonly rounds: number;
  /** How long one round of one test on one server is to take. */
  readonly seconds: number;
  readonly peers: readonly PeerAddress[];
  /** Peers may be emptied: what they hold is lost. */
  readonly flushPeers: boolean;
  readonly nodeFlags: readonly string[];
  readonly fsync: boolean;
  readonly memory: boolean;
  readonly write: boolean;
}

export const USAGE = `make bench ARGS="..." (or node build/scripts/bench.js ...)

  --quick               set, get and incr only, three short rounds
  --tests set,get       some of: ${TESTS.join(" ")}
  --pipelines 1,16      how many requests are sent at once on a connection
  --rounds 9            rounds of each test and server
  --seconds 0.3         length of a round
  --peer host:port      another server that already runs; may be given again. With a password:
                        redis://[user]:password@host:port
  --flush-peer          peers may be emptied (FLUSHALL); without it one that holds keys is refused
  --node-flag --flag    given to Kept's node
  --no-fsync            without the table of durable writes
  --no-memory           without the table of memory
  --write               puts tables and chart into docs/`;

const PORT_MAX = 65_535;
const OPTIONS = {
  quick: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
  rounds: { type: "string" },
  tests: { type: "string" },
  pipelines: { type: "string" },
  seconds: { type: "string" },
  peer: { type: "string", multiple: true },
  "flush-peer": { type: "boolean", default: false },
  "node-flag": { type: "string", multiple: true },
  "no-fsync": { type: "boolean", default: false },
  "no-memory": { type: "boolean", default: false },
  write: { type: "boolean", default: false },
} as const;

/** Null when the usage was asked for. Throws BadArguments. */
export function planOf(argv: string[]): Plan | null {
  const values = read(argv);
  if (values.help) return null;
  const { quick } = values;
  const pipelines = (values.pipelines ?? (quick ? "1,16" : "1,16,64")).split(",");
  return {
    tests: testsOf(values.tests) ?? (quick ? ["set", "get", "incr"] : TESTS),
    pipelines: pipelines.map((text) => wholeNumber("--pipelines", text)),
    rounds: wholeNumber("--rounds", values.rounds ?? (quick ? "3" : "9")),
    seconds: duration(values.seconds ?? "0.3"),
    peers: (values.peer ?? []).map(peerOf),
    flushPeers: values["flush-peer"],
    nodeFlags: values["node-flag"] ?? [],
    fsync: !values["no-fsync"],
    memory: !values["no-memory"] && !quick,
    write: values.write,
  };
}

function read(argv: string[]) {
  try {
    return parseArgs({ args: argv, options: OPTIONS }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new BadArguments(error.message);
  }
}

function testsOf(text: string | undefined): string[] | null {
  if (text === undefined) return null;
  const names = text.split(",");
  const strange = names.find((name) => !TESTS.includes(name));
  if (strange === undefined) return names;
  throw new BadArguments(`--tests: there is no test '${strange}'; there are ${TESTS.join(", ")}`);
}

function wholeNumber(option: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new BadArguments(`${option}: '${text}' is no whole number above 0`);
}

function duration(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (seconds > 0) return seconds;
  throw new BadArguments(`--seconds: '${text}' is no number above 0`);
}

/** `host:port`, `[::1]:port`, or an address that begins with redis://. Throws BadArguments. */
export function peerOf(text: string): PeerAddress {
  const address = text.includes("://") ? text : `redis://${text}`;
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw badPeer(text);
  }
  const { protocol, hostname, port, username, password, pathname } = url;
  const isPlain = protocol === "redis:" && /^\/?$/.test(pathname);
  if (!isPlain || hostname === "" || !(Number(port) > 0 && Number(port) <= PORT_MAX)) {
    throw badPeer(text);
  }
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
    user: username === "" ? null : decodeURIComponent(username),
    password: password === "" ? null : decodeURIComponent(password),
  };
}

function badPeer(text: string): BadArguments {
  // Not word for word: it may hold a password.
  const told = text.replace(/\/\/.*@/, "//...@");
  return new BadArguments(
    `--peer: '${told}' is neither host:port nor redis://[user]:password@host:port`,
  );
}
