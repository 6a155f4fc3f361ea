// DEBUG STORAGE-FAULT: has the running server fail on purpose (docs/operating/fault-drills.md). Here
// the request is read; what it does is up to engine/drill.ts and commit/drill-log.ts.
//
//   DEBUG STORAGE-FAULT                     what is on
//   DEBUG STORAGE-FAULT off
//   DEBUG STORAGE-FAULT <fault> [PROBABILITY p] [COUNT n] [SECONDS s] ...

import type { Bytes } from "../base/bytes.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { Double, MapReply, OK, type Reply } from "../resp/reply.ts";
import { parseDouble, parseInteger } from "../types/number.ts";
import type { ServerPort, StorageFault } from "./ports.ts";
import { at, type Args } from "./table.ts";

type Draft = { -readonly [Part in keyof StorageFault]: StorageFault[Part] };
type Kind = StorageFault["kind"];

const SECONDS_MAX = 86_400;
const MILLISECONDS_MAX = 3_600_000;
const UNKNOWN_FAULT = new CommandError(
  "ERR unknown fault, try one of: stall refuse-commit unknown-commit no-space io-error slow off",
);
const BAD_PROBABILITY = new CommandError("ERR the probability is a number above 0 and up to 1");
const BAD_TIME = new CommandError("ERR the time is out of range");

/** What each fault is like when nothing is said about it; its order is that of the documentation. */
const USUAL: Readonly<Record<Kind, Partial<StorageFault>>> = {
  stall: {},
  "refuse-commit": {},
  "unknown-commit": { milliseconds: 1000 },
  "no-space": {},
  "io-error": {},
  slow: { milliseconds: 100, on: "all" },
};

type Read = (draft: Draft, value: Bytes) => void;

const OPTIONS: Readonly<Record<string, { readonly of: readonly Kind[] | "all"; read: Read }>> = {
  PROBABILITY: {
    of: "all",
    read(draft, value) {
      const probability = parseDouble(value);
      if (probability === null || !(probability > 0 && probability <= 1)) throw BAD_PROBABILITY;
      draft.probability = probability;
    },
  },
  COUNT: {
    of: "all",
    read(draft, value) {
      const count = parseInteger(value);
      if (typeof count !== "number" || count < 1) throw NOT_AN_INTEGER;
      draft.hitsMax = count;
    },
  },
  SECONDS: {
    of: "all",
    read(draft, value) {
      draft.seconds = time(value, SECONDS_MAX);
    },
  },
  MILLISECONDS: {
    of: ["unknown-commit", "slow"],
    read(draft, value) {
      draft.milliseconds = time(value, MILLISECONDS_MAX);
    },
  },
  ON: {
    of: ["io-error", "slow"],
    read(draft, value) {
      draft.on = oneOf(value, ["writes", "reads", "all"]);
    },
  },
  AS: {
    of: ["refuse-commit"],
    read(draft, value) {
      draft.as = oneOf(value, ["stall", "too-large", "read-only", "no-space", "io"]);
    },
  },
  OUTCOME: {
    of: ["unknown-commit"],
    read(draft, value) {
      draft.outcome = oneOf(value, ["applied", "absent", "random"]);
    },
  },
};

export function storageFault(server: ServerPort, args: Args): Reply {
  const { debug } = server;
  if (args.length === 2) return told(server);
  const kind = at(args, 2).toLowerCase();
  if (kind === "off" && args.length === 3) {
    debug.setStorageFault(null);
    return OK;
  }
  if (!isKind(kind)) throw UNKNOWN_FAULT;
  debug.setStorageFault(faultOf(kind, args));
  return OK;
}

function faultOf(kind: Kind, args: Args): StorageFault {
  const draft: Draft = {
    kind,
    probability: 1,
    hitsMax: Infinity,
    seconds: Infinity,
    milliseconds: 0,
    on: "writes",
    as: "stall",
    outcome: "random",
    ...USUAL[kind],
  };
  for (let index = 3; index < args.length; index += 2) {
    const name = at(args, index).toUpperCase();
    const value = args[index + 1];
    const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (option === undefined || value === undefined) throw SYNTAX_ERROR;
    if (option.of !== "all" && !option.of.includes(kind)) throw SYNTAX_ERROR;
    option.read(draft, value);
  }
  return draft;
}

function told({ debug }: ServerPort): Reply {
  const { fault, hits } = debug.storageFault;
  const facts: Reply[] = ["fault", fault?.kind ?? "off", "hits", hits];
  if (fault === null) return new MapReply(facts);
  facts.push("probability", new Double(fault.probability));
  if (fault.hitsMax !== Infinity) facts.push("count", fault.hitsMax);
  if (fault.seconds !== Infinity) facts.push("seconds", fault.seconds);
  for (const [option, name] of [
    ["MILLISECONDS", "milliseconds"],
    ["ON", "on"],
    ["AS", "as"],
    ["OUTCOME", "outcome"],
  ] as const) {
    if (OPTIONS[option]?.of.includes(fault.kind) === true) facts.push(name, fault[name]);
  }
  return new MapReply(facts);
}

function isKind(text: string): text is Kind {
  return Object.hasOwn(USUAL, text);
}

function time(value: Bytes, max: number): number {
  const amount = parseInteger(value);
  if (typeof amount !== "number") throw NOT_AN_INTEGER;
  if (amount < 1 || amount > max) throw BAD_TIME;
  return amount;
}

function oneOf<Word extends string>(value: Bytes, words: readonly Word[]): Word {
  const lower = value.toLowerCase();
  const found = words.find((word) => word === lower);
  if (found === undefined) throw SYNTAX_ERROR;
  return found;
}
