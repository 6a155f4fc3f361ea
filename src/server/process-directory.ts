// The data directory of a server of several processes: the file that says who has which slots, and a folder for each.
// A directory belongs to the number of processes that it was first used with: keys do not move by themselves.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  CorruptNodes,
  decodeNodes,
  encodeNodes,
  evenShares,
  type NodeSlots,
} from "../encoding/nodes.ts";
import { replaceFile } from "./config-file.ts";
import { wordsOf } from "./tcp-listeners.ts";

const FILE = "nodes.kept";
const HOW_TO_MOVE = "see docs/operating/several-cores.md for how to move the data";

/** Why the directory cannot be used as asked, in words for the operator. */
export class DirectoryForOthers extends Error {
  override readonly name = "DirectoryForOthers";
}

/** Who has which slots; written when the directory is new. Throws DirectoryForOthers. */
export function nodesOf(dir: string, count: number, newId: () => string): NodeSlots[] {
  const found = readNodes(dir);
  if (found !== null) {
    if (found.length === count) return found;
    throw new DirectoryForOthers(
      `the data in '${dir}' are shared out among ${found.length} processes, and processes is ${count}: ${HOW_TO_MOVE}`,
    );
  }
  if (existsSync(join(dir, "db"))) {
    throw new DirectoryForOthers(
      `the data in '${dir}' are those of one process, and processes is ${count}: ${HOW_TO_MOVE}`,
    );
  }
  const nodes = evenShares(count, newId);
  try {
    mkdirSync(dir, { recursive: true });
    // Whole or not at all: there is a name to replace, and nothing in it.
    writeFileSync(join(dir, FILE), "");
    replaceFile(join(dir, FILE), encodeNodes(nodes));
  } catch (error) {
    throw new DirectoryForOthers(
      `Can't make or enter the data directory '${dir}': ${wordsOf(error)}`,
    );
  }
  return nodes;
}

/** For a server of one process. Throws DirectoryForOthers. */
export function checkIsOfOne(dir: string): void {
  const found = readNodes(dir);
  if (found === null) return;
  throw new DirectoryForOthers(
    `the data in '${dir}' are shared out among ${found.length} processes, and processes is 1: ${HOW_TO_MOVE}`,
  );
}

/** Null when there is no such file, or one that a first start has left empty. */
function readNodes(dir: string): NodeSlots[] | null {
  let text: string;
  try {
    text = readFileSync(join(dir, FILE), "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new DirectoryForOthers(`Can't read '${join(dir, FILE)}': ${wordsOf(error)}`);
  }
  try {
    return text === "" ? null : decodeNodes(text);
  } catch (error) {
    if (!(error instanceof CorruptNodes)) throw error;
    throw new DirectoryForOthers(`'${join(dir, FILE)}' cannot be used: ${error.message}`);
  }
}
