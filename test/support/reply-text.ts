// The text of a reply that is one: a string, a status, an error or a verbatim string.

import assert from "node:assert/strict";

import { ErrorReply, Status, Verbatim, type Reply } from "../../src/resp/reply.ts";

export function textOfReply(reply: Reply): string {
  if (typeof reply === "string") return reply;
  if (reply instanceof ErrorReply || reply instanceof Status) return reply.text;
  assert.ok(reply instanceof Verbatim, `no text: ${JSON.stringify(reply)}`);
  return reply.text;
}
