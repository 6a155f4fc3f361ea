// What the connections of the simulation say: some of it sensible, some of it any words behind the
// name of any command about data, so that a family that comes later is in it from its first day.

import type { Bytes } from "../../../src/base/bytes.ts";
import type { Random } from "../../../src/base/random.ts";
import { COMMANDS } from "../../../src/commands/registry.ts";

const KEYS = ["a", "b", "c", "d", "{a}e", "", "\xff\0"] as const;
const VALUES = ["1", "7", "x", "yy", "-3", "3.5", "a longer value than the others", ""] as const;
const DATABASES = ["0", "1", "2", "3"] as const;
const WORDS = [...KEYS, ...VALUES, "0", "2", "-1", "10", "NX", "XX", "GET", "EX", "PX", "KEEPTTL"];
const MORE_WORDS = ["*", "COUNT", "MATCH", "DB", "REPLACE", "AND", "u8", "INCRBY", "BYTE"];

/** KEY, VALUE, DB, MS and TIME stand for something of the kind. */
const SENSIBLE = [
  "GET KEY",
  "SET KEY VALUE",
  "SET KEY VALUE PX MS",
  "SET KEY VALUE NX GET",
  "SETNX KEY VALUE",
  "GETSET KEY VALUE",
  "GETDEL KEY",
  "GETEX KEY PX MS",
  "APPEND KEY VALUE",
  "INCR KEY",
  "INCRBYFLOAT KEY VALUE",
  "SETRANGE KEY 3 VALUE",
  "SETBIT KEY 7 1",
  "BITCOUNT KEY",
  "BITOP OR KEY KEY KEY",
  "MSET KEY VALUE KEY VALUE KEY VALUE",
  "MSETNX KEY VALUE KEY VALUE",
  "MGET KEY KEY KEY",
  "DEL KEY KEY",
  "UNLINK KEY",
  "EXISTS KEY KEY",
  "TYPE KEY",
  "PTTL KEY",
  "PEXPIRE KEY MS",
  "PEXPIREAT KEY TIME",
  "PERSIST KEY",
  "RENAME KEY KEY",
  "RENAMENX KEY KEY",
  "COPY KEY KEY",
  "COPY KEY KEY DB DB REPLACE",
  "MOVE KEY DB",
  "DBSIZE",
  "KEYS *",
  "SCAN 0 COUNT 2",
  "RANDOMKEY",
  "DUMP KEY",
  "OBJECT ENCODING KEY",
  "PUBLISH KEY VALUE",
  "SELECT DB",
  "SELECT DB",
  "FLUSHDB",
  "SWAPDB DB DB",
] as const;

/** They would take away what the witnesses write, or have something else to check. */
const NOT_SAID: ReadonlySet<string> = new Set(["FLUSHALL", "KEYS"]);
const NAMES = Object.entries(COMMANDS)
  .filter(([name, row]) => row.kind === "data" && !NOT_SAID.has(name))
  .map(([name, row]) => ({ name, arity: row.arity }));

export function oneOf<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.below(choices.length)];
  if (choice === undefined) throw new Error("there is nothing to choose from");
  return choice;
}

export function randomCommand(random: Random, nowMs: number): Bytes[] {
  if (random.below(5) > 0) return sensible(random, nowMs);
  const { name, arity } = oneOf(random, NAMES);
  const extra = arity < 0 ? random.below(4) : 0;
  const words: Bytes[] = [name];
  while (words.length < Math.abs(arity) + extra) {
    words.push(oneOf(random, random.below(3) > 0 ? WORDS : MORE_WORDS));
  }
  return words;
}

function sensible(random: Random, nowMs: number): Bytes[] {
  return oneOf(random, SENSIBLE)
    .split(" ")
    .map((word) => {
      switch (word) {
        case "KEY":
          return oneOf(random, KEYS);
        case "VALUE":
          return oneOf(random, VALUES);
        case "DB":
          return oneOf(random, DATABASES);
        case "MS":
          return String(1 + random.below(150));
        case "TIME":
          return String(nowMs + random.below(200) - 20);
        default:
          return word;
      }
    });
}
