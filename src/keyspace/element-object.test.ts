// Elements that are changed in place (ElementObject): what a list does with its nodes. Here the object
// is a tally, and a unit's work on it must be written, undone, walked over and counted as bytes are.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HASH } from "../encoding/record.ts";
import { WriteOps } from "../engine/write-ops.ts";
import { WHOLE } from "./element-walk.ts";
import type { Element, ElementObject, Home } from "./home.ts";
import type { Record } from "./record.ts";
import { testWorld, type TestWorld } from "./testing.ts";
import type { View } from "./view.ts";

class Tally implements ElementObject {
  marks: string;

  constructor(marks: string) {
    this.marks = marks;
  }

  get payloadSize(): number {
    return this.marks.length;
  }

  get memoryBytes(): number {
    return 100 + this.marks.length * 10;
  }

  writePayload(target: Buffer, at: number): void {
    target.latin1Write(this.marks, at, this.marks.length);
  }
}

interface Place extends TestWorld {
  readonly record: Record;
  readonly home: Home;
}

/** A collection with one element, "a", that holds "|", committed and no longer in memory. */
function place(): Place {
  const world = testWorld();
  const { record, home } = world.unit((view) => {
    const made = view.set("key", { kind: HASH, value: "", expiryMs: 0 });
    const itsHome = view.newHome(made);
    view.setElement(made, itsHome.elements.find("a"), "|");
    return { record: made, home: itsHome };
  });
  world.keyspace.dropCache();
  return { ...world, record, home };
}

function unpacked(view: View, element: Element): Tally {
  if (element.content instanceof Tally) return element.content;
  const tally = new Tally(element.value ?? "");
  view.unpackElement(element, tally);
  return tally;
}

function addMark(view: View, { record, home }: Place): void {
  const element = home.elements.find("a");
  const tally = unpacked(view, element);
  const before = tally.marks;
  tally.marks += "|";
  const undo = { revert: () => void (tally.marks = before) };
  view.mutateElement(record, element, { undo, growth: 1 });
}

function walked(view: View, home: Home): string[] {
  const found: string[] = [];
  view.walk(home.elements, WHOLE, (subkey, value) => {
    found.push(subkey + value);
    return true;
  });
  return found;
}

test("an element changed in place is written once for the group, as it is at the end", () => {
  const here = place();
  here.unit((view) => {
    addMark(view, here);
    addMark(view, here);
  });
  here.keyspace.dropCache();
  assert.equal(here.home.elements.find("a").value, "|||");
});

test("a walk meets the object as it is now", () => {
  const here = place();
  here.unit((view) => {
    addMark(view, here);
    assert.deepEqual(walked(view, here.home), ["a||"]);
    view.setElement(here.record, here.home.elements.find("b"), new Tally("x"));
    assert.deepEqual(walked(view, here.home), ["a||", "bx"]);
  });
  here.keyspace.dropCache();
  assert.deepEqual(walked(here.view, here.home), ["a||", "bx"]);
});

test("a unit that fails leaves the object as it was", () => {
  const here = place();
  here.unit((view) => addMark(view, here));
  const fail = (): void =>
    here.unit((view) => {
      addMark(view, here);
      view.setElement(here.record, here.home.elements.find("a"), null);
      view.setElement(here.record, here.home.elements.find("a"), new Tally("new"));
      throw new Error("enough");
    });
  assert.throws(fail, /enough/);
  assert.equal(here.home.elements.find("a").value, "||");
});

test("a refused batch takes back what the batches behind it did to the object as well", () => {
  const here = place();
  const { keyspace, view } = here;
  addMark(view, here);
  keyspace.close(new WriteOps());
  addMark(view, here);
  assert.equal(here.home.elements.find("a").value, "|||");
  keyspace.undoAll();
  assert.equal(here.home.elements.find("a").value, "|");
});

test("what the cache counts for an object goes with it, whatever it has grown to", () => {
  const here = place();
  const { keyspace, view, home, record } = here;
  home.elements.find("a");
  const before = keyspace.cacheBytes;
  here.unit(() => {
    for (let times = 0; times < 50; times++) addMark(view, here);
    assert.equal(keyspace.cacheBytes, before - 1 + 100 + 510);
    view.setElement(record, home.elements.find("a"), "|");
  });
  assert.equal(keyspace.cacheBytes, before);
});

test("what a unit counts does not depend on what others have put into the open batch", () => {
  const here = place();
  const { view } = here;
  view.limits.unitBytesMax = 1_000_000;
  const marked = (marks: number): number => {
    view.startCounting();
    for (let count = 0; count < marks; count++) addMark(view, here);
    return view.unitBytes;
  };
  const alone = marked(1);
  assert.equal(marked(1), alone + 1, "it is longer by a mark, and written in the same batch");
  assert.equal(marked(3), alone + 4, "whole the first time, by its growth from then on");
});
