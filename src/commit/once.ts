// ONCE: the outcome of a transaction, kept under a token in the same batch as its writes, so that a
// client whose connection broke after EXEC can ask again and gets the first outcome's replies.
//
// Layout of the stored value, version 1 (docs/encoding.md, "ONCE tokens"), a string in the system
// database under the key  user 0x00 token:
//
//   offset  size  field
//   0       1     version, 0x01
//   1       20    SHA-1 of the queued commands: a token is not for two different transactions
//   21      n     the replies, frozen (resp/stored.ts)

import { createHash } from "node:crypto";

import type { Bytes } from "../base/bytes.ts";
import { STRING } from "../encoding/record.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError } from "../resp/errors.ts";
import type { Reply } from "../resp/reply.ts";
import { CorruptReply, freeze, thaw } from "../resp/stored.ts";

const VERSION = "\x01";
const FINGERPRINT_SIZE = 20;
const HEADER_SIZE = 1 + FINGERPRINT_SIZE;
/** A token is a key; longer ones are refused when they are queued. */
export const TOKEN_BYTES_MAX = 512;

export const TOKEN_REUSED = new CommandError(
  "ERR ONCE token was already used for a different transaction",
);

const REPLIES_TOO_LONG = new CommandError(
  "ERR the replies are longer than ONCE can keep: 512 MB; read less in one transaction",
);

export interface OnceRequest {
  readonly user: Bytes;
  readonly token: Bytes;
  readonly commands: readonly (readonly Bytes[])[];
}

/** The replies of the first run under this token; null when there was none. Throws TOKEN_REUSED, CorruptReply, COLD. */
export function recall(view: View, request: OnceRequest): readonly Reply[] | null {
  const record = view.inSystem(() => view.peek(storedKey(request)));
  const value = record?.value ?? null;
  if (value === null) return null;
  if (typeof value !== "string" || !value.startsWith(VERSION)) {
    const version = typeof value === "string" ? value.charCodeAt(0) : -1;
    throw new CorruptReply(`a ONCE token of version ${version}`);
  }
  if (value.slice(1, HEADER_SIZE) !== fingerprint(request)) throw TOKEN_REUSED;
  const replies = thaw(value.slice(HEADER_SIZE));
  return Array.isArray(replies) ? (replies as readonly Reply[]) : null;
}

/** Keeps the replies for `retentionMs`, in the open batch. Throws CommandError when they do not fit. */
export function remember(
  view: View,
  request: OnceRequest,
  kept: { replies: readonly Reply[]; retentionMs: number },
): void {
  const value = outcomeOf(request, kept.replies);
  const content = { kind: STRING, value, expiryMs: view.nowMs + kept.retentionMs } as const;
  view.inSystem(() => view.set(storedKey(request), content));
}

function outcomeOf(request: OnceRequest, replies: readonly Reply[]): Bytes {
  try {
    return VERSION + fingerprint(request) + freeze(replies);
  } catch (error) {
    // No string is that long.
    if (error instanceof RangeError) throw REPLIES_TOO_LONG;
    throw error;
  }
}

function storedKey({ user, token }: OnceRequest): Bytes {
  return `${user}\0${token}`;
}

function fingerprint({ commands }: OnceRequest): Bytes {
  const hash = createHash("sha1");
  for (const args of commands) {
    hash.update(`*${args.length}\r\n`);
    for (const argument of args) hash.update(`$${argument.length}\r\n${argument}`, "latin1");
  }
  return hash.digest().latin1Slice();
}
