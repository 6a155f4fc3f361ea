// Libraries of functions as the model knows them: which there are, what their functions answer, and what loading
// one does to the others. Their functions do what scripts of the model do (model.ts); a library's second
// version differs by what its function says when it lies.

import type { Bytes } from "../../src/base/bytes.ts";
import { encodeFunctions } from "../../src/encoding/rdb-functions.ts";

/** Does what its first argument says, and ends as its second says. */
export function bodyOf(says: string): Bytes {
  return `
  local answers = {}
  for call in string.gmatch(ARGV[1], '[^|]+') do
    local words = {}
    for word in string.gmatch(call, '[^,]+') do words[#words + 1] = word end
    answers[#answers + 1] = redis[words[1]](unpack(words, 2))
  end
  if ARGV[2] == 'fails' then error('failed') end
  if ARGV[2] == 'lies' then return '${says}' end
  return answers`;
}

export interface ModelFunction {
  readonly name: string;
  readonly noWrites: boolean;
  /** What it answers when it lies. */
  readonly says: string;
}

interface Library {
  readonly name: string;
  readonly functions: readonly ModelFunction[];
  readonly source: Bytes;
}

function libraryOf(name: string, functions: readonly ModelFunction[]): Library {
  const registered = functions.map(({ name: one, noWrites, says }) => {
    const flags = noWrites ? ", flags = {'no-writes'}" : "";
    const callback = `function(KEYS, ARGV) ${bodyOf(says)} end`;
    return `redis.register_function{function_name = '${one}', callback = ${callback}${flags}}`;
  });
  return { name, functions, source: [`#!lua name=${name}`, ...registered].join("\n") };
}

const run = { name: "run", noWrites: false };
const look = { name: "look", noWrites: true };
const LIBRARIES = {
  first: libraryOf("one", [
    { ...run, says: "first" },
    { ...look, says: "seen" },
  ]),
  second: libraryOf("one", [{ ...run, says: "second" }]),
  other: libraryOf("two", [{ ...look, name: "watch", says: "other" }]),
  /** Has a function of another's name. */
  rival: libraryOf("three", [{ ...run, name: "RUN", says: "rival" }]),
};
const BROKEN: readonly Bytes[] = [
  "#!lua name=one\nthis is no Lua",
  "#!lua name=four\nerror('it does not load')",
  "#!lua name=four\nredis.call('SET', 'a', 'leaked')",
  "#!lua name=four\nlocal nothing = 1",
  "no first line",
];
const ALL = Object.values(LIBRARIES);

export const SOURCES: readonly Bytes[] = [...ALL.map(({ source }) => source), ...BROKEN];
export const FUNCTION_NAMES: readonly string[] = ["run", "look", "watch", "Run", "nobody"];
export const LIBRARY_NAMES: readonly string[] = [...new Set(ALL.map(({ name }) => name)), "none"];

/** Sets of libraries as FUNCTION DUMP gives them; the last cannot be loaded together. */
const { first, second, other, rival } = LIBRARIES;
const PACKS: readonly (readonly Library[])[] = [
  [],
  [second],
  [first, other],
  [rival],
  [first, rival],
];
export const PAYLOADS: readonly Bytes[] = [
  ...PACKS.map((pack) => encodeFunctions(pack.map(({ source }) => source))),
  "no dump",
];

/** The libraries that there are, by their source, in the order in which they came. */
export type Libraries = readonly Bytes[];

export function functionNamed(libraries: Libraries, name: string): ModelFunction | null {
  const wanted = name.toLowerCase();
  for (const { source, functions } of ALL) {
    if (!libraries.includes(source)) continue;
    for (const one of functions) if (one.name.toLowerCase() === wanted) return one;
  }
  return null;
}

/** What FUNCTION DELETE, FLUSH, LOAD and RESTORE make of the libraries; null when they are refused. */
export function librariesAfter(libraries: Libraries, words: readonly Bytes[]): Libraries | null {
  const [, subcommand = "", ...rest] = words;
  switch (subcommand) {
    case "DELETE":
      return without(libraries, rest[0] ?? "");
    case "FLUSH":
      return [];
    case "LOAD":
      return withLibrary(libraries, rest.at(-1) ?? "", rest.length > 1);
    case "RESTORE":
      return restored(libraries, rest[0] ?? "", rest[1] ?? "APPEND");
    default:
      throw new Error(`the model does not know FUNCTION ${subcommand}`);
  }
}

function libraryBySource(source: Bytes): Library | null {
  return ALL.find((one) => one.source === source) ?? null;
}

function without(libraries: Libraries, name: string): Libraries | null {
  const left = libraries.filter((source) => libraryBySource(source)?.name !== name);
  return left.length === libraries.length ? null : left;
}

function withLibrary(libraries: Libraries, source: Bytes, replaces: boolean): Libraries | null {
  const added = libraryBySource(source);
  if (added === null) return null;
  const others = without(libraries, added.name);
  if (others !== null && !replaces) return null;
  const left = others ?? libraries;
  const isTaken = added.functions.some(({ name }) => functionNamed(left, name) !== null);
  return isTaken ? null : [...left, source];
}

function restored(libraries: Libraries, payload: Bytes, policy: string): Libraries | null {
  const pack = PACKS[PAYLOADS.indexOf(payload)];
  if (pack === undefined) return null;
  let together: Libraries | null = [];
  let all: Libraries | null = policy === "FLUSH" ? [] : libraries;
  for (const { source } of pack) {
    if (together !== null) together = withLibrary(together, source, false);
    if (all !== null) all = withLibrary(all, source, policy === "REPLACE");
  }
  return together === null ? null : all;
}

/** As FUNCTION LIST answers, in the notation of the conversations. */
export function listed(libraries: Libraries): string {
  const all = libraries.map((source) => {
    const { name = "", functions = [] } = libraryBySource(source) ?? {};
    const told = functions.map((one) => {
      const flags = one.noWrites ? "[ no-writes ]" : "[ ]";
      return `[ "name", "${one.name}", "description", nil, "flags", ${flags} ]`;
    });
    return `[ "library_name", "${name}", "engine", "LUA", "functions", [ ${told.join(", ")} ] ]`;
  });
  return all.length === 0 ? "[ ]" : `[ ${all.join(", ")} ]`;
}
