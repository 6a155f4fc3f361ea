// Why a rule of access control is not taken, in Redis's words: ACL SETUSER, ACL files and `user`
// lines of the configuration all tell of it.

/** `unknown`: a command or category that is not there. In files each of those is told. */
export type RuleErrorKind = "unknown" | "other";

export class RuleError extends Error {
  override readonly name = "RuleError";
  readonly kind: RuleErrorKind;

  constructor(reason: string, kind: RuleErrorKind = "other") {
    super(reason);
    this.kind = kind;
  }
}

export const UNKNOWN_COMMAND = new RuleError("Unknown command or category name in ACL", "unknown");
export const BAD_SYNTAX = new RuleError("Syntax error");
export const AFTER_ALL_KEYS = new RuleError(
  "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any " +
    "effect. Try 'resetkeys' to start with an empty list of patterns",
);
export const AFTER_ALL_CHANNELS = new RuleError(
  "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have " +
    "any effect. Try 'resetchannels' to start with an empty list of channels",
);
export const NO_SUCH_PASSWORD = new RuleError(
  "The password you are trying to remove from the user does not exist",
);
export const BAD_HASH = new RuleError(
  "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
);
export const DUPLICATE_USER = new RuleError(
  "Duplicate user found. A user can only be defined once in config files",
);
export const FIRST_ARGUMENT_OF_SUBCOMMAND = new RuleError(
  "Allowing first-arg of a subcommand is not supported",
);
