// A sorted set in memory, in its two forms: inline, members and scores in order, written whole; exploded,
// a header with the directory of buckets, whose members are elements of their own. types/sorted-set.ts
// decides between them.

import type { Bytes } from "../base/bytes.ts";
import type { RootParts } from "../encoding/directory.ts";
import * as encoding from "../encoding/sorted-set.ts";
import type { Home } from "../keyspace/home.ts";
import type { Undo } from "../keyspace/undo.ts";
import type { Collection } from "../keyspace/value.ts";
import { Directory, USUAL_SIZES } from "./directory.ts";

/** What an entry costs in memory beside its bytes. */
const ENTRY_OVERHEAD_BYTES = 80;

export class InlineSortedSet implements Collection {
  readonly home = null;
  /** In order of their scores, those of one score in order of their bytes. */
  readonly members: Bytes[];
  readonly scores: number[];
  readonly #scoreOf: Map<Bytes, number>;
  /** OBJECT ENCODING says "skiplist"; once so, it stays. */
  isTable: boolean;
  /** The sum of `entrySize` over the members. */
  entryBytes: number;

  constructor(parts: encoding.DecodedInline) {
    this.members = parts.members;
    this.scores = parts.scores;
    this.#scoreOf = new Map();
    for (const [index, member] of parts.members.entries()) {
      this.#scoreOf.set(member, parts.scores[index] ?? 0);
    }
    this.isTable = parts.isTable;
    this.entryBytes = parts.entryBytes;
  }

  static empty(isTable: boolean): InlineSortedSet {
    return new InlineSortedSet({ members: [], scores: [], isTable, entryBytes: 0 });
  }

  get payloadSize(): number {
    return encoding.inlineSize(this.entryBytes, this.members.length);
  }

  get memoryBytes(): number {
    return this.entryBytes + this.members.length * ENTRY_OVERHEAD_BYTES;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeInline(target, at, this);
  }

  score(member: Bytes): number | undefined {
    return this.#scoreOf.get(member);
  }

  /** How many members stand before where `member` with `score` stands or would stand. */
  placeOf(score: number, member: Bytes): number {
    const { members, scores } = this;
    let low = 0;
    let high = members.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = scores[middle] ?? 0;
      if (other < score || (other === score && (members[middle] ?? "") < member)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Sets the score of a member, there or not, and returns how that is taken back. */
  set(member: Bytes, score: number): Undo {
    const undo = new InlineUndo(this, member);
    this.put(member, undo.before, score);
    return undo;
  }

  /** Removes a member that is there and returns how that is taken back. */
  remove(member: Bytes): Undo {
    const undo = new InlineUndo(this, member);
    this.put(member, undo.before, undefined);
    return undo;
  }

  /** `before` is its score now; undefined stands for no member. */
  put(member: Bytes, before: number | undefined, score: number | undefined): void {
    const { members, scores } = this;
    if (before !== undefined) {
      const place = this.placeOf(before, member);
      members.splice(place, 1);
      scores.splice(place, 1);
      if (score === undefined) {
        this.entryBytes -= encoding.entrySize(member);
        this.#scoreOf.delete(member);
      }
    }
    if (score === undefined) return;
    if (before === undefined) this.entryBytes += encoding.entrySize(member);
    const place = this.placeOf(score, member);
    if (place === members.length) {
      members.push(member);
      scores.push(score);
    } else {
      members.splice(place, 0, member);
      scores.splice(place, 0, score);
    }
    this.#scoreOf.set(member, score);
  }
}

class InlineUndo implements Undo {
  readonly #set: InlineSortedSet;
  readonly #member: Bytes;
  readonly before: number | undefined;
  readonly #isTable: boolean;

  constructor(set: InlineSortedSet, member: Bytes) {
    this.#set = set;
    this.#member = member;
    this.before = set.score(member);
    this.#isTable = set.isTable;
  }

  revert(): void {
    const set = this.#set;
    set.put(this.#member, set.score(this.#member), this.before);
    set.isTable = this.#isTable;
  }
}

export class ExplodedSortedSet implements Collection {
  readonly home: Home;
  /** Its nodes are the buckets: the members whose subkeys in `order` are not before the node's key. */
  readonly buckets: Directory;
  isTable: boolean;
  start: Bytes;
  end: Bytes;

  constructor(home: Home, parts: encoding.ExplodedHeader & { readonly root: RootParts | null }) {
    const place = { elements: home.order, prefix: encoding.PAGE_PREFIX, sizes: USUAL_SIZES };
    this.home = home;
    this.buckets = parts.root === null ? Directory.empty(place) : new Directory(place, parts.root);
    this.isTable = parts.isTable;
    this.start = parts.start;
    this.end = parts.end;
  }

  get count(): number {
    return this.buckets.total;
  }

  get payloadSize(): number {
    return encoding.headerSize(this) + this.buckets.payloadSize;
  }

  get memoryBytes(): number {
    return 300 + this.start.length + this.end.length + this.buckets.memoryBytes;
  }

  writePayload(target: Buffer, at: number): void {
    this.buckets.write(target, encoding.writeHeader(target, at, this));
  }

  /** Changes what the header says and returns how that is taken back. */
  change(header: encoding.ExplodedHeader): Undo {
    const undo = new HeaderUndo(this);
    this.isTable = header.isTable;
    this.start = header.start;
    this.end = header.end;
    return undo;
  }
}

class HeaderUndo implements Undo {
  readonly #set: ExplodedSortedSet;
  readonly #header: encoding.ExplodedHeader;

  constructor(set: ExplodedSortedSet) {
    const { isTable, start, end } = set;
    this.#set = set;
    this.#header = { isTable, start, end };
  }

  revert(): void {
    const { isTable, start, end } = this.#header;
    this.#set.isTable = isTable;
    this.#set.start = start;
    this.#set.end = end;
  }
}

/** Where to end a walk over the members of `order`. */
export function endOf(form: ExplodedSortedSet): Bytes {
  return form.end === "" ? encoding.PAGE_PREFIX : form.end;
}
