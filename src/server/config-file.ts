// CONFIG REWRITE: the configuration file brought up to date, at once or not at all: the new text goes to
// a file beside it, is synced, and takes its name.

import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

import type { Bytes } from "../base/bytes.ts";
import type { Config } from "../config/config.ts";
import { rewritten, type RewriteOptions } from "../config/rewrite.ts";

/** Null, or why it was not done, in the system's words. */
export function rewriteConfigFile(
  path: string,
  config: Config,
  options: RewriteOptions,
): string | null {
  try {
    // Through a link, so that it stays one.
    const target = realpathSync(path);
    replaceFile(target, rewritten(readFileSync(target, "latin1"), config, options));
    return null;
  } catch (error) {
    if (error instanceof Error && "code" in error) return error.message;
    throw error;
  }
}

/** Puts `content` in the place of a file that is there, at once or not at all; throws the system's errors. */
export function replaceFile(path: string, content: Bytes): void {
  const temporary = `${path}.rewrite-${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content, "latin1");
    chmodSync(temporary, statSync(path).mode);
    sync(temporary);
    renameSync(temporary, path);
    sync(dirname(path));
  } finally {
    rmSync(temporary, { force: true });
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
