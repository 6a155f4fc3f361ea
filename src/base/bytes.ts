// Binary strings: how Kept holds keys, arguments and values between the socket and the disk.
//
// A `Bytes` is a JavaScript string with one char per byte, every code unit at most 0xFF. V8 stores
// such strings at one byte per char, hashes them for Map keys, slices and concatenates them without
// copying, and compares them in byte order; docs/decisions/0001 has the measurement against Buffers.
// Sockets and files are read with latin1 and written with latin1. utf8 never touches a Bytes.

export type Bytes = string;

declare global {
  // What toString("latin1") and write(..., "latin1") end in; calling them directly saves the look-up
  // of the encoding, about a fifth of a short conversion. Node has them since 0.x, without types.
  interface Buffer {
    latin1Slice(start?: number, end?: number): Bytes;
    latin1Write(bytes: Bytes, offset?: number, length?: number): number;
  }
}

/** The UTF-8 bytes of a text, as a binary string. */
export function bytesOfText(text: string): Bytes {
  return Buffer.from(text, "utf8").latin1Slice();
}

/** The text that these bytes spell in UTF-8; malformed parts become U+FFFD. For people to read only. */
export function textOfBytes(bytes: Bytes): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Whether every char fits in a byte, that is, whether `text` may be used as Bytes. */
export function isBytes(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0xff) return false;
  }
  return true;
}

/** For `sort`: in the order of their bytes. */
export function compareBytes(left: Bytes, right: Bytes): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
