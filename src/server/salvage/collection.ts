// One exploded collection as it was found: is all of it there, and if not, what can be made of the rest?
// What is left becomes an inline record, whatever its size: the first write to it lets it explode again.

import { compareBytes, type Bytes } from "../../base/bytes.ts";
import { readRoot } from "../../encoding/directory.ts";
import * as hashes from "../../encoding/hash.ts";
import { readU32 } from "../../encoding/key.ts";
import * as lists from "../../encoding/list.ts";
import {
  ABSENT,
  CorruptRecord,
  HASH,
  LIST,
  SET,
  SORTED_SET,
  STREAM,
  STRING,
  type Kind,
} from "../../encoding/record.ts";
import * as sets from "../../encoding/set.ts";
import * as sortedSets from "../../encoding/sorted-set.ts";
import { nameInSubkey } from "../../encoding/collection.ts";
import { PayloadReader } from "../../encoding/varint.ts";
import { leavesOf } from "./directory.ts";
import { StreamFound } from "./stream.ts";

export type Part = readonly [subkey: Bytes, value: Bytes];

export interface Rest {
  /** Inline; null when nothing is left. */
  readonly payload: Bytes | null;
  /** What is missing, in words; null when it is only another order of what is there. */
  readonly missing: string | null;
}

export interface FoundCollection {
  element(part: Part): void;
  order(part: Part): void;
  /** Whether all of it is there, as the record says it should be. Throws CorruptRecord. */
  isWhole(): boolean;
  /** Throws CorruptRecord. */
  rest(): Rest;
  /** What `order` must hold for what is in `elements`; null to take what is found there. */
  orderOf(part: Part): Part | null;
  readonly takesOrder: boolean;
}

const ELEMENTS = "elements";

/** Throws CorruptRecord. */
export function foundCollection(kind: Kind, payload: Bytes): FoundCollection {
  switch (kind) {
    case HASH:
      return new HashFound(payload);
    case SET:
      return new SetFound(payload);
    case LIST:
      return new ListFound(payload);
    case SORTED_SET:
      return new SortedSetFound(payload);
    case STREAM:
      return new StreamFound(payload);
    case ABSENT:
    case STRING:
    default:
      throw new CorruptRecord("a collection of no known kind");
  }
}

function lack(found: number, wanted: number, what: string): string | null {
  return found === wanted ? null : `${wanted - found} of ${wanted} ${what} are missing`;
}

class HashFound implements FoundCollection {
  readonly #count: number;
  readonly #facts: hashes.HashFacts;
  readonly #fields = new Map<Bytes, Bytes>();
  readonly #expiries = new Map<Bytes, number>();
  readonly takesOrder = false;

  constructor(payload: Bytes) {
    const { count, ...facts } = hashes.readExplodedHash(payload);
    this.#count = count;
    this.#facts = facts;
  }

  element([subkey, value]: Part): void {
    const field = hashes.fieldOf(subkey);
    const expiryMs = hashes.elementExpiryMs(value);
    this.#fields.set(field, hashes.elementValue(value));
    if (expiryMs !== 0) this.#expiries.set(field, expiryMs);
  }

  order(): void {}

  orderOf([subkey, value]: Part): Part | null {
    const expiryMs = hashes.elementExpiryMs(value);
    return expiryMs === 0 ? null : [hashes.orderSubkey(expiryMs, subkey), ""];
  }

  isWhole(): boolean {
    return this.#fields.size === this.#count;
  }

  rest(): Rest {
    const count = this.#fields.size;
    if (count === 0) return { payload: null, missing: "all of its fields are missing" };
    let entryBytes = 0;
    for (const [field, value] of this.#fields) entryBytes += hashes.entrySize(field, value);
    const isDying = this.#expiries.size > 0;
    const target = Buffer.alloc(hashes.inlineSize(entryBytes, count, isDying));
    hashes.writeInlineHash(target, 0, {
      ...this.#facts,
      isTable: true,
      nextExpiryMs: isDying ? Math.min(...this.#expiries.values()) : 0,
      fields: this.#fields,
      expiries: isDying ? this.#expiries : null,
    });
    const missing = lack(count, this.#count, "fields");
    return { payload: target.toString("latin1"), missing };
  }
}

class SetFound implements FoundCollection {
  readonly #count: number;
  readonly #form: sets.SetForm;
  readonly #members = new Set<Bytes>();
  readonly takesOrder = false;

  constructor(payload: Bytes) {
    const { count, form } = sets.readExplodedSet(payload);
    this.#count = count;
    this.#form = form;
  }

  element([subkey]: Part): void {
    this.#members.add(nameInSubkey(subkey));
  }

  order(): void {}

  orderOf(): null {
    return null;
  }

  isWhole(): boolean {
    return this.#members.size === this.#count;
  }

  rest(): Rest {
    const count = this.#members.size;
    if (count === 0) return { payload: null, missing: "all of its members are missing" };
    let memberBytes = 0;
    for (const member of this.#members) memberBytes += sets.memberSize(member);
    const target = Buffer.alloc(sets.inlineSize(memberBytes, count));
    sets.writeInlineSet(target, 0, { members: this.#members, form: this.#form });
    return { payload: target.toString("latin1"), missing: lack(count, this.#count, "members") };
  }
}

/** The directory's pages of a list stand under this. */
const LIST_PAGE = "\0";

class ListFound implements FoundCollection {
  readonly #list: ReturnType<typeof lists.readExplodedList>;
  readonly #payload: Bytes;
  readonly #nodes = new Map<Bytes, readonly Bytes[]>();
  readonly #pages = new Map<number, Bytes>();
  readonly takesOrder = false;

  constructor(payload: Bytes) {
    this.#payload = payload;
    this.#list = lists.readExplodedList(payload);
  }

  element([subkey, value]: Part): void {
    if (subkey.startsWith(LIST_PAGE)) this.#pages.set(readU32(subkey, 1), value);
    else this.#nodes.set(subkey, lists.readNode(value).texts);
  }

  order(): void {}

  orderOf(): null {
    return null;
  }

  isWhole(): boolean {
    const { head, tail, count, directoryAt } = this.#list;
    const { root } = readRoot(new PayloadReader(this.#payload, directoryAt, corrupt));
    const leaves = leavesOf(root, this.#pages);
    if (leaves === null) return false;
    const wanted = new Map([[head.key, head.count], ...leaves, [tail.key, tail.count]]);
    const isEach = [...wanted].every(([key, size]) => this.#nodes.get(key)?.length === size);
    const sum = [...wanted.values()].reduce((total, size) => total + size, 0);
    return isEach && sum === count && wanted.size === this.#nodes.size;
  }

  rest(): Rest {
    const keys = [...this.#nodes.keys()].sort(compareBytes);
    const texts = keys.flatMap((key) => this.#nodes.get(key) ?? []);
    if (texts.length === 0) return { payload: null, missing: `all of its ${ELEMENTS} are missing` };
    const textBytes = texts.reduce((sum, text) => sum + lists.textSize(text), 0);
    const target = Buffer.alloc(lists.inlineSize(texts.length, textBytes));
    const row = { length: texts.length, at: (index: number) => texts[index] ?? "" };
    lists.writeInlineList(target, 0, { texts: row, isQuicklist: true });
    const missing = lack(texts.length, this.#list.count, ELEMENTS);
    return { payload: target.toString("latin1"), missing };
  }
}

class SortedSetFound implements FoundCollection {
  readonly #root: ReturnType<typeof sortedSets.readExploded>["root"]["root"];
  readonly #scores = new Map<Bytes, number>();
  readonly #ordered = new Map<Bytes, number>();
  readonly #pages = new Map<number, Bytes>();
  readonly takesOrder = true;

  constructor(payload: Bytes) {
    this.#root = sortedSets.readExploded(payload).root.root;
  }

  get #count(): number {
    return this.#root.counts.reduce((sum, count) => sum + count, 0);
  }

  element([subkey, value]: Part): void {
    this.#scores.set(nameInSubkey(subkey), sortedSets.readScore(value, 0));
  }

  order([subkey, value]: Part): void {
    const { PAGE_PREFIX } = sortedSets;
    if (subkey.startsWith(PAGE_PREFIX) && subkey.length === PAGE_PREFIX.length + 4) {
      this.#pages.set(readU32(subkey, PAGE_PREFIX.length), value);
      return;
    }
    this.#ordered.set(sortedSets.memberOf(subkey), sortedSets.scoreOf(subkey, value));
  }

  orderOf(): null {
    return null;
  }

  isWhole(): boolean {
    const leaves = leavesOf(this.#root, this.#pages);
    if (leaves === null) return false;
    const sum = leaves.reduce((total, [, count]) => total + count, 0);
    if (sum !== this.#scores.size || sum !== this.#ordered.size) return false;
    for (const [member, score] of this.#scores) {
      if (!Object.is(this.#ordered.get(member), score)) return false;
    }
    return true;
  }

  rest(): Rest {
    // Each half has all of it: what one lost the other may have.
    const all = new Map([...this.#ordered, ...this.#scores]);
    if (all.size === 0) return { payload: null, missing: "all of its members are missing" };
    const entries = [...all].sort(([a, one], [b, other]) =>
      one === other ? compareBytes(a, b) : one - other,
    );
    const members = entries.map(([member]) => member);
    const entryBytes = members.reduce((sum, member) => sum + sortedSets.entrySize(member), 0);
    const target = Buffer.alloc(sortedSets.inlineSize(entryBytes, members.length));
    const scores = entries.map(([, score]) => score);
    sortedSets.writeInline(target, 0, { members, scores, isTable: true });
    const missing = lack(all.size, this.#count, "members");
    return { payload: target.toString("latin1"), missing };
  }
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a directory does not decode");
}
