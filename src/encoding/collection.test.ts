import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import * as collection from "./collection.ts";
import * as meta from "./meta.ts";
import { CorruptRecord } from "./record.ts";

const HOME = { incarnationId: 0x10, slot: 0x1234, id: 0x0102_0304_0506 };
const PREFIX = "\0\0\0\x10\x12\x34\x01\x02\x03\x04\x05\x06";

test("version 1 is frozen: prefixes, homes, ids and notes", () => {
  assert.equal(collection.elementPrefix(HOME), PREFIX);
  const target = Buffer.alloc(collection.HOME_SIZE);
  assert.equal(collection.writeHome(target, 0, HOME), collection.HOME_SIZE);
  assert.equal(target.toString("hex"), "011234010203040506");
  assert.equal(meta.goneKey(HOME), `gone${PREFIX}`);
  assert.equal(meta.goneElementPrefix(meta.goneKey(HOME)), PREFIX);
  assert.equal(meta.encodeCollectionIds(65_537), "\x01\0\0\0\x01\0\x01");
  assert.equal(meta.decodeCollectionIds("\x01\0\0\0\x01\0\x01"), 65_537);
  assert.throws(() => meta.decodeCollectionIds("\x02\0\0\0\x01\0\x01"), meta.CorruptMeta);
});

test("a home is read from the front of a payload, and an inline one has none", () => {
  const payload = collection.withHome("?????????tail", HOME);
  assert.deepEqual(collection.readHome(payload), { slot: HOME.slot, id: HOME.id });
  assert.ok(payload.endsWith("tail"));
  assert.equal(collection.readHome("\0anything"), null);
  assert.throws(() => collection.readHome("\x02"), CorruptRecord);
  assert.throws(() => collection.readHome("\x01\x12"), CorruptRecord);
  assert.throws(() => collection.readHome(""), CorruptRecord);
});

test("what follows a prefix is above all that begins with it, and nothing lies between", () => {
  const bytes = fc.array(fc.constantFrom("\0", "a", "\xfe", "\xff"), { maxLength: 4 });
  fc.assert(
    fc.property(bytes, bytes, (front, back) => {
      const prefix = front.join("");
      const after = collection.afterPrefix(prefix);
      const other = back.join("");
      if (after === null) assert.match(prefix, /^\xff*$/);
      else assert.equal(other >= prefix && other < after, other.startsWith(prefix));
    }),
  );
});
