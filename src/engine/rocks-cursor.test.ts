import assert from "node:assert/strict";
import { test } from "node:test";

import { DATA, EXPIRY } from "./engine.ts";
import { staysInPrefix } from "./rocks-cursor.ts";

const SLOT_COUNT = 16384;
const rest = { reverse: false, valueBytesMax: 0, patience: "loop" } as const;

/** Six bytes: incarnation and slot (encoding/key.ts, which this room does not know). */
function dataPrefix(incarnationId: number, slot: number): string {
  return String.fromCharCode(0, 0, 0, incarnationId, slot >>> 8, slot & 0xff);
}

// A walk that does not stay in its prefix sorts a copy of the whole memtable: 180 ms for 200,000 keys.
test("the walk of any slot stays in its prefix, and of more than one does not", () => {
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const lower = `${dataPrefix(16, slot)}\0\0\0\x07`;
    assert.ok(staysInPrefix(DATA, { ...rest, lower, upper: dataPrefix(16, slot + 1) }), `${slot}`);
    assert.ok(!staysInPrefix(DATA, { ...rest, lower, upper: dataPrefix(16, slot + 2) }));
  }
});

test("walks without an end, backwards, or of another store do not stay in a prefix", () => {
  const range = { ...rest, lower: dataPrefix(16, 1), upper: dataPrefix(16, 2) };
  assert.ok(staysInPrefix(DATA, range));
  assert.ok(!staysInPrefix(DATA, { ...range, upper: null }));
  assert.ok(!staysInPrefix(DATA, { ...range, reverse: true }));
  assert.ok(!staysInPrefix(EXPIRY, range));
  assert.ok(!staysInPrefix(DATA, { ...range, lower: "\xff\xff\xff\xff\xff\xff", upper: "\xff" }));
});
