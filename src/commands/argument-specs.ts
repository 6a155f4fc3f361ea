// Arguments as COMMAND DOCS shows them, in the few shapes that most rows need.

import type { ArgumentSpec } from "./table.ts";

export const KEY: ArgumentSpec = { name: "key", type: "key" };
export const KEYS: ArgumentSpec = { name: "key", type: "key", multiple: true };

export function string(name: string): ArgumentSpec {
  return { name, type: "string" };
}

export function integer(name: string): ArgumentSpec {
  return { name, type: "integer" };
}

/** A word that stands for itself: NX, BYTE. */
export function word(token: string, more: Partial<ArgumentSpec> = {}): ArgumentSpec {
  return { name: token.toLowerCase(), type: "pure-token", token, ...more };
}

/** A word followed by a number: EX 10. */
export function tokenInteger(token: string, name: string, since?: string): ArgumentSpec {
  return since === undefined
    ? { name, type: "integer", token }
    : { name, type: "integer", token, since };
}

/** A word followed by a time since the epoch: EXAT 1700000000. */
export function tokenTime(token: string, name: string, since?: string): ArgumentSpec {
  return since === undefined
    ? { name, type: "unix-time", token }
    : { name, type: "unix-time", token, since };
}

/** One of several. */
export function oneOf(
  name: string,
  choices: readonly ArgumentSpec[],
  more: Partial<ArgumentSpec> = {},
): ArgumentSpec {
  return { name, type: "oneof", arguments: choices, ...more };
}

/** Several that stand together. */
export function block(
  name: string,
  parts: readonly ArgumentSpec[],
  more: Partial<ArgumentSpec> = {},
): ArgumentSpec {
  return { name, type: "block", arguments: parts, ...more };
}
