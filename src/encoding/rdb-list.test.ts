// Lists in dumps. The vectors of type 18 were given by Redis 7.0.15; those of older types are put together
// here by the format's rules.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { crc64 } from "./crc64.ts";
import { encodeListpack } from "./listpack.ts";
import { BadDump, decodeDump, encodeDump } from "./rdb.ts";
import { encodeLength, encodeString } from "./rdb-string.ts";
import { HASH, LIST } from "./record.ts";
import { decodeZiplist } from "./ziplist.ts";

const FROM_REDIS = "1201020a0a0000000100816102ff0a0009b9edf594ded995";
const NUMBERS =
  "1201021e1e000000050081610201 01dfff02f2a086010 4f4ffffffffffffff7f09ff0a0071eb3c621b6885f4";

function bytes(hex: string): string {
  return Buffer.from(hex.replaceAll(" ", ""), "hex").latin1Slice();
}

function sealed(body: string): string {
  const text = `${body}\x0a\0`;
  return text + crc64(text, text.length);
}

function textsIn(dump: string): readonly string[] {
  const dumped = decodeDump(dump);
  assert.ok(dumped.kind === LIST);
  return dumped.texts;
}

/** A ziplist of texts that are no numbers, each shorter than 64 bytes. */
function ziplist(entries: readonly string[]): string {
  let body = "";
  let before = 0;
  for (const entry of entries) {
    const whole = String.fromCharCode(before) + entry;
    body += whole;
    before = whole.length;
  }
  const size = 11 + body.length;
  const head = Buffer.alloc(10);
  head.writeUInt32LE(size, 0);
  head.writeUInt16LE(entries.length, 8);
  return `${head.latin1Slice()}${body}\xff`;
}

function textEntry(text: string): string {
  return String.fromCharCode(text.length) + text;
}

test("what Redis dumped is read, and dumped again as it was", () => {
  for (const [hex, texts] of [
    [FROM_REDIS, ["a"]],
    [NUMBERS, ["a", "1", "-1", "100000", "9223372036854775807"]],
  ] as const) {
    assert.deepEqual(textsIn(bytes(hex)), texts);
    assert.equal(encodeDump({ kind: LIST, texts }), bytes(hex));
  }
});

test("what is dumped is read back, whatever its size", () => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 80 }).map((raw) => Buffer.from(raw).latin1Slice()),
    fc.maxSafeInteger().map(String),
    fc.constantFrom("", "0", "-0", "12", "x".repeat(9000), "y".repeat(3000)),
  );
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 60 }), (texts) => {
      assert.deepEqual(textsIn(encodeDump({ kind: LIST, texts })), texts);
    }),
  );
});

test("the types of older servers are read", () => {
  const texts = ["one", "two"];
  const strings = texts.map(encodeString).join("");
  assert.deepEqual(textsIn(sealed(`\x01${encodeLength(2)}${strings}`)), texts);
  const packed = encodeString(ziplist(texts.map(textEntry)));
  assert.deepEqual(textsIn(sealed(`\x0a${packed}`)), texts);
  assert.deepEqual(textsIn(sealed(`\x0e\x02${packed}${packed}`)), [...texts, ...texts]);
  const plain = `${encodeLength(1)}${encodeString("three")}`;
  const listpack = `${encodeLength(2)}${encodeString(encodeListpack(texts))}`;
  assert.deepEqual(textsIn(sealed(`\x12\x02${plain}${listpack}`)), ["three", ...texts]);
});

test("a hash in a ziplist is read as well", () => {
  const packed = encodeString(ziplist(["f", "v", "g", "w"].map(textEntry)));
  const dumped = decodeDump(sealed(`\x0d${packed}`));
  assert.deepEqual(dumped, {
    kind: HASH,
    flat: ["f", "v", "g", "w"],
    expiries: null,
    isPacked: true,
  });
  const lie = encodeString(ziplist(["f", "v", "f", "w"].map(textEntry)));
  assert.throws(() => decodeDump(sealed(`\x0d${lie}`)), BadDump);
});

test("a ziplist's numbers and texts of every length are read", () => {
  const entries = [
    ["\xf1", "0"],
    ["\xfd", "12"],
    ["\xfe\x80", "-128"],
    ["\xc0\xff\x7f", "32767"],
    ["\xf0\x00\x00\x80", "-8388608"],
    ["\xd0\x00\x00\x00\x80", "-2147483648"],
    ["\xe0\xff\xff\xff\xff\xff\xff\xff\x7f", "9223372036854775807"],
    [`\x40\x64${"m".repeat(100)}`, "m".repeat(100)],
    [textEntry("short"), "short"],
    [`\x80\0\0\0\x03abc`, "abc"],
  ] as const;
  const source = ziplist(entries.map(([entry]) => entry));
  assert.deepEqual(
    decodeZiplist(source),
    entries.map(([, text]) => text),
  );
  for (let size = 0; size < source.length; size++) {
    assert.equal(decodeZiplist(source.slice(0, size)), null);
  }
  const long = ziplist([`\x40\xfa${"m".repeat(250)}`]).slice(0, -1);
  const behind = `\xfe\xfd\0\0\0${textEntry("x")}`;
  const whole = Buffer.from(`${long}${behind}\xff`, "latin1");
  whole.writeUInt32LE(whole.length, 0);
  whole.writeUInt16LE(2, 8);
  assert.deepEqual(decodeZiplist(whole.latin1Slice()), ["m".repeat(250), "x"]);
});

test("an empty list, and nodes that do not decode, are of a bad format", () => {
  const bodies = ["\x01\0", "\x12\0", "\x0e\0", `\x0a${encodeString(ziplist([]))}`];
  const nodes = ["\x12\x01\x03\x01a", "\x12\x01\x02\x01a", "\x12\x02\x01\x01a", "\x0a\x01a"];
  for (const body of [...bodies, ...nodes, `\x12\x01\x02${encodeString(encodeListpack([]))}`]) {
    assert.throws(
      () => decodeDump(sealed(body)),
      (error) => error instanceof BadDump && error.reason === "format",
    );
  }
});

test("any ziplist is read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (raw) => {
      const body = Buffer.from(raw).latin1Slice();
      const texts = decodeZiplist(ziplist([body]));
      assert.ok(texts === null || Array.isArray(texts));
    }),
  );
});
