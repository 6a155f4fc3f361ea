// Random replies of every kind, for property tests of what writes, stores and reads them.

import * as fc from "fast-check";

import type { Bytes } from "../../src/base/bytes.ts";
import {
  BigNumber,
  Double,
  ErrorReply,
  KeyedReply,
  MapReply,
  NULL_ARRAY,
  Push,
  SetReply,
  Status,
  Verbatim,
  type Reply,
} from "../../src/resp/reply.ts";

export function anyBytes(lengthMax = 40): fc.Arbitrary<Bytes> {
  return fc
    .uint8Array({ maxLength: lengthMax })
    .map((bytes) => Buffer.from(bytes).toString("latin1"));
}

/** Text that fits on one line of RESP. */
export function line(): fc.Arbitrary<Bytes> {
  return anyBytes().map((bytes) => bytes.replaceAll("\r", "r").replaceAll("\n", "n"));
}

const INT64_LIMIT = 2n ** 63n;

function leaves(): fc.Arbitrary<Reply> {
  return fc.oneof(
    fc.constantFrom<Reply>(null, NULL_ARRAY, true, false, "", 0, -1),
    anyBytes(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -INT64_LIMIT, max: INT64_LIMIT - 1n }),
    line().map((text) => new Status(text)),
    line().map((text) => new ErrorReply(text)),
    fc.double().map((value) => new Double(value)),
    fc.bigInt().map((value) => new BigNumber(value.toString())),
    anyBytes().map((text) => new Verbatim("txt", text)),
    anyBytes().map((text) => new Verbatim("mkd", text)),
  );
}

export function anyReply(): fc.Arbitrary<Reply> {
  const { tree } = fc.letrec<{ tree: Reply; items: readonly Reply[] }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      leaves(),
      tie("items"),
      tie("items").map((items) => new MapReply(items.length % 2 === 0 ? items : items.slice(1))),
      tie("items").map((items) => new KeyedReply(items.length % 2 === 0 ? items : items.slice(1))),
      tie("items").map((items) => new SetReply(items)),
      tie("items").map((items) => new Push(items)),
    ),
    items: fc.array(tie("tree"), { maxLength: 6 }),
  }));
  return tree;
}
