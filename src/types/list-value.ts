// A list in memory, in its two forms: inline, one row of texts that is written whole; exploded, a header
// whose nodes are elements of their own. types/list.ts decides between them, list-nodes.ts knows how the
// nodes of a large one hang together.

import * as encoding from "../encoding/list.ts";
import { PayloadReader } from "../encoding/varint.ts";
import { CorruptRecord } from "../encoding/record.ts";
import { readRoot } from "../encoding/directory.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Home } from "../keyspace/home.ts";
import type { Undo } from "../keyspace/undo.ts";
import type { Collection } from "../keyspace/value.ts";
import { Directory, USUAL_SIZES, type DirectoryHome } from "./directory.ts";
import { ListNode } from "./list-node.ts";
import { packedSize } from "./packed-size.ts";

/** No node's key begins with it. */
const DIRECTORY_PREFIX = "\0";

export class InlineList implements Collection {
  readonly home = null;
  readonly node: ListNode;
  /** OBJECT ENCODING says "quicklist". */
  isQuicklist: boolean;
  /** The sum of `packedSize` over the texts. */
  packedBytes: number;

  constructor(node: ListNode, isQuicklist: boolean) {
    this.node = node;
    this.isQuicklist = isQuicklist;
    this.packedBytes = packedBytesOf(node);
  }

  static read(payload: Bytes): InlineList {
    const decoded = encoding.readInlineList(payload);
    return new InlineList(new ListNode(decoded), decoded.isQuicklist);
  }

  static empty(): InlineList {
    return new InlineList(ListNode.of([]), false);
  }

  get count(): number {
    return this.node.count;
  }

  get payloadSize(): number {
    return encoding.inlineSize(this.node.count, this.node.textBytes);
  }

  get memoryBytes(): number {
    return this.node.memoryBytes;
  }

  writePayload(target: Buffer, at: number): void {
    encoding.writeInlineList(target, at, { texts: this.node.texts, isQuicklist: this.isQuicklist });
  }
}

export function packedBytesOf(node: ListNode): number {
  const { texts } = node;
  let packedBytes = 0;
  for (let index = 0; index < texts.length; index++) packedBytes += packedSize(texts.at(index));
  return packedBytes;
}

/** Takes back a change of an inline list, its node's included. */
export class InlineUndo implements Undo {
  readonly #list: InlineList;
  readonly #nodeUndo: Undo;
  readonly #packedBytes: number;

  /** `packedBytes` as it was before. */
  constructor(list: InlineList, nodeUndo: Undo, packedBytes: number) {
    this.#list = list;
    this.#nodeUndo = nodeUndo;
    this.#packedBytes = packedBytes;
  }

  revert(): void {
    // The node's undo does not look at the cache.
    this.#nodeUndo.revert({ cacheBytes: 0 });
    this.#list.packedBytes = this.#packedBytes;
  }
}

/** Takes back a change of what OBJECT ENCODING says. */
export class EncodingUndo implements Undo {
  readonly #list: InlineList | ExplodedList;

  constructor(list: InlineList | ExplodedList) {
    this.#list = list;
  }

  revert(): void {
    this.#list.isQuicklist = !this.#list.isQuicklist;
  }
}

export class ExplodedList implements Collection {
  readonly home: Home;
  /** The nodes between head and tail. */
  readonly directory: Directory;
  isQuicklist: boolean;
  count: number;
  packedBytes: number;
  headKey: Bytes;
  headCount: number;
  /** The head's where there is but one node. */
  tailKey: Bytes;
  tailCount: number;

  constructor(
    home: Home,
    parts: encoding.ExplodedListParts,
    directory: Directory = Directory.empty(directoryHome(home)),
  ) {
    this.home = home;
    this.directory = directory;
    this.isQuicklist = parts.isQuicklist;
    this.count = parts.count;
    this.packedBytes = parts.packedBytes;
    this.headKey = parts.head.key;
    this.headCount = parts.head.count;
    this.tailKey = parts.tail.key;
    this.tailCount = parts.tail.count;
  }

  /** Throws CorruptRecord. */
  static read(home: Home, payload: Bytes): ExplodedList {
    const parts = encoding.readExplodedList(payload);
    const reader = new PayloadReader(payload, parts.directoryAt, corrupt);
    const directory = new Directory(directoryHome(home), readRoot(reader));
    reader.end();
    const list = new ExplodedList(home, parts, directory);
    const inEnds = list.isOneNode ? list.headCount : list.headCount + list.tailCount;
    if (inEnds + directory.total !== list.count) throw corrupt();
    return list;
  }

  get isOneNode(): boolean {
    return this.headKey === this.tailKey;
  }

  get head(): encoding.NodeRef {
    return { key: this.headKey, count: this.headCount };
  }

  get tail(): encoding.NodeRef {
    return { key: this.tailKey, count: this.tailCount };
  }

  get payloadSize(): number {
    return encoding.explodedSize(this) + this.directory.payloadSize;
  }

  get memoryBytes(): number {
    return 300 + this.directory.memoryBytes;
  }

  writePayload(target: Buffer, at: number): void {
    this.directory.write(target, encoding.writeExplodedList(target, at, this));
  }
}

function directoryHome(home: Home): DirectoryHome {
  return { elements: home.elements, prefix: DIRECTORY_PREFIX, sizes: USUAL_SIZES };
}

function corrupt(): CorruptRecord {
  return new CorruptRecord("a list does not decode");
}

/** What the header says beside the directory, to be put back. */
export class HeaderUndo implements Undo {
  readonly #list: ExplodedList;
  readonly #count: number;
  readonly #packedBytes: number;
  readonly #headKey: Bytes;
  readonly #headCount: number;
  readonly #tailKey: Bytes;
  readonly #tailCount: number;

  constructor(list: ExplodedList) {
    this.#list = list;
    this.#count = list.count;
    this.#packedBytes = list.packedBytes;
    this.#headKey = list.headKey;
    this.#headCount = list.headCount;
    this.#tailKey = list.tailKey;
    this.#tailCount = list.tailCount;
  }

  revert(): void {
    const list = this.#list;
    list.count = this.#count;
    list.packedBytes = this.#packedBytes;
    list.headKey = this.#headKey;
    list.headCount = this.#headCount;
    list.tailKey = this.#tailKey;
    list.tailCount = this.#tailCount;
  }
}
