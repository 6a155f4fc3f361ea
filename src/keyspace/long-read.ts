// A read of so much that the event loop would stand still for it. Whoever notices throws LONG_READ; the runner undoes
// the unit and has it run again where it holds up nobody (commit/long-reads.ts).
//
// What is counted are elements and keys that a command looks at, not time: a run is the same each time.

export class LongRead extends Error {
  override readonly name = "LongRead";
}

export const LONG_READ = new LongRead("a read that takes long");
