// Stopping while clients do not let up.

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { until } from "../engine/until.ts";
import { KeptProcess } from "../support/kept-process.ts";

const FLOODERS = 10;
const WRITES = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n".repeat(20);

/** Writes and never waits for an answer. */
function flood(socket: Socket): void {
  if (socket.destroyed) return;
  socket.write(WRITES);
  setImmediate(flood, socket);
}

test("SIGTERM ends a server whose clients write without a pause, each batch fsynced", async () => {
  using folder = new TemporaryDirectory();
  const settings = ["--dir", folder.path, "--appendfsync", "always"];
  await using server = await KeptProcess.start(settings);
  let answered = 0;
  const sockets = Array.from({ length: FLOODERS }, () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("data", (chunk) => (answered += chunk.length));
    socket.on("error", () => {
      // The server ends while we write.
    });
    socket.on("connect", () => flood(socket));
    return socket;
  });
  await until(() => answered > 1000);
  server.signal("SIGTERM");
  const ended = await server.ended();
  for (const socket of sockets) socket.destroy();
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
});
