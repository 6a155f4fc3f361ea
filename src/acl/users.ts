// All users of a server. They are read from the configuration or from an ACL file and live in memory;
// connections hold their user, so a change of his rights is theirs at once.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { CommandTable } from "../commands/lookup.ts";
import { CommandError } from "../resp/errors.ts";
import { parseUsers } from "./file.ts";
import { DUPLICATE_USER, RuleError } from "./rule-error.ts";
import {
  checkUserName,
  DEFAULT_USER,
  joinSelectors,
  UnmatchedParenthesis,
  User,
  type Realm,
} from "./user.ts";

export const NO_AUTH = new CommandError("NOAUTH Authentication required.");
export const WRONG_PASS = new CommandError(
  "WRONGPASS invalid username-password pair or user is disabled.",
);
const NO_PASSWORD_SET = new CommandError(
  "ERR AUTH <password> called without any password configured for the default user. " +
    "Are you sure your configuration is correct?",
);

export class Users {
  readonly realm: Realm;
  readonly default: User;
  #byName = new Map<Bytes, User>();

  constructor(commands: CommandTable) {
    this.realm = { commands, newAllChannels: false };
    this.default = User.default(this.realm);
    this.#byName.set(DEFAULT_USER, this.default);
  }

  // Logging in

  /** Whether a new connection speaks as the default user without being asked for a password. */
  get isOpen(): boolean {
    return this.default.isOn && this.default.needsNoPassword;
  }

  /** A null `name` means the password alone was given. Throws CommandError. */
  authenticate(name: Bytes | null, password: Bytes): User {
    if (name === null && this.default.needsNoPassword) throw NO_PASSWORD_SET;
    const user = this.named(name ?? DEFAULT_USER);
    // A name that is not known takes as long as one that is.
    const fits = (user ?? this.default).accepts(password);
    if (user === null || !fits) throw WRONG_PASS;
    return user;
  }

  /** `requirepass`: the one password of the default user; "" for none. */
  setDefaultPassword(password: Bytes): void {
    this.default.apply(password === "" ? "nopass" : "resetpass");
    if (password !== "") this.default.apply(`>${password}`);
  }

  // Looking around

  named(name: Bytes): User | null {
    return this.#byName.get(name) ?? null;
  }

  /** By name. */
  get all(): readonly User[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  // Changing

  /** The user as the rules would make him: known or new, nothing of it in force yet. Throws CommandError. */
  draft(name: Bytes, words: readonly Bytes[]): User {
    const draft = this.named(name)?.copy() ?? new User(name, this.realm);
    for (const rule of joined(words)) {
      try {
        draft.apply(rule);
      } catch (error) {
        if (!(error instanceof RuleError)) throw error;
        throw new CommandError(`ERR Error in ACL SETUSER modifier '${rule}': ${error.message}`);
      }
    }
    return draft;
  }

  /** Puts a draft in force; who is logged in stays so. */
  adopt(draft: User): void {
    const known = this.named(draft.name);
    if (known === null) this.#byName.set(draft.name, draft);
    else known.become(draft);
  }

  /** The user who is gone; null when there was none. */
  delete(name: Bytes): User | null {
    assert(name !== DEFAULT_USER);
    const user = this.named(name);
    this.#byName.delete(name);
    return user;
  }

  /**
   * ACL LOAD: exactly the users of a file, or, if it has an error, those of before. `path` is for the
   * text of the errors, which is the answer; null when all went well.
   */
  load(text: Bytes, path: Bytes): Bytes | null {
    const parsed = parseUsers(text, path, this.realm);
    if (typeof parsed === "string") return parsed;
    const before = this.#byName;
    this.#byName = new Map([[DEFAULT_USER, this.default]]);
    this.default.become(User.default(this.realm));
    for (const user of parsed) {
      const known = before.get(user.name);
      if (known === undefined) this.#byName.set(user.name, user);
      else {
        known.become(user);
        this.#byName.set(user.name, known);
      }
    }
    return null;
  }

  /** The text of an ACL file. */
  get fileText(): Bytes {
    return this.all.map((user) => `${user.line}\n`).join("");
  }

  /**
   * A `user` line of the configuration, as its words after "user". Throws RuleError and
   * UnmatchedParenthesis; `seen` holds the names so far.
   */
  define([name = "", ...words]: readonly Bytes[], seen: Set<Bytes>): void {
    checkUserName(name);
    if (seen.has(name)) throw DUPLICATE_USER;
    seen.add(name);
    const draft = new User(name, this.realm);
    for (const rule of joinSelectors(words)) {
      try {
        draft.apply(rule);
      } catch (error) {
        if (!(error instanceof RuleError)) throw error;
        throw new RuleError(`Error in user declaration '${rule}': ${error.message}`);
      }
    }
    this.adopt(draft);
  }
}

function joined(words: readonly Bytes[]): Bytes[] {
  try {
    return joinSelectors(words);
  } catch (error) {
    if (!(error instanceof UnmatchedParenthesis)) throw error;
    throw new CommandError(`ERR ${error.message}`);
  }
}
