// Asking another server, as a client of it: a connection for one conversation, with a limit of time for each of
// its steps, as MIGRATE has it.

import { connect, type Socket } from "node:net";

import type { Bytes } from "../base/bytes.ts";
import type { PeersPort } from "../commands/ports.ts";
import { CommandError } from "../resp/errors.ts";
import { MalformedReply, ReplyReader } from "../resp/reader.ts";
import type { Reply } from "../resp/reply.ts";

const NOT_CONNECTED = new CommandError("IOERR error or timeout connecting to the client");
const NOT_READ = new CommandError("IOERR error or timeout reading from target node");

export const peers: PeersPort = {
  async ask({ host, port, timeoutMs }, requests) {
    const socket = connect({ host, port });
    try {
      await connected(socket, timeoutMs);
      return await answers(socket, { requests, timeoutMs });
    } finally {
      socket.destroy();
    }
  },
};

async function connected(socket: Socket, timeoutMs: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(NOT_CONNECTED);
    socket.setTimeout(timeoutMs, fail);
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.removeListener("error", fail);
      socket.removeListener("timeout", fail);
      resolve();
    });
  });
}

async function answers(
  socket: Socket,
  asked: { readonly requests: readonly (readonly Bytes[])[]; readonly timeoutMs: number },
): Promise<readonly Reply[]> {
  const { requests, timeoutMs } = asked;
  const reader = new ReplyReader();
  const replies: Reply[] = [];
  return await new Promise((resolve, reject) => {
    const fail = (): void => reject(NOT_READ);
    socket.setTimeout(timeoutMs, fail);
    socket.once("error", fail);
    socket.once("close", fail);
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
        for (let reply = reader.next(); reply !== undefined; reply = reader.next()) {
          replies.push(reply);
        }
      } catch (error) {
        if (!(error instanceof MalformedReply)) throw error;
        fail();
      }
      if (replies.length >= requests.length) resolve(replies);
    });
    socket.write(Buffer.from(requests.map(encoded).join(""), "latin1"));
  });
}

function encoded(args: readonly Bytes[]): Bytes {
  const words = args.map((arg) => `$${arg.length}\r\n${arg}\r\n`);
  return `*${args.length}\r\n${words.join("")}`;
}
