// Transactions at full speed, which redis-benchmark cannot send: MULTI, four SETs of random keys, EXEC,
// in one write, `pipeline` of them at a time on each connection. All answers are alike, so they are
// counted by their bytes.

import { connect, type Socket } from "node:net";

import { keyAt } from "./fill.ts";
import type { Login, Target } from "./server-process.ts";

const WRITES = 4;
const SAID_OK = "+OK\r\n";
const ANSWER =
  "+OK\r\n" + "+QUEUED\r\n".repeat(WRITES) + `*${WRITES}\r\n` + "+OK\r\n".repeat(WRITES);
/** Begins an error, and stands in no answer that is none. */
const MINUS = 0x2d;
const MULTI = "*1\r\n$5\r\nMULTI\r\n";
const EXEC = "*1\r\n$4\r\nEXEC\r\n";

export interface TransactionShape {
  readonly clients: number;
  readonly pipeline: number;
  readonly valueBytes: number;
  readonly keys: number;
}

/** Transactions per second. */
export async function runTransactions(
  target: Target,
  shape: TransactionShape,
  count: number,
): Promise<number> {
  const budget = { left: count };
  const startMs = performance.now();
  const all = Array.from({ length: shape.clients }, () => runClient(target, shape, budget));
  await Promise.all(all);
  return (count * 1000) / (performance.now() - startMs);
}

function runClient(
  target: Target,
  shape: TransactionShape,
  budget: { left: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    let missingBytes = 0;
    const begin = (): void => {
      if (target.login === null) sendNext();
      else {
        missingBytes = SAID_OK.length;
        socket.write(authentication(target.login));
      }
    };
    const sendNext = (): void => {
      const some = Math.min(shape.pipeline, budget.left);
      budget.left -= some;
      if (some === 0) {
        socket.destroy();
        resolve();
        return;
      }
      missingBytes = some * ANSWER.length;
      socket.write(transactions(some, shape), "latin1");
    };
    socket.on("connect", begin);
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      missingBytes -= chunk.length;
      if (missingBytes < 0 || chunk.includes(MINUS)) failed(socket, chunk, reject);
      else if (missingBytes === 0) sendNext();
    });
  });
}

function authentication({ user, password }: Login): string {
  const size = Buffer.byteLength(password);
  const head = `*3\r\n$4\r\nAUTH\r\n$${Buffer.byteLength(user)}\r\n${user}\r\n`;
  return `${head}$${size}\r\n${password}\r\n`;
}

function failed(socket: Socket, chunk: Buffer, reject: (error: Error) => void): void {
  socket.destroy();
  reject(new Error(`a transaction was answered with: ${chunk.toString("latin1").slice(0, 200)}`));
}

function transactions(count: number, { keys, valueBytes }: TransactionShape): string {
  const value = `$${valueBytes}\r\n${"x".repeat(valueBytes)}\r\n`;
  let text = "";
  for (let index = 0; index < count; index++) {
    text += MULTI;
    for (let write = 0; write < WRITES; write++) {
      const key = keyAt(Math.floor(Math.random() * keys));
      text += `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n${value}`;
    }
    text += EXEC;
  }
  return text;
}
