// The library `redis`: what scripts may ask of the server. Commands go to the ScriptHost, which checks
// and runs them; here their arguments are read and their answers turned into Lua's values.

import { createHash } from "node:crypto";

import type { Bytes } from "../base/bytes.ts";
import { CommandError } from "../resp/errors.ts";
import { ErrorReply, type Reply } from "../resp/reply.ts";
import { pushCountedError, pushError, pushReply, type Protocol } from "./conversion.ts";
import { LuaError, NUMBER, STRING, TABLE, NIL, type LuaMachine, type Native } from "./machine.ts";
import { argumentText } from "./number-format.ts";

/** The Redis version that scripts see. */
const REDIS_VERSION = "7.2.4";
const REDIS_VERSION_NUMBER = 0x00070204;

export const LOG_LEVELS = ["debug", "verbose", "notice", "warning"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whom a running script talks to. */
export interface ScriptHost {
  /** Runs a command as the script's; what is refused comes back as an ErrorReply. */
  call(args: readonly Bytes[], protocol: Protocol): Reply;
  /** Whether the script's user may run it. Throws CommandError when there is no such command. */
  mayCall(args: readonly Bytes[]): boolean;
  log(level: LogLevel, text: Bytes): void;
}

/** What changes from script to script. */
export interface RunState {
  host: ScriptHost | null;
  protocol: Protocol;
}

type Constant = number | string;

const CONSTANTS: Readonly<Record<string, Constant>> = {
  LOG_DEBUG: 0,
  LOG_VERBOSE: 1,
  LOG_NOTICE: 2,
  LOG_WARNING: 3,
  REPL_NONE: 0,
  REPL_AOF: 1,
  REPL_REPLICA: 2,
  REPL_SLAVE: 2,
  REPL_ALL: 3,
  REDIS_VERSION,
  REDIS_VERSION_NUM: REDIS_VERSION_NUMBER,
};

/** While a library of functions is loaded there is less. */
const WHILE_LOADING = new Set([
  "log",
  ...Object.keys(CONSTANTS).filter((name) => !name.startsWith("REPL_")),
]);

export function redisLibrary(state: RunState): Readonly<Record<string, Native | Constant>> {
  return {
    ...CONSTANTS,
    call: (lua) => {
      const reply = called(lua, state);
      if (reply instanceof ErrorReply) throw new LuaError(reply.text, () => push(lua, reply));
      pushReply(lua, reply, state.protocol);
      return 1;
    },
    pcall: (lua) => {
      const reply = called(lua, state);
      if (reply instanceof ErrorReply) push(lua, reply);
      else pushReply(lua, reply, state.protocol);
      return 1;
    },
    error_reply: (lua) => tagged(lua, "err"),
    status_reply: (lua) => tagged(lua, "ok"),
    sha1hex,
    log: (lua) => log(lua, state),
    setresp: (lua) => {
      if (lua.top !== 1) raise("redis.setresp() requires one argument.");
      const version = Math.trunc(lua.isNumber(1) ? lua.number(1) : 0);
      if (version !== 2 && version !== 3) raise("RESP version must be 2 or 3.");
      state.protocol = version === 3 ? 3 : 2;
      return 0;
    },
    set_repl: (lua) => {
      if (lua.top !== 1) raise("redis.set_repl() requires two arguments.");
      // What is no number is none of them, as in Redis.
      const flags = lua.isNumber(1) ? Math.trunc(lua.number(1)) : 0;
      if ((flags & ~3) !== 0) {
        raise("Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
      }
      return 0;
    },
    replicate_commands: (lua) => {
      lua.pushBoolean(true);
      return 1;
    },
    // There is no debugger: a script runs through, as it does in Redis without one.
    breakpoint: (lua) => {
      lua.pushBoolean(false);
      return 1;
    },
    debug: () => 0,
    acl_check_cmd: (lua) => aclCheck(lua, state),
  };
}

/** What a library finds in `redis` while it is loaded, but for register_function. */
export function loadingLibrary(state: RunState): Readonly<Record<string, Native | Constant>> {
  const all = Object.entries(redisLibrary(state));
  return Object.fromEntries(all.filter(([name]) => WHILE_LOADING.has(name)));
}

/** An error in the words of Redis, without the place in the script that Lua would put in front. */
export function raise(text: Bytes): never {
  throw new LuaError(text, (lua) => pushError(lua, `ERR ${text}`));
}

/** What never came to be a command has not been counted. What a command quotes ends at a zero byte, as everywhere. */
function push(lua: LuaMachine, error: ErrorReply): void {
  const [text = ""] = error.text.split("\0", 1);
  if (error === NO_ARGUMENTS || error === BAD_ARGUMENTS) pushError(lua, text);
  else pushCountedError(lua, text);
}

function called(lua: LuaMachine, { host, protocol }: RunState): Reply {
  const args = argumentsOf(lua);
  if (args instanceof ErrorReply) return args;
  // Thousands of them would leave no room on the stack for the answer.
  lua.settop(0);
  if (host === null)
    return new ErrorReply("ERR redis.call/pcall can only be called inside a script invocation");
  return host.call(args, protocol);
}

const NO_ARGUMENTS = new ErrorReply(
  "ERR Please specify at least one argument for this redis lib call",
);
const BAD_ARGUMENTS = new ErrorReply(
  "ERR Lua redis lib command arguments must be strings or integers",
);

function argumentsOf(lua: LuaMachine): readonly Bytes[] | ErrorReply {
  const { top } = lua;
  if (top === 0) return NO_ARGUMENTS;
  const args: Bytes[] = [];
  for (let index = 1; index <= top; index++) {
    const type = lua.type(index);
    if (type === STRING) args.push(lua.string(index));
    else if (type === NUMBER) args.push(argumentText(lua.number(index)));
    else return BAD_ARGUMENTS;
  }
  return args;
}

function tagged(lua: LuaMachine, tag: "err" | "ok"): number {
  if (lua.top !== 1 || lua.type(1) !== STRING) {
    pushError(lua, "ERR wrong number or type of arguments");
    return 1;
  }
  const text = lua.string(1);
  lua.newTable(0, 1);
  lua.pushString(tag === "err" ? errorText(text) : text);
  lua.setField(-2, tag);
  return 1;
}

/** An error has a code word: without one it is ERR. A leading minus belongs to the protocol. */
function errorText(text: Bytes): Bytes {
  const end = text.indexOf("\0");
  // As in Redis, where it is a C string.
  const shown = end === -1 ? text : text.slice(0, end);
  const bare = shown.startsWith("-") ? shown.slice(1) : shown;
  return bare.includes(" ") ? bare : `ERR ${bare}`;
}

function sha1hex(lua: LuaMachine): number {
  if (lua.top !== 1) raise("wrong number of arguments");
  const type = lua.type(1);
  const text = type === STRING || type === NUMBER ? lua.string(1) : "";
  lua.pushString(sha1(text));
  return 1;
}

export function sha1(text: Bytes): string {
  return createHash("sha1").update(text, "latin1").digest("hex");
}

function log(lua: LuaMachine, { host }: RunState): number {
  const { top } = lua;
  if (top < 2) raise("redis.log() requires two arguments or more.");
  if (!lua.isNumber(1)) raise("First argument must be a number (log level).");
  const level = LOG_LEVELS[Math.trunc(lua.number(1))];
  if (level === undefined) raise("Invalid debug level.");
  const words: Bytes[] = [];
  for (let index = 2; index <= top; index++) {
    const type = lua.type(index);
    if (type === STRING || type === NUMBER) words.push(lua.string(index));
  }
  host?.log(level, words.join(" "));
  return 0;
}

function aclCheck(lua: LuaMachine, { host }: RunState): number {
  const args = argumentsOf(lua);
  if (args === NO_ARGUMENTS) {
    raise("Please specify at least one argument for this redis lib call");
  }
  if (args instanceof ErrorReply)
    raise("Lua redis lib command arguments must be strings or integers");
  try {
    lua.pushBoolean(host?.mayCall(args) ?? true);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    raise("Invalid command passed to redis.acl_check_cmd()");
  }
  return 1;
}

// Registering functions

export interface Registration {
  readonly name: Bytes;
  readonly description: Bytes | null;
  readonly flags: readonly Bytes[];
  /** Where the machine keeps the function. */
  readonly callback: number;
}

const FUNCTION_FLAGS = new Set([
  "no-writes",
  "allow-oom",
  "allow-stale",
  "no-cluster",
  "allow-cross-slot-keys",
]);
const NAME = /^[A-Za-z0-9_]+$/;
const FUNCTION = 6;

/** redis.register_function, in both of its forms: name and function, or a table of named arguments. */
export function readRegistration(lua: LuaMachine): Registration {
  const { top } = lua;
  if (top < 1 || top > 2) raise("wrong number of arguments to redis.register_function");
  if (top === 1) {
    if (lua.type(1) !== TABLE) {
      raise(
        "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
      );
    }
    return namedRegistration(lua);
  }
  if (!isText(lua, 1)) raise("first argument to redis.register_function must be a string");
  const name = lua.string(1);
  if (lua.type(2) !== FUNCTION)
    raise("second argument to redis.register_function must be a function");
  lua.pushValue(2);
  return checked({ name, description: null, flags: [], callback: lua.reference() });
}

/** A number is as good as the text that spells it. */
function isText(lua: LuaMachine, index: number): boolean {
  const type = lua.type(index);
  return type === STRING || type === NUMBER;
}

function namedRegistration(lua: LuaMachine): Registration {
  let name: Bytes | null = null;
  let description: Bytes | null = null;
  let flags: readonly Bytes[] = [];
  let callback: number | null = null;
  lua.pushNil();
  while (lua.next(1)) {
    if (!isText(lua, -2))
      raise("named argument key given to redis.register_function is not a string");
    const key = lua.type(-2) === STRING ? lua.string(-2) : "";
    switch (key) {
      case "function_name":
        if (!isText(lua, -1))
          raise("function_name argument given to redis.register_function must be a string");
        name = lua.string(-1);
        break;
      case "description":
        if (!isText(lua, -1))
          raise("description argument given to redis.register_function must be a string");
        description = lua.string(-1);
        break;
      case "callback":
        if (lua.type(-1) !== FUNCTION)
          raise("callback argument given to redis.register_function must be a function");
        lua.pushValue(-1);
        callback = lua.reference();
        break;
      case "flags":
        if (lua.type(-1) !== TABLE)
          raise(
            "flags argument to redis.register_function must be a table representing function flags",
          );
        flags = flagsOf(lua);
        break;
      default:
        raise("unknown argument given to redis.register_function");
    }
    lua.pop(1);
  }
  if (name === null) raise("redis.register_function must get a function name argument");
  if (callback === null) raise("redis.register_function must get a callback argument");
  return checked({ name, description, flags, callback });
}

function flagsOf(lua: LuaMachine): readonly Bytes[] {
  const flags: Bytes[] = [];
  for (let index = 1; ; index++) {
    lua.rawGetAt(-1, index);
    const type = lua.type(-1);
    if (type === NIL) {
      lua.pop(1);
      return flags;
    }
    const flag = type === STRING ? lua.string(-1) : "";
    if (!FUNCTION_FLAGS.has(flag)) raise("unknown flag given");
    lua.pop(1);
    flags.push(flag);
  }
}

function checked(registration: Registration): Registration {
  if (!NAME.test(registration.name)) {
    raise(
      "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    );
  }
  return registration;
}
