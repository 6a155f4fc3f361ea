// Which process has which slots, as every process of a server of several knows it. The map is settled before the
// first of them starts and never changes; what changes is who is up.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { SLOT_COUNT, slotOfKey } from "../encoding/key.ts";
import type { NodeSlots } from "../encoding/nodes.ts";
import { CommandError } from "../resp/errors.ts";

export interface ClusterNode extends NodeSlots {
  /** 0 when it takes no plain TCP. */
  readonly port: number;
  /** 0 when it takes no TLS. */
  readonly tlsPort: number;
}

/** How a client reaches us, and so the others: they listen at the same addresses. */
export interface ClientWay {
  readonly localHost: Bytes;
  readonly isEncrypted: boolean;
}

export const CROSS_SLOT = new CommandError("CROSSSLOT Keys in request don't hash to the same slot");

export class SlotMap {
  readonly nodes: readonly ClusterNode[];
  readonly myIndex: number;
  /** `cluster-announce-ip`: in place of the address that a client came to; "" for that. */
  announcedHost: Bytes = "";
  readonly #owners = new Uint8Array(SLOT_COUNT);
  readonly #isDown: boolean[];

  constructor(nodes: readonly ClusterNode[], myIndex: number) {
    assert(myIndex < nodes.length && nodes.length <= 256);
    this.nodes = nodes;
    this.myIndex = myIndex;
    this.#isDown = nodes.map(() => false);
    for (const [index, { firstSlot, lastSlot }] of nodes.entries()) {
      this.#owners.fill(index, firstSlot, lastSlot + 1);
    }
  }

  isMine(slot: number): boolean {
    return this.#owners[slot] === this.myIndex;
  }

  slotOf(key: Bytes): number {
    return slotOfKey(key);
  }

  isUp(index: number): boolean {
    return this.#isDown[index] === false;
  }

  setUp(index: number, isUp: boolean): void {
    this.#isDown[index] = !isUp;
  }

  hostFor(way: ClientWay): Bytes {
    return this.announcedHost === "" ? way.localHost : this.announcedHost;
  }

  /** The port for a client that came this way. */
  portOf(node: ClusterNode, { isEncrypted }: ClientWay): number {
    if (isEncrypted) return node.tlsPort;
    return node.port === 0 ? node.tlsPort : node.port;
  }

  /** Tells a client where the slot is. */
  moved(slot: number, way: ClientWay): CommandError {
    const node = this.nodes[this.#owners[slot] ?? 0];
    assert(node !== undefined);
    return new CommandError(`MOVED ${slot} ${this.hostFor(way)}:${this.portOf(node, way)}`);
  }
}
