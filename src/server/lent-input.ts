// Sockets that read into one buffer, which all of them share and each lends to its listener.
//
// Node makes a new buffer of 64 KB for each read and cuts it to what came; for a small request that
// costs as much as the rest of the way to its decoder. A socket that is given its buffer at birth
// (`onread`, which Node documents for clients) does without. A server's sockets are born without one,
// so this takes the handle over into a new socket. Where Node has no such handle, the socket stays as
// it is, and only slower.
//
// What a "data" event brings is lent: it is overwritten by the next read of any socket, so whoever
// wants to keep it copies it before he returns. On the systems we run on, a buffer is never waited
// with: libuv takes it, reads and reports in one go.

import { Socket } from "node:net";

const READ_BYTES = 64 * 1024;

const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Takes over a socket just accepted and not yet read from; the one given is not to be used again. The
 * new one reads at once: listen for its data before returning to the event loop.
 */
export function withLentInput(accepted: Socket): Socket {
  const handle: unknown = Reflect.get(accepted, "_handle");
  const takesBuffer = typeof handle === "object" && handle !== null && "useUserBuffer" in handle;
  if (!takesBuffer) return accepted.resume();
  const onread = {
    buffer: shared,
    callback(byteCount: number): boolean {
      socket.emit("data", shared.subarray(0, byteCount));
      return true;
    },
  };
  const options = { handle, allowHalfOpen: accepted.allowHalfOpen, onread };
  const socket = new Socket(options);
  // So that the old socket, in going, leaves the connection alone.
  Reflect.set(accepted, "_handle", null);
  accepted.destroy();
  return socket;
}
