import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { TextRing } from "./text-ring.ts";

const text = fc.constantFrom("a", "b", "", "longer");
const step = fc.oneof(
  fc.tuple(fc.constantFrom("pushBack", "pushFront"), fc.nat(), text),
  fc.tuple(fc.constantFrom("popBack", "popFront"), fc.nat(), text),
  fc.tuple(fc.constantFrom("insert", "remove", "set"), fc.nat(), text),
);

function take(ring: TextRing, model: string[], [name, place, one]: [string, number, string]): void {
  const isEmpty = model.length === 0;
  const index = isEmpty ? 0 : place % model.length;
  if (name === "pushBack") {
    ring.pushBack(one);
    model.push(one);
  } else if (name === "pushFront") {
    ring.pushFront(one);
    model.unshift(one);
  } else if (name === "insert") {
    const at = place % (model.length + 1);
    ring.insert(at, one);
    model.splice(at, 0, one);
  } else if (!isEmpty && name === "popBack") {
    assert.equal(ring.popBack(), model.pop());
  } else if (!isEmpty && name === "popFront") {
    assert.equal(ring.popFront(), model.shift());
  } else if (!isEmpty && name === "remove") {
    assert.equal(ring.remove(index), model.splice(index, 1)[0]);
  } else if (!isEmpty) {
    ring.set(index, one);
    model[index] = one;
  }
}

test("a ring is what an array is, whatever is done at its ends and inside", () => {
  fc.assert(
    fc.property(fc.array(text), fc.array(step, { maxLength: 60 }), (start, steps) => {
      const ring = new TextRing([...start]);
      const model = [...start];
      for (const one of steps) {
        take(ring, model, one);
        const all: string[] = [];
        ring.copyTo(all, 0, ring.length);
        assert.deepEqual(all, model);
        for (const [index, expected] of model.entries()) assert.equal(ring.at(index), expected);
      }
      const part: string[] = [];
      ring.copyTo(part, Math.min(1, ring.length), ring.length);
      assert.deepEqual(part, model.slice(1));
    }),
  );
});

test("an empty ring has nothing to take", () => {
  assert.throws(() => new TextRing([]).popBack());
  assert.throws(() => new TextRing([]).popFront());
});
