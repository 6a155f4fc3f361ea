// Where the frames of a log of writes do not check: RocksDB's reader goes around such places without a word,
// and whoever salvages must say that something is missing there.
//
// A log is blocks of 32 KB; a frame is a masked CRC-32C, a length and a type, and lies within one block.
// What is left of a block that has no room for a frame is zeros, as is what was never written.

import { readFileSync } from "node:fs";

export const BLOCK_BYTES = 32768;
export const FRAME_BYTES = 7;
const FIRST = 2;
const LAST = 4;

export interface LogDamage {
  /** Offsets of frames, or rests of blocks, that do not check. */
  readonly places: readonly number[];
  /** It ends within a record: the last change was not written to its end. */
  readonly isCutShort: boolean;
}

export function damageOfLog(path: string): LogDamage {
  const bytes = readFileSync(path);
  const places: number[] = [];
  let isInside = false;
  for (let block = 0; block < bytes.length; block += BLOCK_BYTES) {
    const end = Math.min(block + BLOCK_BYTES, bytes.length);
    let at = block;
    while (at + FRAME_BYTES <= end) {
      const size = bytes.readUInt16LE(at + 4);
      const type = bytes[at + 6] ?? 0;
      if (type === 0 && size === 0) break;
      const after = at + FRAME_BYTES + size;
      if (after > end) {
        // At the end of the file it is a write that did not come to its end.
        if (end === bytes.length) isInside = true;
        else places.push(at);
        break;
      }
      if (masked(crc32c(bytes.subarray(at + 6, after))) !== bytes.readUInt32LE(at)) {
        places.push(at);
        break;
      }
      isInside = type === FIRST || (isInside && type !== LAST);
      at = after;
    }
  }
  const isHalfFrame = bytes.length % BLOCK_BYTES > 0 && bytes.length % BLOCK_BYTES < FRAME_BYTES;
  return { places, isCutShort: isInside || isHalfFrame };
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++)
    value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0x82f63b78;
  return value >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = (value >>> 8) ^ (CRC_TABLE[(value ^ byte) & 0xff] ?? 0);
  return (value ^ 0xffff_ffff) >>> 0;
}

/** RocksDB stores checksums turned and moved, so that those of checksums are no trap. */
export function masked(crc: number): number {
  return ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0;
}
