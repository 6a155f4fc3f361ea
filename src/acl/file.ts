// The text of an ACL file: one user a line. It is taken as a whole or not at all, and every line that is
// wrong is told of by its number.

import type { Bytes } from "../base/bytes.ts";
import { RuleError } from "./rule-error.ts";
import { joinSelectors, UnmatchedParenthesis, User, type Realm } from "./user.ts";

const NOTHING_DONE =
  "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

/** The users, or the text of everything that is wrong. */
export function parseUsers(text: Bytes, path: Bytes, realm: Realm): readonly User[] | Bytes {
  const users = new Map<Bytes, User>();
  let errors = "";
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replaceAll(/^[ \t\r]+|[ \t\r]+$/g, "");
    if (line === "") continue;
    const place = `${path}:${index + 1}`;
    const [keyword, name, ...words] = line.split(" ");
    if (keyword !== "user" || name === undefined) {
      errors += `${place} should start with user keyword followed by the username. `;
    } else if (users.has(name)) {
      errors += `WARNING: Duplicate user '${name}' found on line ${index + 1}. `;
    } else if (/[\s\0]/.test(name)) {
      errors += `${place}: username '${name}' contains invalid characters. `;
    } else {
      const user = new User(name, realm);
      users.set(name, user);
      errors += problemsOf(user, words, place);
    }
  }
  return errors === "" ? [...users.values()] : errors + NOTHING_DONE;
}

/** Gives the user his rules; "" when all are taken. */
function problemsOf(user: User, words: readonly Bytes[], place: Bytes): Bytes {
  let problems = "";
  let hasOther = false;
  for (const rule of rulesOf(words) ?? []) {
    try {
      user.apply(rule);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      if (error.kind === "unknown") {
        problems += `${place}: Error in applying operation '${rule}': ${error.message}. `;
      } else if (!hasOther) {
        // One is enough: the others often follow from it.
        problems += `${place}: ${error.message}. `;
        hasOther = true;
      }
    }
  }
  if (rulesOf(words) === null)
    problems += `${place}: Unmatched parenthesis in selector definition.`;
  return problems;
}

/** Null when a parenthesis is not closed. */
function rulesOf(words: readonly Bytes[]): Bytes[] | null {
  try {
    return joinSelectors(words.filter((word) => word !== ""));
  } catch (error) {
    if (error instanceof UnmatchedParenthesis) return null;
    throw error;
  }
}
