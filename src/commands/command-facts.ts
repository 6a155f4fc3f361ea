// A row of the table as COMMAND INFO and COMMAND DOCS show it.

import { MapReply, SetReply, Status, type Reply } from "../resp/reply.ts";
import { aclCategories } from "./acl-categories.ts";
import { tipsOf } from "./command-tips.ts";
import type { Command } from "./lookup.ts";
import type { ArgumentSpec, CommandFlag, CommandRow, KeySpec } from "./table.ts";

/** One entry of COMMAND INFO: ten elements, the last one the subcommands. */
export function infoOf(command: Command): Reply {
  const { row } = command;
  const { first, last, step } = legacyKeys(row.keys);
  const subcommands = [...command.subcommands.values()];
  return [
    command.name,
    row.arity,
    words(flagsOf(row)),
    first,
    last,
    step,
    words(aclCategories(row).map((category) => `@${category}`)),
    new SetReply(tipsOf(command.name)),
    row.keys.map(keySpecOf),
    subcommands.map(infoOf),
  ];
}

function words(texts: readonly string[]): SetReply {
  return new SetReply(texts.map((text) => new Status(text)));
}

/** Flags that Redis keeps to itself. */
const INTERNAL_FLAGS: ReadonlySet<CommandFlag> = new Set([
  "sentinel",
  "only_sentinel",
  "may_replicate",
  "protected",
  "movablekeys",
]);

function flagsOf(row: CommandRow): string[] {
  const isMovable = row.flags.includes("movablekeys") || row.keys.some(isMovableSpec);
  const flags = row.flags.filter((flag) => !INTERNAL_FLAGS.has(flag));
  return isMovable ? [...flags, "movablekeys"] : flags;
}

function isMovableSpec(spec: KeySpec): boolean {
  return spec.kind !== "range";
}

/** The three numbers with which clients found keys before there were key specs. */
function legacyKeys(specs: readonly KeySpec[]): { first: number; last: number; step: number } {
  const ranges = specs.filter((spec) => spec.kind === "range");
  const [only] = ranges;
  if (only === undefined) return { first: 0, last: 0, step: 0 };
  if (ranges.length === 1) return { first: only.first, last: only.last, step: only.step };
  const lasts = ranges.map(({ last }) => last);
  return {
    first: Math.min(...ranges.map(({ first }) => first)),
    last: lasts.some((last) => last < 0) ? Math.min(...lasts) : Math.max(...lasts),
    step: 1,
  };
}

function keySpecOf(spec: KeySpec): Reply {
  return new MapReply([
    "flags",
    words(spec.flags),
    "begin_search",
    beginOf(spec),
    "find_keys",
    findOf(spec),
  ]);
}

function typed(type: string, facts: readonly Reply[]): MapReply {
  return new MapReply(["type", type, "spec", new MapReply(facts)]);
}

function beginOf(spec: KeySpec): Reply {
  switch (spec.kind) {
    case "range":
      return typed("index", ["index", spec.first]);
    case "count":
      return typed("index", ["index", spec.countAt]);
    case "keyword":
      return typed("keyword", ["keyword", spec.word, "startfrom", spec.from]);
    case "unknown":
      return typed("unknown", []);
    default:
      return unreachableSpec(spec);
  }
}

function findOf(spec: KeySpec): Reply {
  switch (spec.kind) {
    case "range": {
      const lastKey = spec.last < 0 ? spec.last : spec.last - spec.first;
      return typed("range", ["lastkey", lastKey, "keystep", spec.step, "limit", 0]);
    }
    case "count": {
      const firstKey = spec.first - spec.countAt;
      return typed("keynum", ["keynumidx", 0, "firstkey", firstKey, "keystep", spec.step ?? 1]);
    }
    case "keyword": {
      const limit = spec.limit ?? 0;
      return typed("range", ["lastkey", spec.last, "keystep", spec.step, "limit", limit]);
    }
    case "unknown":
      return typed("unknown", []);
    default:
      return unreachableSpec(spec);
  }
}

function unreachableSpec(spec: never): never {
  throw new Error(`unreachable: ${String(spec)}`);
}

/** The name and the facts of one command, as two entries of COMMAND DOCS' map. */
export function docsOf(command: Command): [string, Reply] {
  const { row } = command;
  const facts: Reply[] = [
    "summary",
    row.summary,
    "since",
    row.since,
    "group",
    row.group,
    "complexity",
    row.complexity,
  ];
  if (row.deprecatedSince !== undefined) {
    facts.push("doc_flags", words(["deprecated"]), "deprecated_since", row.deprecatedSince);
  }
  if (row.replacedBy !== undefined) facts.push("replaced_by", row.replacedBy);
  if (row.arguments !== undefined && row.arguments.length > 0) {
    facts.push("arguments", argumentsOf(row.arguments, { nextKey: 0 }));
  }
  if (command.subcommands.size > 0) {
    facts.push("subcommands", new MapReply([...command.subcommands.values()].flatMap(docsOf)));
  }
  return [command.name, new MapReply(facts)];
}

/** The arguments that are keys are numbered as their key specs are. */
function argumentsOf(specs: readonly ArgumentSpec[], keys: { nextKey: number }): Reply {
  return specs.map((spec) => {
    const facts: Reply[] = ["name", spec.name, "type", spec.type];
    if (spec.type !== "oneof" && spec.type !== "block") facts.push("display_text", spec.name);
    if (spec.type === "key") facts.push("key_spec_index", keys.nextKey++);
    if (spec.token !== undefined) facts.push("token", spec.token);
    if (spec.since !== undefined) facts.push("since", spec.since);
    const flags = [];
    if (spec.optional === true) flags.push("optional");
    if (spec.multiple === true) flags.push("multiple");
    if (spec.multipleToken === true) flags.push("multiple_token");
    if (flags.length > 0) facts.push("flags", words(flags));
    if (spec.arguments !== undefined) facts.push("arguments", argumentsOf(spec.arguments, keys));
    return new MapReply(facts);
  });
}
