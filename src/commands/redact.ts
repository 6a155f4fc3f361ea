// What may be shown of a command in the slow log and to monitors: everything but passwords.

import type { Bytes } from "../base/bytes.ts";
import type { Command } from "./lookup.ts";
import type { Args } from "./table.ts";

const REDACTED: Bytes = "(redacted)";

const SECRET_SETTINGS: ReadonlySet<string> = new Set([
  "requirepass",
  "masteruser",
  "masterauth",
  "tls-key-file-pass",
  "tls-client-key-file-pass",
]);

/** `args` with the secrets in them replaced. */
export function redacted(command: Command, args: Args): Args {
  switch (command.name) {
    case "auth":
      return args.map((arg, index) => (index === 0 ? arg : REDACTED));
    case "hello":
      return withoutCredentials(args);
    case "migrate":
      return withoutLogin(args);
    case "acl|setuser":
      return args.map((arg, index) => (index < 2 ? arg : REDACTED));
    case "config|set":
      return args.map((arg, index) => {
        const name = args[index - 1]?.toLowerCase() ?? "";
        return index >= 3 && index % 2 === 1 && SECRET_SETTINGS.has(name) ? REDACTED : arg;
      });
    default:
      return args;
  }
}

function withoutCredentials(args: Args): Args {
  const shown = [...args];
  for (let index = 2; index < args.length; index++) {
    const option = args[index]?.toUpperCase();
    if (option === "AUTH") {
      for (let secret = index + 1; secret <= index + 2 && secret < args.length; secret++) {
        shown[secret] = REDACTED;
      }
      index += 2;
    } else if (option === "SETNAME") index++;
  }
  return shown;
}

/** MIGRATE host port key db timeout [AUTH password | AUTH2 user password] ... */
function withoutLogin(args: Args): Args {
  const shown = [...args];
  for (let index = 6; index < args.length; index++) {
    const option = args[index]?.toUpperCase();
    if (option === "KEYS") break;
    const count = option === "AUTH" ? 1 : option === "AUTH2" ? 2 : 0;
    for (let left = count; left > 0 && index + 1 < args.length; left--) shown[++index] = REDACTED;
  }
  return shown;
}
