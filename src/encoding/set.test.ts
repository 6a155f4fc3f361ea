import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { hashedSubkey, nameInSubkey } from "./collection.ts";
import { CorruptRecord } from "./record.ts";
import * as set from "./set.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((raw) => Buffer.from(raw).latin1Slice());
const form = fc.constantFrom(set.INTSET, set.LISTPACK, set.TABLE);

function written(size: number, write: (target: Buffer) => void): Buffer {
  const target = Buffer.alloc(size + 1, 0xee);
  write(target);
  assert.equal(target[size], 0xee, "no more is written than was announced");
  return target.subarray(0, size);
}

function inline(parts: set.InlineSetParts): Buffer {
  let memberBytes = 0;
  for (const member of parts.members) memberBytes += set.memberSize(member);
  const size = set.inlineSize(memberBytes, parts.members.size);
  return written(size, (target) => set.writeInlineSet(target, 0, parts));
}

test("an inline set is read back, in order", () => {
  fc.assert(
    fc.property(fc.uniqueArray(bytes), form, (list, chosen) => {
      const payload = inline({ members: new Set(list), form: chosen }).latin1Slice();
      const read = set.readInlineSet(payload);
      assert.deepEqual([...read.members], list);
      assert.equal(read.form, chosen);
      assert.equal(set.inlineSize(read.memberBytes, read.members.size), payload.length);
    }),
  );
});

test("version 1 is frozen: sets written today open tomorrow", () => {
  const hex = (members: readonly string[], chosen: set.SetForm): string =>
    inline({ members: new Set(members), form: chosen }).toString("hex");
  assert.equal(hex(["10", "-3"], set.INTSET), "000002023130022d33");
  assert.equal(hex(["a", "", "\xff"], set.LISTPACK), "00010301610001ff");
  assert.equal(hex(["a"], set.TABLE), "0002010161");
  const home = { incarnationId: 16, slot: 0x1234, id: 0x010203040506 };
  const exploded = { home, form: set.TABLE, count: 10_000_000 } as const;
  const header = written(set.EXPLODED_SET_SIZE, (target) =>
    set.writeExplodedSet(target, 0, exploded),
  );
  assert.equal(header.toString("hex"), "01123401020304050602000000989680");
  assert.deepEqual(set.readExplodedSet(header.latin1Slice()), {
    form: set.TABLE,
    count: 10_000_000,
  });
  const subkey = hashedSubkey("field");
  assert.equal(Buffer.from(subkey, "latin1").toString("hex"), "3e37d9066669656c64");
  assert.equal(nameInSubkey(subkey), "field");
  assert.equal(set.MEMBER_ELEMENT, "");
});

test("what is cut short, too long, twice there, or of unknown flags is corruption", () => {
  const payload = inline({ members: new Set(["one", "two"]), form: set.LISTPACK });
  for (let size = 1; size < payload.length; size++) {
    assert.throws(() => set.readInlineSet(payload.latin1Slice(0, size)), CorruptRecord);
  }
  assert.throws(() => set.readInlineSet(`${payload.latin1Slice()}x`), CorruptRecord);
  assert.throws(() => set.readInlineSet("\x00\x03\x00"), CorruptRecord);
  assert.throws(() => set.readInlineSet("\x00\x01\x02\x01a\x01a"), CorruptRecord);
  assert.throws(() => set.readExplodedSet("\x01"), CorruptRecord);
  const header = Buffer.from("01123401020304050603000000989680", "hex").latin1Slice();
  assert.throws(() => set.readExplodedSet(header), CorruptRecord);
});
