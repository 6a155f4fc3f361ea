// Several connections say something in turn, and what each of them hears is written down: told to Kept
// and to redis-server, the same must be heard. After every step each connection sends a PING of its own,
// so that what a step leads to is known to be complete.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { Status, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import type { RawClient } from "./raw-client.ts";

/** Which connection says what. */
export type Step = readonly [connection: number, line: string];

/**
 * `fences`: how many PINGs follow a step. With two, what comes behind the answers of commands that were
 * sent with the step counts as heard in it.
 */
export async function heard(
  clients: readonly RawClient[],
  steps: readonly Step[],
  fences = 1,
): Promise<string[]> {
  const log: string[] = [];
  /** In MULTI a PING would be queued; there each command has one reply. */
  const queueing = new Set<number>();
  const gone = new Set<number>();
  for (const [index, [connection, line]] of steps.entries()) {
    log.push(`${connection}> ${line}`);
    if (line === "QUIT") {
      await leave(clients, connection);
      gone.add(connection);
      continue;
    }
    clients[connection]?.write(`${line}\r\n`);
    if (line === "MULTI") queueing.add(connection);
    if (line === "EXEC") queueing.delete(connection);
    // The one who speaks first: with his answer, what he did has reached the others.
    const order = [...clients.entries()].sort(
      ([one], [other]) => Number(other === connection) - Number(one === connection),
    );
    for (const [listener, client] of order) {
      if (gone.has(listener)) continue;
      const replies = queueing.has(listener)
        ? await client.readReplies(listener === connection ? 1 : 0)
        : await untilFences(client, `fence-${index}`, fences);
      // HELLO tells version and id.
      if (line.startsWith("HELLO")) continue;
      for (const reply of replies) log.push(`${listener}: ${format(reply)}`);
      if (line === "MULTI" && !replies.some((reply) => reply instanceof Status))
        queueing.delete(listener);
    }
  }
  return log;
}

/** Resolves when the server has forgotten the connection. */
async function leave(clients: readonly RawClient[], connection: number): Promise<void> {
  const [leaving, other] = [clients[connection], clients.find((_, index) => index !== connection)];
  assert.ok(leaving !== undefined && other !== undefined);
  const id = format(await leaving.say("CLIENT ID"));
  await leaving.say("QUIT");
  for (;;) {
    const list = format(await other.say(`CLIENT LIST ID ${id}`));
    if (!list.includes("addr=")) return;
    // The socket takes a moment to close.
  }
}

async function untilFences(client: RawClient, fence: Bytes, count: number): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (let sent = 0; sent < count; sent++) replies.push(...(await untilFence(client, fence)));
  return replies;
}

async function untilFence(client: RawClient, fence: Bytes): Promise<Reply[]> {
  client.write(`PING ${fence}\r\n`);
  const replies: Reply[] = [];
  for (;;) {
    const reply = await client.readReply();
    if (isFence(reply, fence)) return replies;
    replies.push(reply);
  }
}

/** A subscriber in RESP2 gets its pong as an array. */
function isFence(reply: Reply, fence: Bytes): boolean {
  return reply === fence || (Array.isArray(reply) && reply[0] === "pong" && reply[1] === fence);
}
