import assert from "node:assert/strict";
import { test } from "node:test";

import type { Config } from "../config/config.ts";
import { readArguments, USAGE, type World } from "./arguments.ts";

const FILES: Readonly<Record<string, string>> = {
  "kept.conf": "port 7000\nsave 10 1\n",
  "broken.conf": "port 7000\nfoo bar\n",
};

const WORLD: World = {
  version: "1.2.3",
  readFile(path) {
    const content = FILES[path];
    return content === undefined ? { problem: "No such file or directory" } : { content };
  },
  readStdin: () => ({ content: "timeout 9\nport 7001\n" }),
};

function configOf(...args: string[]): Config {
  const asked = readArguments(args, WORLD);
  assert.ok(asked.kind === "serve", asked.kind === "serve" ? "" : asked.text);
  return asked.config;
}

function refusal(...args: string[]): string {
  const asked = readArguments(args, WORLD);
  assert.ok(asked.kind === "refuse");
  return asked.text;
}

test("without arguments the defaults hold", () => {
  assert.equal(configOf().get("port"), 6379);
});

test("a file is read first, standard input after it, and the command line wins", () => {
  assert.equal(configOf("kept.conf").get("port"), 7000);
  assert.equal(configOf("-").get("timeout"), 9);
  const config = configOf("kept.conf", "--port", "0", "-");
  assert.deepEqual([config.get("port"), config.get("timeout")], [0, 9]);
  assert.equal(configOf("kept.conf", "--save", "").formatted("save"), "");
  const asked = readArguments(["kept.conf"], WORLD);
  assert.equal(asked.kind === "serve" && asked.configFile, "kept.conf");
});

test("a directive takes as many words as follow it, and options of a kind come in one argument", () => {
  const config = configOf("--save", "60", "1", "--bind", "127.0.0.1", "::1", "--port 7002");
  assert.equal(config.formatted("save"), "60 1");
  assert.deepEqual(config.get("bind"), ["127.0.0.1", "::1"]);
  assert.equal(config.get("port"), 7002);
  assert.equal(configOf("--save", "--port", "1").get("port"), 1);
});

test("a value may look like an option, hold blanks and letters beyond ASCII", () => {
  const config = configOf("--requirepass", "--a b", "--dir", "caf\u00e9", "--port", "1");
  assert.equal(config.get("requirepass"), "--a b");
  assert.equal(config.get("dir"), "caf\u00e9");
  assert.equal(config.get("list-max-listpack-size"), -2);
  assert.equal(configOf("--list-max-listpack-size", "-5").get("list-max-listpack-size"), -5);
});

test("what is wrong is told with its place, and the server does not start", () => {
  const inFile = refusal("broken.conf");
  assert.match(inFile, /FATAL CONFIG FILE ERROR \(Kept 1\.2\.3\)/);
  assert.match(inFile, /Reading the configuration file broken\.conf, at line 2\n>>> 'foo bar'/);
  assert.match(refusal("absent.conf"), /can't open config file 'absent\.conf': No such file/);
  assert.match(refusal("--port"), />>> 'port'\nwrong number of arguments/);
  assert.match(refusal("--port", "1", "2"), />>> 'port 1 2'\nwrong number of arguments/);
  assert.match(refusal("--port", "--loglevel"), />>> 'port --loglevel'\nargument couldn't be/);
  assert.match(refusal("--foo", "x"), /the command line, at line 1\n>>> 'foo x'\nBad directive/);
  assert.match(refusal("-x"), />>> '-x'\nBad directive/);
});

test("version and help are said, and what redis-server does besides is refused clearly", () => {
  assert.deepEqual(readArguments(["-v"], WORLD), { kind: "say", text: "Kept server v=1.2.3\n" });
  assert.deepEqual(readArguments(["--help"], WORLD), { kind: "say", text: USAGE });
  assert.match(refusal("--test-memory", "100"), /does not test memory/);
  assert.match(refusal("kept.conf", "--sentinel"), /no sentinel/);
});
