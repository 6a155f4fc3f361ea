// The vectors were given by Redis 7.0.15: DUMP of a key with that value.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { crc64 } from "./crc64.ts";
import { BadDump, decodeDump, encodeDump, RDB_VERSION } from "./rdb.ts";
import { STRING } from "./record.ts";

const FROM_REDIS = {
  hello: "000568656c6c6f0a006372df766534200a",
  minus129: "00c17fff0a001760822854808480",
  repeated: "00c30b3c0361626361e02d020162630a006f6029e4afd764ac",
};

const values = fc.oneof(
  fc.uint8Array({ maxLength: 100 }).map((raw) => Buffer.from(raw).latin1Slice()),
  fc.maxSafeInteger().map(String),
  fc.integer().map(String),
  fc.integer({ min: -40_000, max: 40_000 }).map(String),
  fc.constantFrom("0", "-0", "01", "127", "128", "-128", "-129", "32768", "-32769"),
  fc.constantFrom("2147483647", "2147483648", "-2147483648", "-2147483649", "12345678901"),
  fc.nat(70_000).map((size) => "abcdefg".repeat(size / 7)),
);

test("what Redis dumped is read", () => {
  assert.deepEqual(decodeDump(bytes(FROM_REDIS.hello)), { kind: STRING, value: "hello" });
  assert.deepEqual(decodeDump(bytes(FROM_REDIS.minus129)), { kind: STRING, value: "-129" });
  const value = "abc".repeat(20);
  assert.deepEqual(decodeDump(bytes(FROM_REDIS.repeated)), { kind: STRING, value });
});

test("what is dumped differs from Redis's dump by the version and the checksum alone", () => {
  for (const [value, dump] of [
    ["hello", FROM_REDIS.hello],
    ["-129", FROM_REDIS.minus129],
  ] as const) {
    const ours = encodeDump({ kind: STRING, value });
    assert.equal(hex(ours.slice(0, -10)), dump.slice(0, -20));
    assert.equal(ours.charCodeAt(ours.length - 10), RDB_VERSION);
  }
});

test("what is dumped is read back", () => {
  fc.assert(
    fc.property(values, (value) => {
      assert.deepEqual(decodeDump(encodeDump({ kind: STRING, value })), { kind: STRING, value });
    }),
  );
});

test("a repetitive string is dumped smaller than it is", () => {
  assert.ok(encodeDump({ kind: STRING, value: "again and ".repeat(100) }).length < 100);
});

test("every change of one byte is noticed", () => {
  const dump = encodeDump({ kind: STRING, value: "hello" });
  for (let index = 0; index < dump.length; index++) {
    const changed = Buffer.from(dump, "latin1");
    changed[index] = (changed[index] ?? 0) ^ 0x10;
    assert.throws(() => decodeDump(changed.latin1Slice()), badFooter);
  }
});

test("what is too short, or from a version to come, is no dump", () => {
  assert.throws(() => decodeDump(""), badFooter);
  assert.throws(() => decodeDump("abc"), badFooter);
  assert.throws(() => decodeDump(sealed("\0\x01a", 13)), badFooter);
  assert.equal(stringIn(sealed("\0\x01a", 12)), "a");
  assert.equal(stringIn(sealed("\0\x01a", 6)), "a");
});

test("lengths in every spelling are read", () => {
  assert.equal(stringIn(sealed("\0\x40\x02ab", 11)), "ab");
  assert.equal(stringIn(sealed("\0\x80\0\0\0\x02ab", 11)), "ab");
  assert.equal(stringIn(sealed("\0\x81\0\0\0\0\0\0\0\x02ab", 11)), "ab");
});

test("other types, and strings that end early, are of a bad format", () => {
  assert.throws(() => decodeDump(sealed("\x07module", 11)), badFormat);
  const bodies = ["", "\0", "\0\x05abc", "\0\xc1a", "\0\xc4", "\0\x82", "\0\x81\xff\xff\xff\xff"];
  const lies = ["\0\xc3\x03\xff\x00a", "\0\xc3\x02\x80\xff\xff\xff\xff\0a", "\0\xc3\xc0\x01\x00a"];
  for (const body of [...bodies, ...lies]) {
    assert.throws(() => decodeDump(sealed(body, 11)), badFormat);
  }
});

test("any body under a valid checksum is read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (body) => {
      try {
        decodeDump(sealed(`\0${Buffer.from(body).latin1Slice()}`, 11));
      } catch (error) {
        assert.ok(badFormat(error));
      }
    }),
  );
});

function badFooter(error: unknown): boolean {
  return error instanceof BadDump && error.reason === "footer";
}

function badFormat(error: unknown): boolean {
  return error instanceof BadDump && error.reason === "format";
}

function sealed(body: string, version: number): string {
  const text = `${body}${String.fromCharCode(version)}\0`;
  return text + crc64(text, text.length);
}

function bytes(text: string): string {
  return Buffer.from(text, "hex").latin1Slice();
}

function hex(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}

function stringIn(dump: string): string {
  const dumped = decodeDump(dump);
  assert.ok(dumped.kind === STRING);
  return dumped.value;
}
