import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { FIRST_NODE_KEY, keyAfter, keyBefore, keyBetween } from "./node-key.ts";

test("there is a key before, behind and between, however often it is asked for", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 300 }), (places) => {
      const keys = [keyBefore(FIRST_NODE_KEY), FIRST_NODE_KEY];
      for (const place of places) {
        const at = place % (keys.length + 1);
        const [lower, upper] = [keys[at - 1], keys[at]];
        if (lower === undefined) keys.unshift(keyBefore(upper ?? ""));
        else if (upper === undefined) keys.push(keyAfter(lower));
        else keys.splice(at, 0, keyBetween(lower, upper));
      }
      assert.deepEqual(keys, [...new Set(keys)].sort());
      for (const key of keys) assert.notEqual(key.charCodeAt(0), 0);
    }),
  );
});

test("a thousand keys at one place make them longer by a byte for each eight", () => {
  for (const side of ["lower", "upper"]) {
    let lower = FIRST_NODE_KEY;
    let upper = keyAfter(FIRST_NODE_KEY);
    for (let times = 0; times < 1000; times++) {
      const between = keyBetween(lower, upper);
      assert.ok(lower < between && between < upper);
      if (side === "lower") lower = between;
      else upper = between;
    }
    assert.ok(lower.length <= 134 && upper.length <= 134);
  }
});
