import assert from "node:assert/strict";
import { test } from "node:test";

import { crc64 } from "./crc64.ts";

test("the check value of the polynomial", () => {
  assert.equal(hex(crc64("123456789", 9)), "cad9b8c414d9c6e9");
});

test("only the first bytes count, and none give zero", () => {
  assert.equal(hex(crc64("123456789 and more", 9)), "cad9b8c414d9c6e9");
  assert.equal(hex(crc64("123", 0)), "0000000000000000");
});

function hex(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("hex");
}
