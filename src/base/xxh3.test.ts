import assert from "node:assert/strict";
import { test } from "node:test";

import { xxh3Hex } from "./xxh3.ts";

/** So many bytes, of all values, and what the reference implementation (xxhash 0.8) makes of them. */
const KNOWN: readonly (readonly [number, string])[] = [
  [0, "2d06800538d394c2"],
  [1, "e12ef9d2eb86ceeb"],
  [2, "33b0814d4f061d86"],
  [3, "a9088dda485b481c"],
  [4, "57648c318a7a307e"],
  [7, "4f82be6987f5eea7"],
  [8, "b0fb3e3c3f94990a"],
  [9, "8aca5cb309437c2e"],
  [16, "2bd926d88792965a"],
  [17, "621f018aad19b14a"],
  [32, "8911535e799e4d99"],
  [33, "b6d8b523db9b284c"],
  [64, "1b1bf114c7371f1b"],
  [65, "f0037f8ac0441cc4"],
  [96, "cfb21e0d09d8ef29"],
  [97, "e1415ca7902a74da"],
  [128, "e9549af9a74093e6"],
  [129, "b54ad1cd8a4c84b9"],
  [144, "3f50ca07e0dcde52"],
  [240, "3e136902ec966624"],
  [241, "bd7d29b6ba966d6a"],
  [256, "ff5a1cefade75bb9"],
  [512, "f6fe51471f2fa1ec"],
  [1023, "0805f138405a64a4"],
  [1024, "dc5acf0b043c445b"],
  [1025, "c856c953bbdbc807"],
  [1088, "1abb96b061cd5757"],
  [2048, "848d24cc268f7498"],
  [5000, "308f149a673a1625"],
  [100000, "9f22e83803ee6286"],
];

test("the digests are those of the reference, for every way that lengths are treated", () => {
  for (const [length, expected] of KNOWN) {
    const bytes = Array.from({ length }, (_, index) => (index * 7 + length) & 255);
    assert.equal(xxh3Hex(Buffer.from(bytes).latin1Slice()), expected, `${length} bytes`);
  }
});

test("Redis's own example", () => {
  assert.equal(xxh3Hex("Hello world"), "b6acb9d84a38ff74");
});
