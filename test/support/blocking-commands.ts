// Commands that block, on hashes and simpler than Redis's, for tests of the waiting itself:
//
//   TAKE key [key ...] timeout     removes the first field of the first hash; answers key and field
//   SEE key field timeout          reads a field, once it is there
//   GUARD key field timeout        the same, and an error when the key is gone

import type { Bytes } from "../../src/base/bytes.ts";
import { COMMANDS } from "../../src/commands/registry.ts";
import {
  at,
  oneKey,
  type Args,
  type CommandRows,
  type DataCommand,
} from "../../src/commands/table.ts";
import { parseTimeout, Wait } from "../../src/commands/wait.ts";
import { HASH } from "../../src/encoding/record.ts";
import type { View } from "../../src/keyspace/view.ts";
import { CommandError } from "../../src/resp/errors.ts";
import { NULL_ARRAY, type Reply } from "../../src/resp/reply.ts";
import * as hash from "../../src/types/hash.ts";

const facts = {
  kind: "data",
  group: "hash",
  since: "1.0.0",
  summary: "For tests.",
  complexity: "O(1)",
} as const;

const TAKE: DataCommand = {
  ...facts,
  arity: -3,
  flags: ["write", "blocking"],
  keys: [{ kind: "range", first: 1, last: -2, step: 1, flags: ["RW"] }],
  run: take,
};

const SEE: DataCommand = {
  ...facts,
  arity: 4,
  flags: ["readonly", "blocking"],
  keys: oneKey("RO"),
  run: (view, args) => see(view, args, { wakesOnRemoval: false }),
};

const GUARD: DataCommand = {
  ...SEE,
  flags: ["write", "blocking"],
  run: (view, args) => see(view, args, { wakesOnRemoval: true }),
};

export const BLOCKING_COMMANDS: CommandRows = { ...COMMANDS, TAKE, SEE, GUARD };

function take(view: View, args: Args): Reply | Wait {
  const keys = args.slice(1, -1);
  const timeoutMs = parseTimeout(args.at(-1) ?? "");
  for (const key of keys) {
    const record = hash.find(view, key);
    if (record === null) continue;
    let first: Bytes | null = null;
    hash.forEach(view, record, (field) => {
      first ??= field;
    });
    if (first === null) continue;
    hash.remove(view, record, first);
    hash.removeIfEmpty(view, record);
    return [key, first];
  }
  const parts = { keys, timeoutMs, again: args, wakesOnRemoval: false };
  return new Wait({ ...parts, kind: HASH, timedOut: NULL_ARRAY });
}

function see(
  view: View,
  args: Args,
  { wakesOnRemoval }: { wakesOnRemoval: boolean },
): Reply | Wait {
  const key = at(args, 1);
  const timeoutMs = parseTimeout(at(args, 3));
  const record = hash.find(view, key);
  if (record === null && wakesOnRemoval) throw new CommandError("NOGROUP No such key");
  const value = record === null ? null : hash.get(view, record, at(args, 2));
  if (value !== null) return value;
  const parts = { keys: [key], timeoutMs, again: args, wakesOnRemoval };
  return new Wait({ ...parts, kind: HASH, timedOut: null });
}
