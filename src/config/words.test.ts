import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { joinWords, splitLine } from "./words.ts";

const bytes = fc.string({ unit: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)) });

test("words written as a line are read back, whatever bytes they hold", () => {
  fc.assert(
    fc.property(fc.array(bytes), (words) => {
      const line = joinWords(words);
      assert.ok(!line.includes("\n"));
      assert.deepEqual(splitLine(line), words);
    }),
  );
});

test("quotes mean what they mean in redis.conf", () => {
  const cases: [string, string[] | null][] = [
    ["", []],
    ["  a \t b  ", ["a", "b"]],
    ['"a b" c', ["a b", "c"]],
    ['a"b c"', ["ab c"]],
    ["'a\\'b' \"c\\\"d\"", ["a'b", 'c"d']],
    ["'a\\nb'", ["a\\nb"]],
    ['"\\x41\\n\\q\\x4"', ["A\nqx4"]],
    ['""', [""]],
    ['"a"b', null],
    ['"a', null],
    ["'a\\'", null],
  ];
  for (const [line, expected] of cases) assert.deepEqual(splitLine(line), expected, line);
});
