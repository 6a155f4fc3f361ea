// A connection of the simulation: it pipelines what it likes, may go at any moment, and holds the
// server to one well-formed reply for each command, in order (law 2).

import assert from "node:assert/strict";

import type { Bytes } from "../../../src/base/bytes.ts";
import { ReplyReader } from "../../../src/resp/reader.ts";
import { ErrorReply, NullArray, Status, type Reply } from "../../../src/resp/reply.ts";
import type { Core } from "../../../src/server/core.ts";
import type { Session } from "../../../src/session/session.ts";
import { whole } from "../../support/whole.ts";

type Heard = (reply: Reply) => void;

interface Said {
  readonly args: readonly Bytes[];
  readonly heard: Heard;
}

export class Client {
  readonly session: Session;
  /** It went, or was cut off: what it has not heard it will never hear. */
  isGone = false;
  #isWaiting = false;
  /** Commands that are sent and not yet taken by the server. */
  readonly #queue: (readonly Bytes[])[] = [];
  /** Commands that are not answered yet, oldest first. */
  readonly #unanswered: Said[] = [];
  readonly #reader = new ReplyReader();
  /** Commands queued since MULTI, as the replies tell; null outside. */
  #queuedCount: number | null = null;

  constructor(core: Core) {
    this.session = core.openSession({
      write: (bytes) => this.read(whole(bytes)),
      abandon: () => this.leave(),
      closeAfterFlush: () => {},
    });
    this.session.onResume = () => {
      this.#isWaiting = false;
      this.#go();
    };
  }

  /** Everything it said is answered. */
  get isAnswered(): boolean {
    return this.#unanswered.length === 0;
  }

  /** Ends the wait for a key, as its timeout would. */
  unblock(): void {
    this.session.unblock("timeout");
  }

  send(args: readonly Bytes[], heard: Heard = () => {}): void {
    if (this.isGone) return;
    this.expect(args, heard);
    this.#queue.push(args);
    this.#go();
  }

  /** From now on an answer to this command is due. */
  expect(args: readonly Bytes[], heard: Heard = () => {}): void {
    this.#unanswered.push({ args, heard });
  }

  say(line: string, heard?: Heard): void {
    this.send(line.split(" "), heard);
  }

  leave(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#queue.length = 0;
    this.session.closed();
  }

  #go(): void {
    while (!this.#isWaiting && !this.isGone) {
      const args = this.#queue.shift();
      if (args === undefined) return;
      this.#isWaiting = true;
      if (this.session.execute(args) === "done") this.#isWaiting = false;
    }
  }

  /** What the server writes to it. */
  read(bytes: Bytes): void {
    if (this.isGone) return;
    this.#reader.push(bytes);
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      const said = this.#unanswered.shift();
      assert.ok(said !== undefined, "replies: one more than there were commands");
      this.#check(said.args, reply);
      said.heard(reply);
    }
    assert.ok(this.#reader.isBetweenReplies, "replies: half a reply was written");
  }

  #check(args: readonly Bytes[], reply: Reply): void {
    const name = (args[0] ?? "").toUpperCase();
    if (this.#queuedCount !== null) {
      this.#checkInMulti(name, reply, this.#queuedCount);
      return;
    }
    if (name === "ECHO") assert.equal(reply, args[1], "replies: out of order");
    if (name === "MULTI") {
      assert.ok(isStatus(reply, "OK"), "replies: MULTI is answered OK");
      this.#queuedCount = 0;
    }
  }

  #checkInMulti(name: string, reply: Reply, queuedCount: number): void {
    if (name === "EXEC" || name === "DISCARD") {
      this.#queuedCount = null;
      if (name === "DISCARD") assert.ok(isStatus(reply, "OK"), "replies: DISCARD is answered OK");
      else checkExec(reply, queuedCount);
      return;
    }
    if (isStatus(reply, "QUEUED")) this.#queuedCount = queuedCount + 1;
    else
      assert.ok(reply instanceof ErrorReply, `replies: ${name} inside MULTI is queued or refused`);
  }
}

function checkExec(reply: Reply, queuedCount: number): void {
  if (reply === null || reply instanceof NullArray || reply instanceof ErrorReply) return;
  assert.ok(Array.isArray(reply), "replies: EXEC answers an array, an error or null");
  assert.equal(reply.length, queuedCount, "replies: EXEC answers each queued command");
}

export function isStatus(reply: Reply, text: string): boolean {
  return reply instanceof Status && reply.text === text;
}
