import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { crc64 } from "./crc64.ts";
import { encodeListpack } from "./listpack.ts";
import { BadDump, decodeDump, encodeDump } from "./rdb.ts";
import type { DumpedHash } from "./rdb-hash.ts";
import { encodeString } from "./rdb-string.ts";
import { HASH } from "./record.ts";

const AT = 1_700_000_000_000;

function hex(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("hex");
}

/** A type and a value with what follows them in a dump. */
function sealed(value: string): string {
  const body = `${value}\x0c\0`;
  return body + crc64(body, body.length);
}

function rows({ flat, expiries }: DumpedHash): Map<string, [string, number]> {
  const found = new Map<string, [string, number]>();
  for (let index = 0; index < flat.length; index += 2) {
    const expiryMs = expiries?.[index / 2] ?? 0;
    found.set(flat[index] ?? "", [flat[index + 1] ?? "", expiryMs]);
  }
  return found;
}

test("hashes whose fields die are read back, in both forms", () => {
  const field = fc.tuple(fc.string(), fc.string(), fc.oneof(fc.constant(0), fc.nat(2 ** 46)));
  const fields = fc.uniqueArray(field, { selector: ([name]) => name, minLength: 1 });
  fc.assert(
    fc.property(fields, fc.boolean(), (list, isPacked) => {
      const texts = (text: string): string => Buffer.from(text).latin1Slice();
      const flat = list.flatMap(([name, value]) => [texts(name), texts(value)]);
      const times = list.map(([, , expiryMs]) => expiryMs);
      const expiries = times.some((expiryMs) => expiryMs !== 0) ? times : null;
      const dumped: DumpedHash = { kind: HASH, flat, expiries, isPacked };
      const read = decodeDump(encodeDump(dumped));
      assert.ok(read.kind === HASH);
      assert.deepEqual(rows(read), rows(dumped));
      assert.deepEqual([read.isPacked, read.expiries === null], [isPacked, expiries === null]);
    }),
  );
});

test("they are written as Redis 7.4 does, with its version; others as Redis 7.0 does", () => {
  const flat = ["a", "1", "b", "2", "c", "3"];
  const facts = { kind: HASH, flat, expiries: [0, AT + 5, AT] } as const;
  const table = encodeDump({ ...facts, isPacked: false });
  assert.equal(hex(table.slice(0, -8)), "180068e5cf8b01000003010163c003060162c002000161c0010c00");
  const packed = encodeDump({ ...facts, isPacked: true });
  assert.equal(packed.charCodeAt(0), 25);
  const texts = ["c", "3", String(AT), "b", "2", String(AT + 5), "a", "1", "0"];
  assert.equal(packed.slice(9, -10), encodeString(encodeListpack(texts)), "the first to die first");
  const still = encodeDump({ ...facts, expiries: null, isPacked: true });
  assert.equal(still.charCodeAt(still.length - 10), 10);
});

test("what Redis would not write is refused", () => {
  const first = "\0\x68\xe5\xcf\x8b\x01\0\0";
  const listpack = (...texts: string[]): string => `${first}${encodeString(encodeListpack(texts))}`;
  const bad = [
    `\x18${first}\x01\x01\x01a`,
    `\x18${first}\x00`,
    `\x18${first}\x02\x01\x01a\x01b\x01\x01a\x01c`,
    `\x18\xff\xff\xff\xff\xff\xff\0\0\x01\x02\x01a\x01b`,
    `\x19${listpack("a", "1")}`,
    `\x19${listpack("a", "1", "x")}`,
    `\x19${listpack("a", "1", "-5")}`,
    `\x19${listpack("a", "1", "999999999999999")}`,
    `\x19${listpack("a", "1", "0", "a", "2", "0")}`,
    "\x19\0",
  ];
  for (const value of bad) assert.throws(() => decodeDump(sealed(value)), BadDump, hex(value));
});
