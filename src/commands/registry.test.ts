import assert from "node:assert/strict";
import { test } from "node:test";

import { COMMANDS } from "./registry.ts";
import type { CommandRows } from "./table.ts";

function* walk(rows: CommandRows, prefix: string): Generator<[string, CommandRows[string]]> {
  for (const [name, row] of Object.entries(rows)) {
    yield [prefix + name, row];
    if (row.kind === "container") yield* walk(row.subcommands, `${prefix}${name}|`);
  }
}

const ROWS = [...walk(COMMANDS, "")];

test("every row stands under an upper-case name and says in one sentence what it does", () => {
  assert.ok(ROWS.length > 0);
  for (const [name, row] of ROWS) {
    assert.equal(name, name.toUpperCase());
    assert.match(row.summary, /^[A-Z].*\.$/, name);
    assert.match(row.complexity, /\S/, name);
    assert.match(row.since, /^(?:Kept )?\d+\.\d+\.\d+$/, name);
    assert.notEqual(row.arity, 0, name);
  }
});

/** Redis says RW of the keys of this one, since it remembers its result there; we follow, for ACLs. */
const REMEMBERS = new Set(["PFCOUNT"]);

test("a row writes or reads, and never both", () => {
  for (const [name, row] of ROWS) {
    const both = row.flags.includes("write") && row.flags.includes("readonly");
    assert.ok(!both, name);
    if (row.kind !== "data" || REMEMBERS.has(name)) continue;
    for (const { flags } of row.keys) {
      if (!flags.includes("RW") && !flags.includes("OW") && !flags.includes("RM")) continue;
      assert.ok(row.flags.includes("write"), name);
    }
  }
});

test("key positions lie within what arity promises", () => {
  for (const [name, row] of ROWS) {
    const argumentsMin = Math.abs(row.arity) - 1;
    for (const spec of row.keys) {
      if (spec.kind === "range") assert.ok(spec.first <= argumentsMin || spec.last < 0, name);
    }
  }
});
