// A set in memory, in its two forms: inline, a Set that is written whole; exploded, a header whose
// members are elements of their own. types/set.ts decides between them.

import { AssertionFailed } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import * as encoding from "../encoding/set.ts";
import { INTSET, type SetForm } from "../encoding/set.ts";
import type { Home } from "../keyspace/home.ts";
import type { Undo } from "../keyspace/undo.ts";
import type { Collection } from "../keyspace/value.ts";
import { insertMemberAt, positionOf } from "./insertion-order.ts";
import { parseInteger, type Integer } from "./number.ts";

/** What a member costs in memory beside its bytes. */
const MEMBER_OVERHEAD_BYTES = 48;

export class InlineSet implements Collection {
  readonly home = null;
  /** In order of insertion. Only `add`, `remove` and their undo change it. */
  readonly members: Set<Bytes>;
  form: SetForm;
  /** The sum of `memberSize`. */
  memberBytes: number;
  /** What `listed` has made, until the next change. */
  #listed: readonly Bytes[] | null = null;

  constructor(parts: encoding.DecodedInlineSet) {
    this.members = parts.members;
    this.form = parts.form;
    this.memberBytes = parts.memberBytes;
  }

  static empty(): InlineSet {
    return new InlineSet({ members: new Set(), form: INTSET, memberBytes: 0 });
  }

  get count(): number {
    return this.members.size;
  }

  get payloadSize(): number {
    return encoding.inlineSize(this.memberBytes, this.members.size);
  }

  get memoryBytes(): number {
    return this.memberBytes + this.members.size * MEMBER_OVERHEAD_BYTES;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeInlineSet(target, at, this);
  }

  /** The members as Redis shows them: whole numbers by size, others as they came. */
  listed(): readonly Bytes[] {
    this.#listed ??= this.form === INTSET ? bySize([...this.members]) : [...this.members];
    return this.#listed;
  }

  /**
   * Adds a member that is not there and returns how that is taken back. When this ends the intset, its
   * numbers stay in the order in which they were shown.
   */
  add(member: Bytes, form: SetForm): Undo {
    const isReordered = this.form === INTSET && form !== INTSET;
    const undo = new InlineUndo(this, member, isReordered ? [...this.members] : null);
    if (isReordered) this.#reorder(this.listed());
    this.members.add(member);
    this.memberBytes += encoding.memberSize(member);
    this.form = form;
    this.#listed = null;
    return undo;
  }

  /** Removes a member that is there and returns how that is taken back. */
  remove(member: Bytes): Undo {
    const undo = new InlineUndo(this, member, positionOf(this.members, member));
    this.members.delete(member);
    this.memberBytes -= encoding.memberSize(member);
    this.#listed = null;
    return undo;
  }

  #reorder(members: readonly Bytes[]): void {
    this.members.clear();
    for (const member of members) this.members.add(member);
  }

  /** For the undo of this file. */
  takeBack({ member, before, form, memberBytes }: InlineUndo): void {
    if (typeof before === "number") insertMemberAt(this.members, before, member);
    else if (before === null) this.members.delete(member);
    else this.#reorder(before);
    this.form = form;
    this.memberBytes = memberBytes;
    this.#listed = null;
  }
}

class InlineUndo implements Undo {
  readonly #set: InlineSet;
  readonly member: Bytes;
  /** Where a removed member stood; for an added one all members, if their order changed too. */
  readonly before: number | readonly Bytes[] | null;
  readonly form: SetForm;
  readonly memberBytes: number;

  constructor(set: InlineSet, member: Bytes, before: number | readonly Bytes[] | null) {
    this.#set = set;
    this.member = member;
    this.before = before;
    this.form = set.form;
    this.memberBytes = set.memberBytes;
  }

  revert(): void {
    this.#set.takeBack(this);
  }
}

export class ExplodedSet implements Collection {
  readonly home: Home;
  readonly payloadSize = encoding.EXPLODED_SET_SIZE;
  readonly memoryBytes = 200;
  count: number;
  form: SetForm;

  constructor(home: Home, parts: Omit<encoding.ExplodedSetParts, "home">) {
    this.home = home;
    this.count = parts.count;
    this.form = parts.form;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeExplodedSet(target, at, this);
  }

  /** Changes what the header says and returns how that is taken back. */
  change(count: number, form: SetForm): Undo {
    const undo = new HeaderUndo(this);
    this.count = count;
    this.form = form;
    return undo;
  }
}

class HeaderUndo implements Undo {
  readonly #set: ExplodedSet;
  readonly #count: number;
  readonly #form: SetForm;

  constructor(set: ExplodedSet) {
    this.#set = set;
    this.#count = set.count;
    this.#form = set.form;
  }

  revert(): void {
    this.#set.count = this.#count;
    this.#set.form = this.#form;
  }
}

/** Whole numbers in the order of their sizes. */
export function bySize(members: readonly Bytes[]): Bytes[] {
  const numbers = members.map(mustBeInteger);
  if (numbers.every((number) => typeof number === "number")) {
    return Array.from(Float64Array.from(numbers).sort(), String);
  }
  return numbers.sort(compare).map(String);
}

function mustBeInteger(member: Bytes): Integer {
  const number = parseInteger(member);
  if (number === null) throw new AssertionFailed("an intset has only whole numbers");
  return number;
}

function compare(left: Integer, right: Integer): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
