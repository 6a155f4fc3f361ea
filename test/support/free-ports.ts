// Free ports that stand side by side, for servers that take the next one as well.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

// Below what systems hand out by themselves (from 32768 on Linux), so that nobody who asks for any port gets these.
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS_MAX = 100;

/** The first of `count` ports in a row that could all be listened at a moment ago. */
export async function freePortsInARow(count: number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const first = randomInt(LOWEST, HIGHEST - count);
    if (await areFree(first, count)) return first;
  }
  throw new Error(`no ${count} free ports in a row in ${ATTEMPTS_MAX} attempts`);
}

async function areFree(first: number, count: number): Promise<boolean> {
  const held: Server[] = [];
  try {
    for (let port = first; port < first + count; port++) {
      const server = createServer();
      held.push(server.listen(port, "127.0.0.1"));
      await once(server, "listening");
    }
    return true;
  } catch {
    return false;
  } finally {
    await Promise.all(held.map((server) => closed(server)));
  }
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, "close");
}
