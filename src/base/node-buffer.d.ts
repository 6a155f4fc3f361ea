// Methods that every Node Buffer has and @types/node leaves out. They convert without looking up
// the encoding's name first, which is felt on the hot path. Ambient: nobody imports this file.

interface Buffer {
  /** The bytes from `start` to `end` as a binary string. */
  latin1Slice(start?: number, end?: number): string;
  /** Writes a binary string; returns how many bytes were written. */
  latin1Write(text: string, offset?: number, length?: number): number;
}
