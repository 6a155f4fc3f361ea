// A connection that only listens, in a world of sessions without sockets.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { Push, type Reply } from "../../src/resp/reply.ts";
import type { Talker, World } from "./world.ts";

export class Listener {
  readonly talker: Talker;

  /** Subscribes by one command: "SUBSCRIBE news". */
  constructor(world: World, line: string) {
    this.talker = world.connect();
    this.talker.say(line);
    assert.equal(this.talker.replies.splice(0).length, line.split(" ").length - 1);
  }

  /** The messages since the last call, as "channel payload". */
  told(): string[] {
    return this.talker.replies.splice(0).map(shown);
  }
}

/** A message as "channel payload", whatever brought it. */
export function shown(message: Reply): string {
  const items = message instanceof Push ? message.items : message;
  assert.ok(Array.isArray(items), "a message is an array or a push");
  const [word, ...rest] = items as readonly Bytes[];
  assert.match(word ?? "", /^[ps]?message$/);
  return rest.slice(-2).join(" ");
}
