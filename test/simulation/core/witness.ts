// A witness writes in a database of its own and remembers what it was told, so that nothing that was
// acknowledged can be missing, nothing that was refused can be there, no transaction can be there by
// half, and no ONCE token can have counted twice.

import assert from "node:assert/strict";

import { ErrorReply, NULL_ARRAY, type Reply } from "../../../src/resp/reply.ts";
import { isStatus, type Client } from "./client.ts";

export const WITNESS_DATABASE = 14;
export const ONCE_KEY = "once";

/** What became of the numbers written to one key. */
class Numbers {
  readonly key: string;
  #last = 0;
  #acknowledged = 0;
  readonly #refused = new Set<number>();

  constructor(key: string) {
    this.key = key;
  }

  /** The newest that was told as done. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  next(): number {
    return ++this.#last;
  }

  told(number: number, isDone: boolean): void {
    if (isDone) this.#acknowledged = Math.max(this.#acknowledged, number);
    else this.#refused.add(number);
  }

  check(stored: number): void {
    const { key } = this;
    assert.ok(stored >= this.#acknowledged, `acknowledged: ${key} is ${stored}, was told of more`);
    assert.ok(stored <= this.#last, `acknowledged: ${key} is ${stored}, was never written`);
    assert.ok(!this.#refused.has(stored), `refused: ${key} is ${stored} all the same`);
  }
}

export class Witness {
  readonly plain: Numbers;
  readonly pair: Numbers;
  readonly #id: number;
  /** Tokens of which nobody has heard the outcome. */
  readonly openTokens: Set<string>;

  constructor(id: number, openTokens: Set<string>) {
    this.#id = id;
    this.plain = new Numbers(`plain:${id}`);
    this.pair = new Numbers(`pair:${id}`);
    this.openTokens = openTokens;
  }

  get otherOfPair(): string {
    return `other:${this.#id}`;
  }

  writePlain(client: Client): void {
    const number = this.plain.next();
    client.say(`SET ${this.plain.key} ${number}`, (reply) => {
      this.plain.told(number, isStatus(reply, "OK"));
    });
  }

  writePair(client: Client): void {
    const number = this.pair.next();
    client.say("MULTI");
    client.say(`SET ${this.pair.key} ${number}`);
    client.say(`SET ${this.otherOfPair} ${number}`);
    client.say("EXEC", (reply) => this.pair.told(number, isAllDone(reply)));
  }

  countOnce(client: Client, token: string): void {
    this.openTokens.add(token);
    tryOnce(client, token, this.openTokens);
  }
}

/** EXEC's answer: every element OK, or none. */
function isAllDone(reply: Reply): boolean {
  if (reply instanceof ErrorReply) return false;
  assert.ok(Array.isArray(reply), "replies: the pair's EXEC answers an array or an error");
  const done = reply.filter((element: Reply) => isStatus(element, "OK")).length;
  assert.ok(done === 0 || done === reply.length, "atomic: half of an EXEC was told as done");
  return done > 0;
}

export function tryOnce(client: Client, token: string, openTokens: Set<string>): void {
  client.say("MULTI");
  client.say(`ONCE ${token}`);
  client.say(`INCR ${ONCE_KEY}`);
  client.say("EXEC", (reply) => {
    assert.notEqual(reply, NULL_ARRAY, "replies: null without a WATCH");
    if (Array.isArray(reply) && typeof reply[1] === "number") openTokens.delete(token);
  });
}
