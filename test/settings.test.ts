// No setting lies: each one either is read by the room that does what its text says, or reaches
// RocksDB, or says "No effect" with the reason. And the other way round: what says "No effect" is read
// by nobody. That what is read also does the right thing is for the tests of the room that reads it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { allSettings, Config } from "../src/config/config.ts";
import { runtime, type Setting } from "../src/config/setting.ts";
import { flag } from "../src/config/value-types.ts";
import { databaseOptions, familyPlans } from "../src/engine/rocks-settings.ts";
import { rocksSettings } from "../src/server/engine-settings.ts";
import { COLLECTION_SETTINGS } from "../src/server/live-settings.ts";
import { configOf, otherWord } from "./support/other-values.ts";

/** Obeyed in a way that the search below cannot see, and how. */
const OBEYED_OTHERWISE: ReadonlyMap<string, string> = new Map([
  ["enable-protected-configs", "CONFIG SET asks for it inside src/config"],
]);

/** How a room asks for a setting. The mere text will not do: "timeout" means many things. */
const READING = /\.(?:get|formatted|onChange|onApply)\(\s*"(?<name>[^"]+)"/g;

function namesReadIn(source: string): string[] {
  return [...source.matchAll(READING)].map((match) => match.groups?.["name"] ?? "");
}

function namesReadOutsideConfig(): Set<string> {
  const paths = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .filter((path) => !path.startsWith("config/"));
  return new Set(paths.flatMap((path) => namesReadIn(readFileSync(`src/${path}`, "utf8"))));
}

/** Limits of collections are handed on as one object: read are those that a type asks for. */
function namesReadByTypes(): string[] {
  const sources = readdirSync("src/types", { encoding: "utf8" }).map((path) =>
    readFileSync(`src/types/${path}`, "utf8"),
  );
  return Object.entries(COLLECTION_SETTINGS)
    .filter(([limit]) => sources.some((source) => new RegExp(`\\b${limit}\\b`).test(source)))
    .map(([, setting]) => setting);
}

interface Row {
  readonly name: string;
  readonly setting: Setting<unknown>;
}

interface Effects {
  /** Names that are asked for. */
  readonly read: ReadonlySet<string>;
  /** Whether another value is something else to RocksDB. */
  readonly reachesRocksdb: (name: string) => boolean;
}

/** What is wrong with a row; null when it tells the truth. */
function lie({ name, setting }: Row, effects: Effects): string | null {
  const isRead = effects.read.has(name) || OBEYED_OTHERWISE.has(name);
  if (setting.noEffect !== undefined) {
    return isRead ? `${name} is read, and yet is said to have no effect` : null;
  }
  if (isRead) return null;
  const isHandedOn = ["db", "family", "table"].includes(setting.rocksdb?.scope ?? "");
  if (isHandedOn && effects.reachesRocksdb(name)) return null;
  return `${name} is said to have an effect, and nobody reads it`;
}

/** What RocksDB is told in the end, after what the engine does not leave to settings. */
function told(config: Config): string {
  const settings = rocksSettings(config);
  return JSON.stringify([databaseOptions(settings), [...familyPlans(settings)]]);
}

function reachesRocksdb(name: string): boolean {
  return told(configOf(`${name} ${otherWord(name)}\n`)) !== told(new Config());
}

test("every setting has the effect its text claims, or says that it has none", () => {
  const read = new Set([...namesReadOutsideConfig(), ...namesReadByTypes()]);
  const effects = { read, reachesRocksdb };
  const lies = allSettings().flatMap((row) => lie(row, effects) ?? []);
  assert.deepEqual(lies, []);
});

test("a setting that nobody reads is found out, and one that is read in spite of what it says", () => {
  const effects = { read: new Set(["read"]), reachesRocksdb: (name: string) => name === "reached" };
  const idle = { noEffect: "nobody minds" };
  const ofRocksdb = { rocksdb: { scope: "db", option: "x" } } as const;
  const judged = (name: string, extras: Parameters<typeof runtime>[3]) =>
    lie({ name, setting: runtime(flag, false, "Text.", extras) }, effects);
  assert.equal(judged("read", {}), null);
  assert.equal(judged("unread", idle), null);
  assert.equal(judged("reached", ofRocksdb), null);
  assert.match(judged("unread", {}) ?? "", /nobody reads it/);
  assert.match(judged("read", idle) ?? "", /yet is said to have no effect/);
  assert.match(judged("lost", ofRocksdb) ?? "", /nobody reads it/);
  // What has no option of its own when the database opens must be read by name.
  const elsewhere = { rocksdb: { scope: "other", option: "x" } } as const;
  assert.match(judged("reached", elsewhere) ?? "", /nobody reads it/);
});

test("reading is told from a word that happens to be a setting's name", () => {
  assert.deepEqual(namesReadIn('config.get("hz"); const how = "timeout"; port === "port"'), ["hz"]);
  assert.deepEqual(namesReadIn('config.onChange(\n    "maxclients",\n    obey)'), ["maxclients"]);
});

test("what RocksDB is told is seen to change, or not to", () => {
  assert.ok(reachesRocksdb("rocksdb.write_buffer_size"));
  assert.ok(reachesRocksdb("rocksdb.block_size"));
  assert.ok(!reachesRocksdb("rocksdb.enable_pipelined_write"), "the engine decides that itself");
});

test("the list of exceptions has no setting that needs none", () => {
  const read = namesReadOutsideConfig();
  const names = new Set<string>(allSettings().map(({ name }) => name));
  for (const name of OBEYED_OTHERWISE.keys()) {
    assert.ok(names.has(name), `${name} is no setting`);
    assert.ok(!read.has(name), `${name} is read like others`);
  }
});
