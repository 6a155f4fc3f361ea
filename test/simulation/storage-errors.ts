// How a server says that the storage failed, and the answers of an EXEC that tell of it.

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";

const CODES: readonly RegExp[] = [
  /^TRYAGAIN .+; retry in \d+ ms$/,
  /^MISCONF .+/,
  /^READONLY .+/,
  /^ERR write batch too large/i,
  /^EXECABORT Transaction discarded because of: .+/,
];

/** An error by which one of the documented codes tells of the storage (law 8). */
export function isStorageError(reply: Reply | undefined): boolean {
  return reply instanceof ErrorReply && CODES.some((code) => code.test(reply.text));
}

/** Whether the answer of an EXEC tells that its commit was refused. */
export function tellsOfRefusal(reply: Reply): boolean {
  if (reply instanceof ErrorReply) return isStorageError(reply);
  return Array.isArray(reply) && reply.some((element: Reply) => isStorageError(element));
}

export function describe(args: readonly Bytes[]): string {
  return JSON.stringify(args.join(" ")).slice(0, 200);
}
