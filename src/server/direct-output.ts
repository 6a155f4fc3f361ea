// Writing replies straight to a socket's descriptor.
//
// A socket's own `write` goes through a stream: an object for the request, its bookkeeping, a turn of
// the tick queue for the callback. Nearly all replies fit into what the system takes at once, so they are
// written from one buffer that all sockets share, and only what the system did not take goes the
// stream's way. What waits in the stream goes first, always.

import { writeSync } from "node:fs";
import type { Socket } from "node:net";

import type { Bytes } from "../base/bytes.ts";

/** A piece of output (connection.ts) and the reply that makes it full. */
const BUFFER_BYTES = 128 * 1024;

const shared = Buffer.allocUnsafeSlow(BUFFER_BYTES);

/**
 * `descriptor`: the socket's, which is open; -1 when it is not known. True if the system has taken all; if not,
 * `onSent` is called when it has, or when the socket is gone.
 */
export function send(
  socket: Socket,
  descriptor: number,
  bytes: Bytes,
  onSent?: () => void,
): boolean {
  const size = bytes.length;
  if (descriptor < 0 || size > BUFFER_BYTES || socket.writableLength > 0) {
    socket.write(bytes, "latin1", onSent);
    return false;
  }
  shared.latin1Write(bytes, 0, size);
  const sent = sendNow(descriptor, size);
  if (sent === size) return true;
  socket.write(sent === 0 ? bytes : bytes.slice(sent), "latin1", onSent);
  return false;
}

/** How much the system took. An error will come again, to the stream, which knows what to do. */
function sendNow(descriptor: number, size: number): number {
  try {
    return writeSync(descriptor, shared, 0, size);
  } catch (error) {
    if (error instanceof Error && "code" in error) return 0;
    throw error;
  }
}
