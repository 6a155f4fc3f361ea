// The first line of a script: `#!lua flags=...`, which says the engine and what the script will not do or may do. A
// script without one runs as scripts did before Redis 7. (That of a library: types/function-library.ts.)

import type { Bytes } from "../base/bytes.ts";
import { CommandError } from "../resp/errors.ts";

export interface ScriptFlags {
  /** Whether the script said its flags itself: then they hold from the start. */
  readonly isDeclared: boolean;
  readonly noWrites: boolean;
  readonly allowOom: boolean;
  /** It does not want to run where slots are shared out. */
  readonly noCluster: boolean;
  /** Its keys may be of several slots, so long as they are ours. */
  readonly mayCrossSlots: boolean;
}

export const UNDECLARED: ScriptFlags = {
  isDeclared: false,
  noWrites: false,
  allowOom: false,
  noCluster: false,
  // As it was before scripts could say so.
  mayCrossSlots: true,
};

const SCRIPT_FLAGS = new Set([
  "no-writes",
  "allow-oom",
  "allow-stale",
  "no-cluster",
  "allow-cross-slot-keys",
]);

function firstLine(source: Bytes): Bytes {
  const end = source.indexOf("\n");
  return end === -1 ? source : source.slice(0, end);
}

/** The same lines with the first one empty: errors keep their line numbers. */
export function withoutShebang(source: Bytes): Bytes {
  if (!source.startsWith("#!")) return source;
  const end = source.indexOf("\n");
  return end === -1 ? "" : source.slice(end);
}

/** Throws CommandError. */
export function scriptFlags(source: Bytes): ScriptFlags {
  if (!source.startsWith("#!")) return UNDECLARED;
  const words = firstLine(source).trimEnd().split(" ");
  const [engine = "", ...options] = words;
  if (!source.includes("\n")) throw new CommandError("ERR Invalid script shebang");
  if (engine !== "#!lua")
    throw new CommandError(`ERR Unexpected engine in script shebang: ${engine}`);
  const flags = new Set<string>();
  for (const option of options) {
    if (option === "") continue;
    if (!option.startsWith("flags=")) {
      throw new CommandError(`ERR Unknown lua shebang option: ${option}`);
    }
    for (const flag of option.slice("flags=".length).split(",")) {
      if (flag === "") continue;
      if (!SCRIPT_FLAGS.has(flag)) {
        throw new CommandError(`ERR Unexpected flag in script shebang: ${flag}`);
      }
      flags.add(flag);
    }
  }
  return flagsOf(flags);
}

export function flagsOf(flags: ReadonlySet<string>): ScriptFlags {
  return {
    isDeclared: true,
    noWrites: flags.has("no-writes"),
    // What does not write needs no memory.
    allowOom: flags.has("allow-oom") || flags.has("no-writes"),
    noCluster: flags.has("no-cluster"),
    mayCrossSlots: flags.has("allow-cross-slot-keys"),
  };
}
