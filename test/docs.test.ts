// The generated pages are told from the tables in the code and must not lag behind them.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { generated, stale } from "../scripts/docs.ts";
import { Config } from "../src/config/config.ts";
import { readText } from "../src/config/parse.ts";
import { SETTINGS } from "../src/config/table.ts";

const noFiles = () => ({ problem: "No such file or directory" });

test("kept.conf and the generated pages are fresh", () => {
  assert.deepEqual(stale("."), [], "run `npm run docs`");
});

test("a page that is missing or was changed by hand is found", () => {
  const root = mkdtempSync(join(tmpdir(), "kept-docs-"));
  try {
    for (const [path, text] of generated()) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    assert.deepEqual(stale(root), []);
    writeFileSync(join(root, "kept.conf"), "port 1\n");
    rmSync(join(root, "docs/errors.md"));
    assert.deepEqual(stale(root), ["kept.conf", "docs/errors.md"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("kept.conf with every setting uncommented is a configuration of the defaults", () => {
  const text = generated().get("kept.conf") ?? "";
  const uncommented = text.replaceAll(/^#(?=[a-z])/gm, "");
  const directives = readText(uncommented, "kept.conf", noFiles);
  assert.deepEqual(Config.of(directives).matching(["*"]), new Config().matching(["*"]));
  assert.deepEqual(readText(text, "kept.conf", noFiles), []);
});

test("every setting stands in kept.conf and on its page", () => {
  const conf = generated().get("kept.conf") ?? "";
  const page = generated().get("docs/configuration.md") ?? "";
  for (const name of Object.keys(SETTINGS)) {
    assert.ok(conf.includes(`${name} `), name);
    assert.ok(page.includes(`| \`${name}\` `), name);
  }
});

test("every command of Redis is there, or named where it is told why not", () => {
  const there = new Set<string>();
  for (const [, name = ""] of (generated().get("docs/commands.md") ?? "").matchAll(
    /^\| `(.+?)` /gm,
  )) {
    there.add(name);
  }
  const names = new Set(readFileSync("test/redis-commands.txt", "utf8").split("\n").slice(1, -1));
  assert.ok(names.size > 400);
  const page = readFileSync("docs/compatibility.md", "utf8");
  const notThere = page.slice(page.indexOf("Not there, and why:")).split("\n## ")[0] ?? "";
  const excused = new Set<string>();
  for (const [, words = ""] of notThere.matchAll(/`([A-Z][A-Z\d\s-]*)`/g)) {
    for (const word of names.has(words) ? [words] : words.split(/\s+/)) excused.add(word);
  }
  const missing = [...names].filter(
    (name) => !there.has(name) && !excused.has(name) && !excused.has(name.split(" ")[0] ?? ""),
  );
  assert.deepEqual(missing, []);
});
