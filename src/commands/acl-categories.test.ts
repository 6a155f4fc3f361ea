import assert from "node:assert/strict";
import { test } from "node:test";

import { aclCategories } from "./acl-categories.ts";
import { CommandTable } from "./lookup.ts";
import { COMMANDS } from "./registry.ts";

const table = new CommandTable(COMMANDS);

function categories(name: string): string[] {
  const command = table.byFullName(name);
  assert.ok(command !== null, name);
  return aclCategories(command.row);
}

test("categories follow from flags and group, in Redis's order", () => {
  assert.deepEqual(categories("get"), ["read", "string", "fast"]);
  assert.deepEqual(categories("client"), ["slow"]);
  assert.deepEqual(categories("client|kill"), ["admin", "slow", "dangerous", "connection"]);
  assert.deepEqual(categories("multi"), ["fast", "transaction"]);
  assert.deepEqual(categories("slowlog|get"), ["admin", "slow", "dangerous"]);
});
