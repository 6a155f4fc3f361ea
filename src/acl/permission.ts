// May this user say this? Asked for every command of users that are not allowed everything.

import type { Bytes } from "../base/bytes.ts";
import { matches } from "../base/glob.ts";
import { positionsToTell } from "../commands/key-positions.ts";
import type { Command } from "../commands/lookup.ts";
import type { Args, KeyFlag, KeyPosition } from "../commands/table.ts";
import { CommandError } from "../resp/errors.ts";
import { READ, WRITE, type Selector } from "./selector.ts";
import type { User } from "./user.ts";

/** What is not allowed: the command by its full name, a key, a channel. */
export interface Denial {
  readonly reason: "command" | "key" | "channel";
  readonly object: Bytes;
}

interface Found extends Denial {
  /** Position of the argument; 0 for the command itself. */
  readonly index: number;
}

/** Null when one of the user's selectors allows all of it; else what the best of them forbids. */
export function denialOf(user: User, command: Command, args: Args): Denial | null {
  if (user.isUnrestricted) return null;
  const call = new Call(command, args);
  let told: Found | null = null;
  for (const selector of user.selectors) {
    const found = call.check(selector);
    if (found === null) return null;
    if (told === null || isNearer(found, told)) told = found;
  }
  return told;
}

const DISTANCE = { command: 0, key: 1, channel: 2 } as const;

/** A selector that got further tells more of what is missing. */
function isNearer(found: Found, told: Found): boolean {
  const further = DISTANCE[found.reason] - DISTANCE[told.reason];
  return further > 0 || (further === 0 && found.index > told.index);
}

class Call {
  readonly #command: Command;
  readonly #args: Args;
  #keys: readonly KeyPosition[] | null = null;

  constructor(command: Command, args: Args) {
    this.#command = command;
    this.#args = args;
  }

  check(selector: Selector): Found | null {
    const { name } = this.#command;
    if (!selector.allowsCommand(this.#command, this.#args[1])) {
      return { reason: "command", object: name, index: 0 };
    }
    return this.#deniedKey(selector) ?? this.#deniedChannel(selector);
  }

  #deniedKey(selector: Selector): Found | null {
    if (selector.allKeys || this.#command.row.keys.length === 0) return null;
    this.#keys ??= positionsToTell(this.#command.row, this.#args);
    for (const { index, flags } of this.#keys) {
      const key = this.#args[index] ?? "";
      if (!flags.includes("not_key") && !allowsKey(selector, key, modeOf(flags))) {
        return { reason: "key", object: key, index };
      }
    }
    return null;
  }

  #deniedChannel(selector: Selector): Found | null {
    if (selector.allChannels) return null;
    const use = CHANNELS.get(this.#command.name);
    if (use === undefined) return null;
    const end = use.takesMany ? this.#args.length : 2;
    for (let index = 1; index < end; index++) {
      const object = this.#args[index] ?? "";
      if (!allowsChannel(selector, object, use.arePatterns)) {
        return { reason: "channel", object, index };
      }
    }
    return null;
  }
}

/** Permissions that it takes to do this with a key. */
function modeOf(flags: readonly KeyFlag[]): number {
  let mode = flags.includes("access") ? READ : 0;
  if (flags.includes("insert") || flags.includes("delete") || flags.includes("update")) {
    mode |= WRITE;
  }
  return mode;
}

function allowsKey(selector: Selector, key: Bytes, mode: number): boolean {
  return selector.keys.some((one) => (one.mode & mode) === mode && matches(one.pattern, key));
}

const CHANNELS: ReadonlyMap<
  string,
  { readonly takesMany: boolean; readonly arePatterns: boolean }
> = new Map([
  ["publish", { takesMany: false, arePatterns: false }],
  ["spublish", { takesMany: false, arePatterns: false }],
  ["subscribe", { takesMany: true, arePatterns: false }],
  ["ssubscribe", { takesMany: true, arePatterns: false }],
  ["psubscribe", { takesMany: true, arePatterns: true }],
]);

/** A pattern is allowed only to the letter: what it matches could be anything. */
function allowsChannel(selector: Selector, name: Bytes, isPattern: boolean): boolean {
  return selector.channels.some((one) => (isPattern ? one === name : matches(one, name)));
}

/** Whether a user may listen to a channel or pattern, whatever he may call. */
export function mayListen(user: User, name: Bytes, isPattern: boolean): boolean {
  return user.selectors.some(
    (selector) => selector.allChannels || allowsChannel(selector, name, isPattern),
  );
}

/**
 * SORT looks at keys that its arguments only hint at: BY and GET want the right to read every key.
 * Null, or why it may not run.
 */
export function sortRefusal(user: User, command: Command, args: Args): CommandError | null {
  if (command.name !== "sort" && command.name !== "sort_ro") return null;
  if (user.isUnrestricted) return null;
  const readsAll = user.selectors.some(
    (selector) => selector.allowsCommand(command, args[1]) && readsEveryKey(selector),
  );
  if (readsAll) return null;
  for (let index = 2; index + 1 < args.length; index++) {
    switch ((args[index] ?? "").toUpperCase()) {
      case "BY":
        if (args[index + 1]?.includes("*") === true) return BY_DENIED;
        index++;
        break;
      case "GET":
        return GET_DENIED;
      case "LIMIT":
        index += 2;
        break;
      case "STORE":
        index++;
        break;
      default:
    }
  }
  return null;
}

const BY_DENIED = new CommandError(
  "ERR BY option of SORT denied due to insufficient ACL permissions.",
);
const GET_DENIED = new CommandError(
  "ERR GET option of SORT denied due to insufficient ACL permissions.",
);

function readsEveryKey(selector: Selector): boolean {
  if (selector.allKeys) return true;
  return selector.keys.some(({ pattern, mode }) => pattern === "*" && (mode & READ) !== 0);
}

/** The error reply to a command that is not allowed. */
export function refusalText(denial: Denial, user: User): Bytes {
  return `NOPERM ${describe(denial, user, false)}`;
}

/** The same in an EXEC whose commands were allowed when they were queued. */
export function execRefusalText({ reason }: Denial): Bytes {
  return (
    "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
    `This command is no longer allowed for the following reason: ${EXEC_REASONS[reason]}`
  );
}

const EXEC_REASONS = {
  command: "no permission to execute the command or subcommand",
  key: "no permission to touch the specified keys",
  channel: "no permission to access one of the channels used as arguments to the command",
} as const;

/** `names`: whether the key or channel is named, as ACL DRYRUN does. */
export function describe({ reason, object }: Denial, user: User, names: boolean): Bytes {
  if (reason === "command") {
    return `User ${user.name} has no permissions to run the '${object}' command`;
  }
  if (!names) return `No permissions to access a ${reason}`;
  return `User ${user.name} has no permissions to access the '${object}' ${reason}`;
}
