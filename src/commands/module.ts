// MODULE and LOLWUT: what clients ask to learn what they talk to. Modules are libraries for the insides of Redis:
// there are none here, and none can be loaded.

import { REDIS_VERSION } from "../base/version.ts";
import { CommandError } from "../resp/errors.ts";
import { EMPTY_ARRAY } from "../resp/reply.ts";
import { integer, string } from "./argument-specs.ts";
import { helpRow } from "./help.ts";
import { NO_KEYS, type CommandRows } from "./table.ts";

const NO_MODULES = new CommandError("ERR modules of Redis cannot be loaded into Kept");
const NO_SUCH_MODULE = new CommandError(
  "ERR Error unloading module: no such module with that name",
);

const manages = {
  kind: "session",
  flags: ["admin", "noscript", "no_async_loading"],
  keys: NO_KEYS,
  group: "server",
  since: "4.0.0",
  complexity: "O(1)",
} as const;
const loads = {
  ...manages,
  arity: -3,
  summary: "Refused: modules are libraries for the insides of Redis.",
  run: () => {
    throw NO_MODULES;
  },
} as const;
const REST = { ...string("arg"), multiple: true, optional: true };

const subcommands: CommandRows = {
  LIST: {
    ...manages,
    arity: 2,
    flags: ["admin", "noscript"],
    summary: "Lists the modules that are loaded: none.",
    run: () => EMPTY_ARRAY,
  },
  LOAD: { ...loads, arguments: [string("path"), REST] },
  LOADEX: { ...loads, since: "7.0.0", arguments: [string("path"), REST] },
  UNLOAD: {
    ...manages,
    arity: 3,
    summary: "Unloads a module, of which there is none.",
    arguments: [string("name")],
    run: () => {
      throw NO_SUCH_MODULE;
    },
  },
  HELP: helpRow("MODULE", [["LIST", "Lists the modules that are loaded: none."]], {
    group: "server",
    since: "5.0.0",
  }),
};

export const moduleCommands: CommandRows = {
  MODULE: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "server",
    since: "4.0.0",
    summary: "Commands about modules.",
    complexity: "Depends on the subcommand",
    subcommands,
  },
  LOLWUT: {
    kind: "session",
    arity: -1,
    flags: ["readonly", "fast"],
    keys: NO_KEYS,
    group: "server",
    since: "5.0.0",
    summary: "Tells the version, without the picture.",
    complexity: "O(1)",
    arguments: [{ ...integer("version"), token: "VERSION", optional: true }],
    run: () => `Redis ver. ${REDIS_VERSION}\n`,
  },
};
