// Who a connection may speak as. Today there is the default user with `requirepass`; whoever brings
// more users implements Authenticator, and nothing else changes.

import { createHash, timingSafeEqual } from "node:crypto";

import type { Bytes } from "../base/bytes.ts";
import { CommandError } from "../resp/errors.ts";

export const DEFAULT_USER: Bytes = "default";

export interface Authenticator {
  /** Whether a new connection speaks as the default user without being asked for a password. */
  readonly isOpen: boolean;
  /** The name of the user; a null `user` means the password alone was given. Throws CommandError. */
  authenticate(user: Bytes | null, password: Bytes): Bytes;
}

export interface PasswordSettings {
  /** `requirepass`; "" for none. */
  requirePass: Bytes;
}

export const NO_AUTH = new CommandError("NOAUTH Authentication required.");
export const WRONG_PASS = new CommandError(
  "WRONGPASS invalid username-password pair or user is disabled.",
);
const NO_PASSWORD_SET = new CommandError(
  "ERR AUTH <password> called without any password configured for the default user. " +
    "Are you sure your configuration is correct?",
);

/** The default user with one password or none. */
export class DefaultUserAuthenticator implements Authenticator {
  readonly #settings: PasswordSettings;

  constructor(settings: PasswordSettings) {
    this.#settings = settings;
  }

  get isOpen(): boolean {
    return this.#settings.requirePass === "";
  }

  authenticate(user: Bytes | null, password: Bytes): Bytes {
    if (user === null && this.isOpen) throw NO_PASSWORD_SET;
    if (user !== null && user !== DEFAULT_USER) throw WRONG_PASS;
    if (!this.isOpen && !isSame(password, this.#settings.requirePass)) throw WRONG_PASS;
    return DEFAULT_USER;
  }
}

/** Takes as long for a wrong password as for the right one, whatever their lengths. */
function isSame(given: Bytes, expected: Bytes): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(password: Bytes): Buffer {
  return createHash("sha256").update(password, "latin1").digest();
}
