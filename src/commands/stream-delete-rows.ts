// The rows of XDELEX and XACKDEL.

import { block, integer, KEY, oneOf, string, word } from "./argument-specs.ts";
import { xackdel, xdelex } from "./stream-delete.ts";
import { oneKey, type CommandRows } from "./table.ts";

export const REFERENCES = oneOf("condition", [word("KEEPREF"), word("DELREF"), word("ACKED")], {
  optional: true,
  since: "8.2.0",
});
const IDS = block("ids", [integer("numids"), { ...string("id"), multiple: true }], {
  token: "IDS",
});
const deletes = {
  kind: "data",
  flags: ["write", "fast"],
  group: "stream",
  since: "8.2.0",
  complexity: "O(log N) for each entry, with N the length of the stream",
} as const;

export const streamDeleteCommands: CommandRows = {
  XACKDEL: {
    ...deletes,
    keys: oneKey("RW", "update", "delete"),
    arity: -6,
    summary: "Says that entries were dealt with, and deletes them by a policy.",
    arguments: [KEY, string("group"), REFERENCES, IDS],
    run: xackdel,
  },
  XDELEX: {
    ...deletes,
    keys: oneKey("RW", "delete"),
    arity: -5,
    summary: "Deletes entries by a policy about the groups that still refer to them.",
    arguments: [KEY, REFERENCES, IDS],
    run: xdelex,
  },
};
