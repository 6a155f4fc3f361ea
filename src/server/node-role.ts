// What one process of a server of several is told by the process that starts it: its place among them. The map comes
// in the environment; what changes later comes and goes as messages.

import { join } from "node:path";

import { SlotMap, type ClusterNode } from "../cluster/slot-map.ts";
import { decodeNodes, encodeNodes } from "../encoding/nodes.ts";

/** The variable that makes kept-server one of several. */
export const ROLE_VARIABLE = "KEPT_NODE";

export interface NodeRole {
  readonly index: number;
  readonly nodes: readonly ClusterNode[];
  /** The folder of the sockets by which the processes pass messages on. */
  readonly busFolder: string;
}

/** What the one that starts the others says of them, as "up 3" or "down 3". */
export interface PeerNews {
  readonly index: number;
  readonly isUp: boolean;
}

/** What each tells it: it takes connections, or was asked to end the server. */
export type FromNode = "ready" | "shutdown";

export function encodeNews({ index, isUp }: PeerNews): string {
  return `${isUp ? "up" : "down"} ${index}`;
}

/** Null for what is none. */
export function decodeNews(message: unknown): PeerNews | null {
  const [, word, index] = /^(up|down) ([0-9]+)$/.exec(String(message)) ?? [];
  return index === undefined ? null : { index: Number(index), isUp: word === "up" };
}

/** Lines: the index, the folder, the ports of all, then who has which slots. */
export function encodeRole({ index, nodes, busFolder }: NodeRole): string {
  const ports = nodes.map(({ port, tlsPort }) => `${port}/${tlsPort}`).join(" ");
  return [index, busFolder, ports, encodeNodes(nodes)].join("\n");
}

/** What `encodeRole` has written. Throws CorruptNodes. */
export function decodeRole(text: string): NodeRole {
  const [index = "", busFolder = "", ports = "", ...lines] = text.split("\n");
  const pairs = ports.split(" ").map((pair) => pair.split("/").map(Number));
  const nodes = decodeNodes(lines.join("\n")).map((node, at) => {
    const [port = 0, tlsPort = 0] = pairs[at] ?? [];
    return { ...node, port, tlsPort };
  });
  return { index: Number(index), busFolder, nodes };
}

export function slotMapOf({ nodes, index }: NodeRole): SlotMap {
  return new SlotMap(nodes, index);
}

/** The directory of one process inside `dir`. */
export function nodeDirectory(dir: string, index: number): string {
  return join(dir, `node-${index}`);
}

export function busPath(folder: string, index: number): string {
  return join(folder, String(index));
}
