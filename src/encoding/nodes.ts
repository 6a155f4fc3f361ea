// The file that says which process of a server of several has which slots, version 1 (docs/encoding.md,
// "Processes"). It stands beside their directories and is written once, before the first of them starts.
//
//   kept-nodes 1\n, then for each process: id:40 hexadecimal digits, first slot, "-", last slot
//
// Text, so that an operator can read it. The slots of all processes are all slots, in their order.

import { SLOT_COUNT } from "./key.ts";

const FIRST_LINE = "kept-nodes 1";
const LINE = /^([0-9a-f]{40}) ([0-9]{1,5})-([0-9]{1,5})$/;

export interface NodeSlots {
  readonly id: string;
  readonly firstSlot: number;
  readonly lastSlot: number;
}

/** The file was written by another version, or is damaged. */
export class CorruptNodes extends Error {
  override readonly name = "CorruptNodes";
}

export function encodeNodes(nodes: readonly NodeSlots[]): string {
  const lines = nodes.map(({ id, firstSlot, lastSlot }) => `${id} ${firstSlot}-${lastSlot}`);
  return [FIRST_LINE, ...lines, ""].join("\n");
}

/** Throws CorruptNodes. */
export function decodeNodes(text: string): NodeSlots[] {
  const [first, ...lines] = text.split("\n");
  if (first !== FIRST_LINE) throw new CorruptNodes("it does not begin with its version");
  if (lines.pop() !== "") throw new CorruptNodes("its last line is cut short");
  const nodes: NodeSlots[] = [];
  let next = 0;
  for (const line of lines) {
    const [, id = "", from = "", to = ""] = LINE.exec(line) ?? [];
    const node = { id, firstSlot: Number(from), lastSlot: Number(to) };
    if (id === "" || node.firstSlot !== next || node.lastSlot < next) {
      throw new CorruptNodes(`the slots of process ${nodes.length} do not follow those before`);
    }
    nodes.push(node);
    next = node.lastSlot + 1;
  }
  if (next !== SLOT_COUNT) throw new CorruptNodes("some slots have no process");
  return nodes;
}

/** Shares of the slots that differ by one at most; `newId` gives each process its name. */
export function evenShares(count: number, newId: () => string): NodeSlots[] {
  return Array.from({ length: count }, (_, index) => ({
    id: newId(),
    firstSlot: Math.floor((index * SLOT_COUNT) / count),
    lastSlot: Math.floor(((index + 1) * SLOT_COUNT) / count) - 1,
  }));
}
