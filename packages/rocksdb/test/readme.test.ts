// The example of the README, run as it stands there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { removeDirectory, temporaryDirectory } from "./helpers.ts";

test("the README's example prints what it says", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1];
  assert.ok(example !== undefined);
  const directory = temporaryDirectory();
  const file = join(directory, "example.mjs");
  const path = JSON.stringify(join(directory, "data"));
  const source = example.replace('"@kept/rocksdb"', `"${import.meta.resolve("@kept/rocksdb")}"`);
  writeFileSync(file, `const path = ${path};\n${source}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  assert.equal(stderr.replaceAll(/^rocksdb: \w+\n/gm, ""), "");
  assert.equal(status, 0);
  assert.equal(stdout, "Ada\n[ 'name:Ada', 'user:1' ]\n");
  removeDirectory(directory);
});
