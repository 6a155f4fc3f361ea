import assert from "node:assert/strict";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Config } from "../config/config.ts";
import { rewriteConfigFile } from "./config-file.ts";

function inFolder(action: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "kept-config-"));
  try {
    action(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function changedConfig(): Config {
  const config = new Config();
  assert.equal(config.set([["maxclients", "77"]], { isLocal: true }), null);
  return config;
}

test("a link to the file stays a link", () => {
  inFolder((folder) => {
    mkdirSync(join(folder, "real"));
    const target = join(folder, "real", "kept.conf");
    const link = join(folder, "kept.conf");
    writeFileSync(target, "# Mine\nmaxclients 5\n");
    symlinkSync(target, link);
    assert.equal(rewriteConfigFile(link, changedConfig(), {}), null);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.equal(readFileSync(target, "latin1"), "# Mine\nmaxclients 77\n");
    assert.deepEqual(readdirSync(join(folder, "real")), ["kept.conf"]);
  });
});

test("a file that is gone is told in the system's words, and none is made", () => {
  inFolder((folder) => {
    const problem = rewriteConfigFile(join(folder, "kept.conf"), changedConfig(), {});
    assert.match(problem ?? "", /ENOENT/);
    assert.deepEqual(readdirSync(folder), []);
  });
});

test("a file that cannot be replaced stays as it was", () => {
  inFolder((folder) => {
    const path = join(folder, "kept.conf");
    writeFileSync(path, "maxclients 5\n");
    // What the new text would be written to is taken by a folder.
    mkdirSync(`${path}.rewrite-${process.pid}.tmp`);
    assert.notEqual(rewriteOrTell(path), null);
    assert.equal(readFileSync(path, "latin1"), "maxclients 5\n");
  });
});

function rewriteOrTell(path: string): string | null {
  return rewriteConfigFile(path, changedConfig(), {});
}
