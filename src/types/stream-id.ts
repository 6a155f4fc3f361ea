// IDs of entries as clients write them: `ms-seq`, each part a number of 64 bits without sign; `ms` alone;
// `-` and `+` for the least and the greatest where a range is meant. Redis reads the parts with
// strtoull, so leading zeros, a plus and spaces in front are taken.

import type { Bytes } from "../base/bytes.ts";
import { ID_MAX, ID_MIN, partOf, U64_MAX, type StreamId } from "../encoding/stream-id.ts";
export {
  compareIds,
  ID_MAX,
  ID_MIN,
  idAfter,
  idBefore,
  idText,
  isZero,
  U64_MAX,
  type StreamId,
} from "../encoding/stream-id.ts";
import { CommandError } from "../resp/errors.ts";
import { parseInteger } from "./number.ts";

export const INVALID_ID = new CommandError(
  "ERR Invalid stream ID specified as stream command argument",
);
const ID_LENGTH_MAX = 127;
const LOOSE_PART = /^[ \t\n\v\f\r]*([+-]?)(\d+)$/;

function parsePart(text: Bytes): number | bigint | null {
  const plain = parseInteger(text);
  if (plain !== null) return plain >= 0 ? plain : null;
  const match = LOOSE_PART.exec(text);
  if (match === null) return null;
  const size = BigInt(match[2] ?? "0");
  if (size > U64_MAX) return null;
  return partOf(match[1] === "-" ? BigInt.asUintN(64, -size) : size);
}

/** `missing` stands for a sequence number that is not given. Null for what is no ID. */
export function parseId(text: Bytes, missing: number | bigint): StreamId | null {
  if (text.length > ID_LENGTH_MAX) return null;
  const dash = text.indexOf("-");
  const ms = parsePart(dash < 0 ? text : text.slice(0, dash));
  if (ms === null) return null;
  const seq = dash < 0 ? missing : parsePart(text.slice(dash + 1));
  return seq === null ? null : { ms, seq };
}

/** An ID, whole or with a sequence number of 0. Throws INVALID_ID. */
export function idOf(text: Bytes): StreamId {
  const id = parseId(text, 0);
  if (id === null) throw INVALID_ID;
  return id;
}

/** As `idOf`, but `-` and `+` are the least and the greatest. Throws INVALID_ID. */
export function looseIdOf(text: Bytes, missing: number | bigint): StreamId {
  if (text === "-") return ID_MIN;
  if (text === "+") return ID_MAX;
  const id = parseId(text, missing);
  if (id === null) throw INVALID_ID;
  return id;
}
