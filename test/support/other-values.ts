// For every setting of RocksDB a value that is not the one it starts with.

import assert from "node:assert/strict";

import { Config } from "../../src/config/config.ts";
import { ConfigError, readText } from "../../src/config/parse.ts";

/** Between them these are another value than the initial one for every kind RocksDB has. */
const OTHER_WORDS = ["yes", "no", "3", "50", "2mb", "3mb", "snappy"];
const NO_FILES = () => ({ problem: "No such file" });

/** A word that makes the setting another one; fails when none of those above does. */
export function otherWord(name: string): string {
  const usual = new Config().matching([name]);
  for (const word of OTHER_WORDS) {
    try {
      const config = configOf(`${name} ${word}\n`);
      if (config.matching([name])[1] !== usual[1]) return word;
    } catch (error) {
      // Not of this kind: the next one.
      if (!(error instanceof ConfigError)) throw error;
    }
  }
  return assert.fail(`no other value for ${name}: add one`);
}

/** Throws ConfigError. */
export function configOf(text: string): Config {
  return Config.of(readText(text, "a test", NO_FILES));
}
