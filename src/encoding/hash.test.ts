import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import * as hash from "./hash.ts";
import { CorruptRecord, HASH, readRecord, recordSize, writeRecord } from "./record.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw).latin1Slice());
const expiry = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 31 }));
const PLAIN = { expiries: null, isTable: false, isExtended: false, nextExpiryMs: 0 } as const;

function written(size: number, write: (target: Buffer) => void): Buffer {
  const target = Buffer.alloc(size + 1, 0xee);
  write(target);
  assert.equal(target[size], 0xee, "no more is written than was announced");
  return target.subarray(0, size);
}

function inline(parts: hash.InlineHashParts): Buffer {
  let entryBytes = 0;
  for (const [field, value] of parts.fields) entryBytes += hash.entrySize(field, value);
  const size = hash.inlineSize(entryBytes, parts.fields.size, parts.expiries !== null);
  return written(size, (target) => hash.writeInlineHash(target, 0, parts));
}

function exploded(parts: hash.ExplodedHashParts): Buffer {
  const size = hash.explodedSize(parts.nextExpiryMs);
  return written(size, (target) => hash.writeExplodedHash(target, 0, parts));
}

test("an inline hash is read back, in order", () => {
  const entries = fc.uniqueArray(fc.tuple(bytes, bytes, expiry), { selector: ([field]) => field });
  fc.assert(
    fc.property(entries, fc.boolean(), fc.boolean(), (list, isTable, hasExpiries) => {
      const fields = new Map(list.map(([field, value]) => [field, value]));
      const dying = list.filter(([, , expiryMs]) => expiryMs !== 0);
      const expiries = hasExpiries ? new Map(dying.map(([field, , at]) => [field, at])) : null;
      const isExtended = !isTable;
      // Any moment up to the first death will do.
      const first = Math.min(2 ** 40, ...dying.map(([, , at]) => at));
      const nextExpiryMs = hasExpiries ? Math.ceil(first / 2) : 0;
      const parts = { fields, expiries, isTable, isExtended, nextExpiryMs };
      const payload = inline(parts).latin1Slice();
      assert.equal(hash.hashDueMs(payload), nextExpiryMs);
      const read = hash.readInlineHash(payload);
      assert.deepEqual([...read.fields], [...fields]);
      assert.deepEqual(read.expiries, expiries);
      assert.deepEqual([read.isTable, read.isExtended], [isTable, isExtended]);
      assert.equal(read.nextExpiryMs, nextExpiryMs);
      const size = hash.inlineSize(read.entryBytes, read.fields.size, read.expiries !== null);
      assert.equal(size, payload.length);
    }),
  );
});

test("version 1 is frozen: hashes written today open tomorrow", () => {
  const fields = new Map([
    ["f", "one"],
    ["\xff", ""],
  ]);
  const plain = { ...PLAIN, fields };
  assert.equal(inline(plain).toString("hex"), "0000020166036f6e6501ff00");
  const at = 1_700_000_000_000;
  const facts = { isTable: true, isExtended: false, nextExpiryMs: at - 1 };
  const dying = { ...facts, fields, expiries: new Map([["f", at]]) };
  assert.equal(
    inline(dying).toString("hex"),
    "0003018bcfe567ff02018bcfe568000166036f6e6500000000000001ff00",
  );
  assert.equal(inline({ ...plain, isExtended: true }).toString("hex"), "0004020166036f6e6501ff00");
  const home = { incarnationId: 16, slot: 0x1234, id: 0x010203040506 };
  const still = { isTable: true, isExtended: false, nextExpiryMs: 0, count: 10_000_000 };
  const header = exploded({ home, ...still });
  assert.equal(header.toString("hex"), "01123401020304050602000000989680");
  assert.deepEqual(hash.readExplodedHash(header.latin1Slice()), still);
  const mortal = { ...still, isExtended: true, nextExpiryMs: at };
  const longer = exploded({ home, ...mortal });
  assert.equal(longer.toString("hex"), "01123401020304050607000000989680018bcfe56800");
  assert.deepEqual(hash.readExplodedHash(longer.latin1Slice()), mortal);
  assert.equal(hash.hashDueMs(longer.latin1Slice()), at);
  const order = hash.orderSubkey(at, hash.fieldSubkey("field"));
  assert.equal(hex(order), "018bcfe568003e37d9066669656c64");
  assert.equal(hash.expiryOfOrder(order), at);
  assert.equal(hash.fieldKeyOfOrder(order), hash.fieldSubkey("field"));
  assert.equal(hex(hash.fieldSubkey("field")), "3e37d9066669656c64");
  assert.equal(hex(hash.fieldElement("v", 0)), "0076");
  assert.equal(hex(hash.fieldElement("v", 1_700_000_000_000)), "01018bcfe5680076");
});

test("the record around a hash is frozen too", () => {
  const payload = inline({ ...PLAIN, fields: new Map([["f", "v"]]) });
  const value = {
    payloadSize: payload.length,
    writePayload: (target: Buffer, at: number) => payload.copy(target, at),
  };
  const record = { kind: HASH, value, expiryMs: 0 } as const;
  const bytesOf = written(recordSize(value, 0), (target) => writeRecord(target, 0, record));
  assert.equal(bytesOf.toString("hex"), "150000000101660176");
  assert.equal(readRecord(bytesOf.latin1Slice()).value, payload.latin1Slice());
});

test("an element gives its value and expiry back", () => {
  fc.assert(
    fc.property(bytes, expiry, (value, expiryMs) => {
      const element = hash.fieldElement(value, expiryMs);
      assert.equal(hash.elementValue(element), value);
      assert.equal(hash.elementExpiryMs(element), expiryMs);
    }),
  );
});

test("what is cut short, too long, or of unknown flags is corruption", () => {
  const fields = new Map([["field", "value"]]);
  const payload = inline({ ...PLAIN, fields });
  const facts = { isTable: false, isExtended: true, nextExpiryMs: 5 };
  const dying = inline({ ...facts, fields, expiries: new Map([["field", 5]]) }).latin1Slice();
  for (let size = 1; size < dying.length; size++) {
    assert.throws(() => hash.readInlineHash(dying.slice(0, size)), CorruptRecord);
  }
  const late = inline({ ...facts, fields, expiries: new Map([["field", 4]]) }).latin1Slice();
  assert.throws(() => hash.readInlineHash(late), CorruptRecord, "it dies before the first does");
  const home = { incarnationId: 16, slot: 1, id: 2 };
  const header = exploded({ home, ...facts, count: 1 }).latin1Slice();
  assert.throws(() => hash.readExplodedHash(header.slice(0, -1)), CorruptRecord);
  assert.throws(() => hash.readExplodedHash(`${header.slice(0, -6)}\0\0\0\0\0\0`), CorruptRecord);
  for (let size = 1; size < payload.length; size++) {
    const cut = payload.latin1Slice(0, size);
    assert.throws(() => hash.readInlineHash(cut), CorruptRecord);
  }
  assert.throws(() => hash.readInlineHash(`${payload.latin1Slice()}x`), CorruptRecord);
  assert.throws(() => hash.readInlineHash("\x00\x80\x00"), CorruptRecord);
  assert.throws(() => hash.readInlineHash("\x00\x00\x02\x01f\x00\x01f\x00"), CorruptRecord);
  assert.throws(() => hash.readExplodedHash("\x01"), CorruptRecord);
  assert.throws(() => hash.elementValue("\x02v"), CorruptRecord);
  assert.throws(() => hash.elementExpiryMs("\x01v"), CorruptRecord);
});

function hex(text: string): string {
  return Buffer.from(text, "latin1").toString("hex");
}
