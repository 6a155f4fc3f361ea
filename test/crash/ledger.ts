// What a server was asked to write while its disk fails, and what it said: what it took must be there, what
// it refused must not, and of what nobody was told anything goes.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import type { ServerProcess } from "../support/process.ts";
import { expectExactSize, isOk, readAll } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";

/** SETs in one pipeline. */
const PIPELINE = 100;

export class Ledger {
  readonly value: Bytes;
  readonly taken: Bytes[] = [];
  readonly refused: Bytes[] = [];
  /** Sent on a connection that was closed before it was answered: nobody knows. */
  readonly unknown: Bytes[] = [];
  #round = 0;

  constructor(value: Bytes) {
    this.value = value;
  }

  /** One pipeline on a connection of its own; whether all of it was taken. */
  async writeMore(server: ServerProcess): Promise<boolean> {
    using client = await server.client();
    const round = this.#round++;
    const keys = Array.from({ length: PIPELINE }, (_, index) => `key:${round}:${index}`);
    client.write(keys.map((key) => request("SET", key, this.value)).join(""));
    const replies = await repliesOrEnd(client, keys.length);
    for (const [index, key] of keys.entries()) {
      const reply = replies[index];
      if (reply === undefined) this.unknown.push(key);
      else if (isOk(reply)) this.taken.push(key);
      else {
        assert.ok(reply instanceof ErrorReply);
        assert.match(reply.text, /^(MISCONF|TRYAGAIN) /);
        this.refused.push(key);
      }
    }
    return this.taken.at(-1) === keys.at(-1);
  }

  /** What was acknowledged is there, what was refused is not. */
  async expectTruth(server: ServerProcess): Promise<void> {
    using client = await server.client();
    const values = await readAll(client, this.taken);
    for (const [index, key] of this.taken.entries()) {
      assert.equal(values[index], this.value, `${key} was acknowledged`);
    }
    for (const [index, value] of (await readAll(client, this.refused)).entries()) {
      assert.equal(value, null, `${this.refused[index]} was refused and is there`);
    }
  }

  /** While a commit is in doubt a walk would meet it, and be held as long as the doubt (laws 6, 9). */
  async expectWholeTruth(server: ServerProcess): Promise<void> {
    await this.expectTruth(server);
    using client = await server.client();
    const keys = await expectExactSize(client);
    assert.ok(keys.size >= this.taken.length);
    assert.ok(keys.size <= this.taken.length + this.unknown.length);
  }
}

/** All replies, or those that came before the server closed the connection. */
async function repliesOrEnd(client: RawClient, count: number): Promise<readonly Reply[]> {
  const replies: Reply[] = [];
  while (replies.length < count) {
    if (client.unreadCount === 0 && client.isClosed) return replies;
    // oxlint-disable-next-line no-await-in-loop -- until there are enough
    if (client.unreadCount === 0) await client.whenChanged();
    // oxlint-disable-next-line no-await-in-loop -- these are here already
    replies.push(...(await client.readReplies(client.unreadCount)));
  }
  return replies;
}
