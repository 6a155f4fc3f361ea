// The thread for reading commands that take long: it runs one job at a time, over what the event loop's thread has
// lent of its store, and sends the bytes of the reply back in large pieces as they are made.

import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";

import { machineClock } from "../base/clock.ts";
import { seedKeyTables } from "../base/key-table.ts";
import { borrowRocksEngine } from "../engine/rocks-borrowed.ts";
import type { LongBytes } from "../resp/long-reply.ts";
import type { ReadJob } from "../session/long-reader.ts";
import { runReadJob } from "./read-job.ts";
import type { FromReader, ToReader } from "./read-thread.ts";

if (parentPort === null) throw new Error("read-worker.ts is started by read-thread.ts");
const port = parentPort;
/** Of this thread alone, on Linux: when a processor is wanted by both, the event loop gets it first. */
const NICENESS = 5;
if (process.platform === "linux") setPriority(0, NICENESS);
const PIECE_BYTES = 512 * 1024;
let isSeeded = false;

function say(message: FromReader, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

/** A reply of which little is left in this thread when it is sent. */
function sendPieces(bytes: LongBytes): number {
  let length = 0;
  let buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  let used = 0;
  const flush = (): void => {
    if (used > 0) say({ what: "piece", bytes: buffer.subarray(0, used) }, [buffer.buffer]);
    length += used;
    used = 0;
  };
  const pieces = bytes.pieces();
  for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
    const piece = next.value;
    if (used + piece.length > buffer.length) {
      flush();
      buffer = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, piece.length));
    }
    used += buffer.latin1Write(piece, used, piece.length);
  }
  flush();
  return length;
}

async function run(job: ReadJob): Promise<void> {
  // The main thread's chance, so that nobody outside can know it.
  if (!isSeeded) seedKeyTables(job.seed);
  isSeeded = true;
  const end = await runReadJob(job, borrowRocksEngine, machineClock);
  if (end.kind !== "reply") say({ what: "end", end });
  else if (typeof end.bytes === "string") say({ what: "end", end: { ...end, bytes: end.bytes } });
  else {
    const startUs = machineClock.monotonicUs();
    const length = sendPieces(end.bytes);
    const microseconds = end.microseconds + machineClock.monotonicUs() - startUs;
    say({ what: "long", length, error: end.error, microseconds });
  }
}

port.on("message", (message: ToReader) => {
  // What it rejects with is our bug: the thread ends with it, and the other side says so.
  void run(message.job);
});
