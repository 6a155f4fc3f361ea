// CLIENT TRACKING and what belongs to it: client-side caching. How it works is in session/tracking.ts.

import type { Bytes } from "../base/bytes.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { MapReply, OK, SetReply, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { oneOf, word } from "./argument-specs.ts";
import type { SessionPort, TrackingFacts, TrackingOptions } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows, type SessionCommand } from "./table.ts";

const NOT_TRACKING = -1;

const ONE_REDIRECTION = new CommandError("ERR A client can only redirect to a single other client");
const NO_SUCH_TARGET = new CommandError("ERR The client ID you want redirect to does not exist");
const PREFIX_WITHOUT_BCAST = new CommandError(
  "ERR PREFIX option requires BCAST mode to be enabled",
);
const BCAST_STAYS = new CommandError(
  "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then " +
    "re-enabling it with a different mode.",
);
const BCAST_ALONE = new CommandError("ERR OPTIN and OPTOUT are not compatible with BCAST");
const IN_OR_OUT = new CommandError("ERR You can't specify both OPTIN mode and OPTOUT mode");
const MODE_STAYS = new CommandError(
  "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then " +
    "re-enabling it with a different mode.",
);
const CACHING_WITHOUT_MODE = new CommandError(
  "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT " +
    "mode enabled",
);
const YES_WITHOUT_OPTIN = new CommandError(
  "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
);
const NO_WITHOUT_OPTOUT = new CommandError(
  "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
);

const own = {
  kind: "session",
  flags: ["noscript", "loading", "stale"],
  keys: NO_KEYS,
  group: "connection",
  since: "6.0.0",
  complexity: "O(1)",
} as const satisfies Partial<SessionCommand>;

/** Subcommands of CLIENT. */
export const trackingRows: CommandRows = {
  TRACKING: {
    ...own,
    arity: -3,
    summary: "Chooses whether this connection is told when keys that it has read change.",
    complexity: "O(1); with prefixes O(N), N being their number",
    arguments: [
      oneOf("status", [word("ON"), word("OFF")]),
      { name: "client-id", type: "integer", token: "REDIRECT", optional: true },
      {
        name: "prefix",
        type: "string",
        token: "PREFIX",
        optional: true,
        multiple: true,
        multipleToken: true,
      },
      { ...word("BCAST"), optional: true },
      { ...word("OPTIN"), optional: true },
      { ...word("OPTOUT"), optional: true },
      { ...word("NOLOOP"), optional: true },
    ],
    run: track,
  },
  CACHING: {
    ...own,
    arity: 3,
    summary: "Chooses whether the keys of the next command are tracked.",
    arguments: [oneOf("mode", [word("YES"), word("NO")])],
    run: setCaching,
  },
  GETREDIR: {
    ...own,
    arity: 2,
    summary: "Answers which connection gets the invalidations of this one: -1, nothing is tracked.",
    run: (session: SessionPort) => session.trackingFacts?.redirect ?? NOT_TRACKING,
  },
  TRACKINGINFO: {
    ...own,
    arity: 2,
    since: "6.2.0",
    summary: "Describes how this connection is tracked.",
    run(session: SessionPort) {
      const facts = session.trackingFacts;
      return new MapReply([
        "flags",
        new SetReply(flagsOf(facts)),
        "redirect",
        facts?.redirect ?? NOT_TRACKING,
        "prefixes",
        facts?.prefixes ?? [],
      ]);
    },
  },
};

function flagsOf(facts: TrackingFacts | null): string[] {
  if (facts === null) return ["off"];
  const flags = ["on"];
  if (facts.isBroadcast) flags.push("bcast");
  if (facts.optIn) flags.push("optin", ...(facts.isCachingGiven ? ["caching-yes"] : []));
  if (facts.optOut) flags.push("optout", ...(facts.isCachingGiven ? ["caching-no"] : []));
  if (facts.noLoop) flags.push("noloop");
  if (facts.isBroken) flags.push("broken_redirect");
  return flags;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function track(session: SessionPort, args: Args): Reply {
  const options = readOptions(session, args);
  switch (at(args, 2).toUpperCase()) {
    case "ON":
      session.startTracking(checked(options, session.trackingFacts));
      return OK;
    case "OFF":
      session.stopTracking();
      return OK;
    default:
      throw SYNTAX_ERROR;
  }
}

function readOptions(session: SessionPort, args: Args): TrackingOptions {
  const prefixes: Bytes[] = [];
  const options: Mutable<TrackingOptions> = {
    redirect: 0,
    isBroadcast: false,
    optIn: false,
    optOut: false,
    noLoop: false,
    prefixes,
  };
  for (let index = 3; index < args.length; index++) {
    const value = args[index + 1];
    const option = at(args, index).toUpperCase();
    if (option === "REDIRECT" && value !== undefined) {
      if (options.redirect !== 0) throw ONE_REDIRECTION;
      options.redirect = targetOf(session, value);
      index++;
    } else if (option === "PREFIX" && value !== undefined) {
      prefixes.push(value);
      index++;
    } else if (option === "BCAST") options.isBroadcast = true;
    else if (option === "OPTIN") options.optIn = true;
    else if (option === "OPTOUT") options.optOut = true;
    else if (option === "NOLOOP") options.noLoop = true;
    else throw SYNTAX_ERROR;
  }
  return options;
}

function targetOf(session: SessionPort, text: Bytes): number {
  const id = parseInteger(text);
  if (id === null) throw NOT_AN_INTEGER;
  if (!session.isConnected(Number(id))) throw NO_SUCH_TARGET;
  return Number(id);
}

/** The options as they take effect: with the prefixes that there are already. */
function checked(options: TrackingOptions, before: TrackingFacts | null): TrackingOptions {
  const { isBroadcast, optIn, optOut, prefixes } = options;
  if (!isBroadcast && prefixes.length > 0) throw PREFIX_WITHOUT_BCAST;
  if (before !== null && before.isBroadcast !== isBroadcast) throw BCAST_STAYS;
  if (isBroadcast && (optIn || optOut)) throw BCAST_ALONE;
  if (optIn && optOut) throw IN_OR_OUT;
  if (before !== null && switchesMode(options, before)) throw MODE_STAYS;
  return isBroadcast ? withKnownPrefixes(options, before?.prefixes ?? []) : options;
}

function withKnownPrefixes(options: TrackingOptions, known: readonly Bytes[]): TrackingOptions {
  const { prefixes } = options;
  checkPrefixes(prefixes, known);
  const wanted = prefixes.length === 0 ? [""] : prefixes;
  return { ...options, prefixes: [...new Set([...known, ...wanted])].sort() };
}

function switchesMode({ optIn, optOut }: TrackingOptions, before: TrackingFacts): boolean {
  return (optIn && before.optOut) || (optOut && before.optIn);
}

function checkPrefixes(prefixes: readonly Bytes[], known: readonly Bytes[]): void {
  for (const [index, prefix] of prefixes.entries()) {
    for (const other of known) {
      if (overlaps(prefix, other)) throw overlap(prefix, `an existing prefix '${other}'`);
    }
    for (const other of prefixes.slice(index + 1)) {
      if (overlaps(prefix, other)) throw overlap(prefix, `another provided prefix '${other}'`);
    }
  }
}

function overlaps(one: Bytes, other: Bytes): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

function overlap(prefix: Bytes, withWhat: Bytes): CommandError {
  return new CommandError(
    `ERR Prefix '${prefix}' overlaps with ${withWhat}. Prefixes for a single client must not overlap.`,
  );
}

function setCaching(session: SessionPort, args: Args): Reply {
  const facts = session.trackingFacts;
  if (facts === null) throw CACHING_WITHOUT_MODE;
  switch (at(args, 2).toUpperCase()) {
    case "YES":
      if (!facts.optIn) throw YES_WITHOUT_OPTIN;
      break;
    case "NO":
      if (!facts.optOut) throw NO_WITHOUT_OPTOUT;
      break;
    default:
      throw SYNTAX_ERROR;
  }
  session.giveCaching();
  return OK;
}
