import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import * as glob from "./glob.ts";

// What the patterns mean, told in the plainest way: recursion over both texts, every star tried at
// every place. Exponential, so it is only for short texts.
function plainMatch(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern.startsWith("*")) {
    return (
      plainMatch(pattern.slice(1), text) || (text !== "" && plainMatch(pattern, text.slice(1)))
    );
  }
  if (text === "") return false;
  const [takes, size] = firstElement(pattern);
  return takes(text.charAt(0)) && plainMatch(pattern.slice(size), text.slice(1));
}

function firstElement(pattern: string): [(char: string) => boolean, number] {
  if (pattern.startsWith("?")) return [() => true, 1];
  if (pattern.startsWith("[")) return classElement(pattern);
  if (pattern.startsWith("\\") && pattern.length > 1) return [(char) => char === pattern[1], 2];
  return [(char) => char === pattern[0], 1];
}

function classElement(pattern: string): [(char: string) => boolean, number] {
  const isNegated = pattern[1] === "^";
  const members: [string, string][] = [];
  let at = isNegated ? 2 : 1;
  for (; at < pattern.length && pattern[at] !== "]"; at++) {
    const rest = pattern.slice(at);
    const escaped = /^\\([^])/.exec(rest);
    const range = /^([^])-([^])/.exec(rest);
    const from = escaped?.[1] ?? range?.[1] ?? rest.charAt(0);
    const to = escaped?.[1] ?? range?.[2] ?? rest.charAt(0);
    members.push(from < to ? [from, to] : [to, from]);
    if (escaped) at += 1;
    else if (range) at += 2;
  }
  const isIn = (char: string) => members.some(([from, to]) => char >= from && char <= to);
  return [(char) => isIn(char) !== isNegated, Math.min(at + 1, pattern.length)];
}

// Few letters, so that patterns and texts meet; 0xFF because texts are bytes, not words.
const patterns = fc.string({
  unit: fc.constantFrom("a", "b", "c", "*", "?", "[", "]", "^", "-", "\\", "\xff"),
  maxLength: 10,
});
const texts = fc.string({
  unit: fc.constantFrom("a", "b", "c", "[", "]", "^", "-", "\\", "\xff"),
  maxLength: 8,
});

test("a pattern matches what its definition says", () => {
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      assert.equal(glob.matches(pattern, text), plainMatch(pattern, text));
    }),
    { numRuns: 20_000 },
  );
});

test("a text with its special bytes escaped matches itself alone", () => {
  fc.assert(
    fc.property(texts, texts, (text, other) => {
      const pattern = text.replaceAll(/[^]/g, "\\$&");
      assert.ok(glob.matches(pattern, text));
      assert.equal(glob.matches(pattern, other), text === other);
    }),
  );
});

test("without regard to case a pattern matches every spelling", () => {
  assert.ok(glob.matchesIgnoringCase("MaxMemory*", "maxmemory-policy"));
  assert.ok(glob.matchesIgnoringCase("[A-F]x", "bX"));
  assert.ok(!glob.matchesIgnoringCase("[^a-f]", "B"));
  assert.ok(!glob.matches("MAX*", "maxmemory"));
});

// The answers of redis-server 7.0.15 to KEYS and SCAN.
test("Redis's corner cases are kept", () => {
  const cases: [string, string, boolean][] = [
    ["", "", true],
    ["*", "", true],
    ["a*", "a", true],
    ["[a-", "b", false],
    ["[a-", "-", true],
    ["[a-]", "_", true],
    ["[^", "x", true],
    ["[", "[", false],
    ["a\\", "a\\", true],
    ["[\\]]", "]", true],
    ["[z-a]", "m", true],
    ["[]a]", "a", false],
  ];
  for (const [pattern, text, expected] of cases) {
    assert.equal(glob.matches(pattern, text), expected, `${pattern} on ${text}`);
  }
});

test("a pattern of many stars costs no more than pattern times text", () => {
  // Tried anew at every star, this would not end before the sun does.
  const text = "a".repeat(20_000);
  assert.ok(!glob.matches(`${"a*".repeat(200)}b`, text));
});

test("a pattern without a special byte is known to be a plain name", () => {
  assert.ok(!glob.hasWildcard("maxmemory-policy"));
  for (const pattern of ["a*", "?", "[ab]", "\\a"]) assert.ok(glob.hasWildcard(pattern));
});
