// A reply as one string, for tests that stand where the socket would.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Encoded } from "../../src/resp/long-reply.ts";

export function whole(bytes: Encoded): Bytes {
  return typeof bytes === "string" ? bytes : [...bytes.pieces()].join("");
}
