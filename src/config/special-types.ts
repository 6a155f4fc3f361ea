// Kinds of values that only one or two settings have: snapshots, output buffers, event masks ...

import type { Bytes } from "../base/bytes.ts";
import { BadValue, formatMemory, parseMemory, single, type ValueType } from "./value-types.ts";

export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

/** Pairs of seconds and changes; an empty word is none at all. */
export const savePoints: ValueType<readonly SavePoint[]> = {
  takes: "pairs of seconds and changes, or an empty text",
  takesMany: true,
  takesNone: true,
  startsFrom: [],
  parse(words, before) {
    if (words.length === 0 || (words.length === 1 && words[0] === "")) return [];
    if (words.length % 2 !== 0) throw new BadValue("Invalid save parameters");
    const added: SavePoint[] = [];
    for (let index = 0; index < words.length; index += 2) {
      const seconds = wholeNumber(words[index] ?? "");
      const changes = wholeNumber(words[index + 1] ?? "");
      if (seconds === null || seconds < 1 || changes === null || changes < 0) {
        throw new BadValue("Invalid save parameters");
      }
      added.push({ seconds, changes });
    }
    return [...before, ...added];
  },
  format: (value) => value.map((point) => `${point.seconds} ${point.changes}`).join(" "),
  lines(value) {
    if (value.length === 0) return [[""]];
    return [value.flatMap((point) => [String(point.seconds), String(point.changes)])];
  },
};

export interface OutputLimit {
  /** Bytes; 0 is no limit. */
  readonly hard: number;
  readonly soft: number;
  readonly softSeconds: number;
}

export interface OutputLimits {
  readonly normal: OutputLimit;
  readonly replica: OutputLimit;
  readonly pubsub: OutputLimit;
}

type ClientClass = keyof OutputLimits;
const CLIENT_CLASSES: readonly ClientClass[] = ["normal", "replica", "pubsub"];

/** Class, hard limit, soft limit, seconds; for as many classes as one likes. */
export const outputLimits: ValueType<OutputLimits> = {
  takes: "class (normal, replica, pubsub), hard limit, soft limit, soft seconds; for one or more",
  takesMany: true,
  parse(words, before) {
    if (words.length === 0 || words.length % 4 !== 0) {
      throw new BadValue("Wrong number of arguments in buffer limit configuration.");
    }
    const limits = { ...before };
    for (let index = 0; index < words.length; index += 4) {
      const [name = "", hard = "", soft = "", seconds = ""] = words.slice(index, index + 4);
      const lower = name.toLowerCase();
      const found = CLIENT_CLASSES.find((one) => one === (lower === "slave" ? "replica" : lower));
      if (found === undefined) {
        throw new BadValue("Invalid client class specified in buffer limit configuration.");
      }
      limits[found] = outputLimit(hard, soft, seconds);
    }
    return limits;
  },
  // Redis still answers "slave" here, and clients match on it.
  format: (value) =>
    CLIENT_CLASSES.map((name) => {
      const { hard, soft, softSeconds } = value[name];
      return `${name === "replica" ? "slave" : name} ${hard} ${soft} ${softSeconds}`;
    }).join(" "),
  lines: (value) =>
    CLIENT_CLASSES.map((name) => {
      const { hard, soft, softSeconds } = value[name];
      return [name, formatMemory(hard), formatMemory(soft), String(softSeconds)];
    }),
};

function outputLimit(hardWord: Bytes, softWord: Bytes, secondsWord: Bytes): OutputLimit {
  const hard = parseMemory(hardWord);
  const soft = parseMemory(softWord);
  const softSeconds = wholeNumber(secondsWord);
  if (hard === null || soft === null || softSeconds === null || softSeconds < 0) {
    throw new BadValue(
      "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
    );
  }
  return { hard, soft, softSeconds };
}

const ALL_EVENTS = "g$lshzxetd";
// In the order Redis writes them: what A stands for, then what it leaves out.
const EVENT_ORDER = Array.from(`${ALL_EVENTS}nKEm`);

/** Letters of event classes, each at most once and in Redis's order, A in place of all it means. */
export const eventMask: ValueType<Bytes> = single(
  "letters of event classes",
  (word) => {
    for (const letter of word) {
      if (letter !== "A" && !EVENT_ORDER.includes(letter)) {
        throw new BadValue("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
      }
    }
    const letters = EVENT_ORDER.filter(
      (letter) => word.includes(letter) || (word.includes("A") && ALL_EVENTS.includes(letter)),
    );
    return letters.join("").replace(ALL_EVENTS, "A");
  },
  (value) => value,
);

const TITLE_VARIABLES: ReadonlySet<string> = new Set([
  "title",
  "listen-addr",
  "server-mode",
  "port",
  "tls-port",
  "unixsocket",
  "config-file",
]);

export const titleTemplate: ValueType<Bytes> = single(
  "text with variables in braces",
  (word) => {
    const variables = [...word.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
    const rest = word.replaceAll(/\{[^{}]*\}/g, "");
    if (/[{}]/.test(rest) || variables.some((name) => !TITLE_VARIABLES.has(name))) {
      throw new BadValue("template format is invalid or contains unknown variables");
    }
    return word;
  },
  (value) => value,
);

/** Three numbers, for a primary, a replica, and a child process. */
export const oomScores: ValueType<readonly number[]> = {
  takes: "three numbers from -2000 to 2000",
  takesMany: true,
  parse(words) {
    if (words.length !== 3) throw new BadValue("wrong number of arguments");
    return words.map((word) => {
      const value = wholeNumber(word);
      if (value !== null && value >= -2000 && value <= 2000) return value;
      throw new BadValue("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    });
  },
  format: (value) => value.join(" "),
  lines: (value) => [value.map(String)],
};

export const percentiles: ValueType<readonly number[]> = {
  takes: "percentiles from 0 to 100, or an empty text",
  takesMany: true,
  parse(words) {
    if (words.length === 1 && words[0] === "") return [];
    return words.map((word) => {
      const value = /^[0-9]+(?:\.[0-9]*)?$/.test(word) ? Number(word) : Number.NaN;
      if (value >= 0 && value <= 100) return value;
      throw new BadValue(
        "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
      );
    });
  },
  format: (value) => value.join(" "),
  lines: (value) => [value.length === 0 ? [""] : value.map(String)],
};

/** Addresses to listen on; one that starts with "-" may be missing from this machine. */
export const addresses: ValueType<readonly Bytes[]> = {
  takes: "up to 16 addresses; * and ::* are all, a leading - forgives a missing one",
  takesMany: true,
  parse(words) {
    if (words.length > 16) throw new BadValue("Too many bind addresses specified.");
    return words.filter((word) => word !== "");
  },
  format: (value) => value.join(" "),
  lines: (value) => [value.length === 0 ? [""] : value],
};

/** How writers are treated while the engine refuses to take more. */
export type StallPolicy =
  | { readonly kind: "wait"; readonly limitMs: number }
  | { readonly kind: "fail" };

export const stallPolicy: ValueType<StallPolicy> = {
  takes: "wait and milliseconds, or fail",
  takesMany: true,
  parse(words) {
    const [kind = "", limit = "", ...rest] = words.map((word) => word.toLowerCase());
    if (kind === "fail" && words.length === 1) return { kind };
    const limitMs = wholeNumber(limit);
    if (kind === "wait" && limitMs !== null && limitMs >= 1 && rest.length === 0) {
      return { kind, limitMs };
    }
    throw new BadValue("argument must be 'wait <milliseconds>' or 'fail'");
  },
  format: (value) => (value.kind === "wait" ? `wait ${value.limitMs}` : "fail"),
  lines: (value) => [value.kind === "wait" ? ["wait", String(value.limitMs)] : ["fail"]],
};

/** Whole lines, kept as they are for another room to read; each line adds one. */
export const keptLines: ValueType<readonly (readonly Bytes[])[]> = {
  takes: "words",
  takesMany: true,
  startsFrom: [],
  parse(words, before) {
    if (words.length === 0) throw new BadValue("wrong number of arguments");
    return [...before, words];
  },
  format: (value) => value.map((words) => words.join(" ")).join("\n"),
  lines: (value) => value,
};

/** Command renamings: old name and new name, the new one empty to take the command away. */
export const renamings: ValueType<readonly (readonly Bytes[])[]> = {
  ...keptLines,
  takes: "a command and its new name",
  parse(words, before) {
    if (words.length !== 2) throw new BadValue("wrong number of arguments");
    return [...before, words];
  },
};

function wholeNumber(word: Bytes): number | null {
  if (!/^-?[0-9]{1,15}$/.test(word)) return null;
  return Number(word);
}
