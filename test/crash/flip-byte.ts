// Damage as a disk makes it: some bits of one byte of a file are turned.

import { closeSync, openSync, readSync, writeSync } from "node:fs";

export function flipByte(path: string, at: number, mask: number): void {
  const file = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ mask;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}
