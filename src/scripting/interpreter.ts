// Runs scripts and functions on a LuaMachine that it makes, keeps warm and throws away when it is spoiled.
//
// Everything is as new for each script but what is compiled: KEYS and ARGV, the settings of cjson, the
// protocol. The world of globals cannot be changed (prelude.ts).
//
// The same class runs in the server's loop and on the thread for long scripts; what differs is the
// ScriptHost that answers redis.call, and the Watch that is asked from time to time whether to go on.

import { AssertionFailed, assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { CommandError } from "../resp/errors.ts";
import { ErrorReply, type Reply } from "../resp/reply.ts";
import { bitLibrary } from "./bit-library.ts";
import { errorLine, isCountedError, replyOf } from "./conversion.ts";
import { JsonLibrary } from "./json-library.ts";
import { isTooDeep, LuaMachine, NUMBER, STRING, TABLE, type Native } from "./machine.ts";
import { msgpackLibrary } from "./msgpack-library.ts";
import { PRELUDE } from "./prelude.ts";
import { ScriptRandom } from "./random.ts";
import {
  loadingLibrary,
  raise,
  readRegistration,
  redisLibrary,
  type Registration,
  type RunState,
  type ScriptHost,
} from "./redis-library.ts";
import { withoutShebang } from "./shebang.ts";
import { structLibrary } from "./struct-library.ts";

/** Asked while something runs; what it throws ends the run, and no pcall of the script catches it. */
export interface Watch {
  /** Something begins: time runs from now. */
  begin(what: "script" | "library"): void;
  /** Every hundred thousand instructions or so. */
  tick(): void;
  /** Before something that may take long without a tick. */
  heavy(): void;
}

/** Ends a script with an answer: killed, out of time. */
export class ScriptAborted extends Error {
  override readonly name = "ScriptAborted";
  readonly reply: ErrorReply;

  constructor(text: Bytes) {
    super(text);
    this.reply = new ErrorReply(text);
  }
}

export interface Call {
  readonly keys: readonly Bytes[];
  readonly argv: readonly Bytes[];
  readonly host: ScriptHost;
}

export interface LoadedLibrary {
  readonly functions: ReadonlyMap<Bytes, Registration>;
}

/** Compiled scripts kept by one machine. */
const COMPILED_MAX = 1000;
const SCRIPT_CHUNK = "@user_script";
const LIBRARY_CHUNK = "@user_function";
const NOT_ENOUGH_MEMORY = "ERR not enough memory";

interface World {
  readonly machine: LuaMachine;
  /** References: the handler that gives errors a place, the table of globals, and the two for libraries. */
  readonly place: number;
  readonly globals: number;
  readonly enter: number;
  readonly leave: number;
  readonly compiled: Map<string, number>;
  /** By their code. */
  readonly libraries: Map<Bytes, LoadedLibrary>;
}

export class Interpreter {
  readonly #memoryBytesMax: number;
  readonly #watch: Watch;
  readonly #state: RunState = { host: null, protocol: 2 };
  readonly #random = new ScriptRandom();
  readonly #json = new JsonLibrary();
  #registering: Map<Bytes, Registration> | null = null;
  #world: World | null = null;

  constructor(options: { readonly memoryBytesMax: number; readonly watch: Watch }) {
    this.#memoryBytesMax = options.memoryBytesMax;
    this.#watch = options.watch;
  }

  /** Bytes that Lua's values take; 0 before the first script. */
  get usedBytes(): number {
    return this.#world?.machine.usedBytes ?? 0;
  }

  /** Forgets everything: SCRIPT FLUSH, FUNCTION FLUSH. */
  clear(): void {
    this.#world = null;
  }

  /** Null, or why the script does not compile. */
  compileError(sha: string, source: Bytes): Bytes | null {
    return this.#guarded((world) => {
      let problem: Bytes | null = null;
      world.machine.protect(
        () => {
          problem = this.#pushScript(world, sha, source);
          return 0;
        },
        () => {
          problem = topText(world.machine);
        },
      );
      return problem;
    });
  }

  /** Runs a script. Throws what the watch or the host throws. */
  runScript(script: { readonly sha: string; readonly source: Bytes }, call: Call): Reply {
    return this.#run(script.sha, call, (world) => {
      const problem = this.#pushScript(world, script.sha, script.source);
      if (problem !== null) {
        return new ErrorReply(`ERR Error compiling script (new function): ${problem}`);
      }
      const { machine } = world;
      machine.pushReference(world.globals);
      pushTexts(machine, call.keys);
      machine.setField(-2, "KEYS");
      pushTexts(machine, call.argv);
      machine.setField(-2, "ARGV");
      machine.pop(1);
      return 0;
    });
  }

  /** Runs a function of a library. Throws what the watch or the host throws. */
  runFunction(target: { readonly code: Bytes; readonly name: Bytes }, call: Call): Reply {
    const library = this.loadLibrary(target.code);
    const found = library.functions.get(target.name);
    assert(found !== undefined, "the library was asked for its functions");
    return this.#run(target.name, call, ({ machine }) => {
      machine.pushReference(found.callback);
      pushTexts(machine, call.keys);
      pushTexts(machine, call.argv);
      return 2;
    });
  }

  /** `push` leaves the function and its arguments, and says how many; or answers at once. */
  #run(name: Bytes, call: Call, push: (world: World) => number | ErrorReply): Reply {
    this.#state.host = call.host;
    this.#state.protocol = 2;
    this.#watch.begin("script");
    this.#json.reset();
    try {
      return this.#guarded((world) => {
        let reply: Reply = new ErrorReply(NOT_ENOUGH_MEMORY);
        const { machine } = world;
        machine.protect(
          () => {
            machine.pushReference(world.place);
            const pushed = push(world);
            if (pushed instanceof ErrorReply) reply = pushed;
            else if (machine.call(pushed, { results: 1, handlerAt: 1 })) {
              reply = replyOf(machine, this.#state.protocol);
            } else reply = problemOf(machine, name);
            return 0;
          },
          () => {
            reply = new ErrorReply(`ERR ${topText(machine)}`);
          },
        );
        return reply;
      });
    } finally {
      this.#state.host = null;
    }
  }

  /** Pushes the compiled script; null, or why it does not compile. */
  #pushScript({ machine, compiled }: World, sha: string, source: Bytes): Bytes | null {
    const known = compiled.get(sha);
    if (known !== undefined) {
      machine.pushReference(known);
      return null;
    }
    if (!machine.load(withoutShebang(source), SCRIPT_CHUNK)) return machine.string(-1);
    machine.pushValue(-1);
    compiled.set(sha, machine.reference());
    if (compiled.size > COMPILED_MAX) {
      const [oldest] = compiled;
      if (oldest !== undefined) {
        compiled.delete(oldest[0]);
        machine.release(oldest[1]);
      }
    }
    return null;
  }

  // Libraries

  /** The functions that a library registers, run once a machine. Throws CommandError. */
  loadLibrary(code: Bytes): LoadedLibrary {
    const known = this.#world?.libraries.get(code);
    if (known !== undefined) return known;
    return this.#guarded((world) => {
      const functions = new Map<Bytes, Registration>();
      let problem: Bytes | null = null;
      this.#registering = functions;
      this.#watch.begin("library");
      try {
        world.machine.protect(
          () => {
            problem = runLibrary(world, code);
            return 0;
          },
          () => {
            problem = `Error registering functions: ${topText(world.machine)}`;
          },
        );
      } catch (error) {
        if (!(error instanceof ScriptAborted)) throw error;
        problem = `Error registering functions: ${error.message}`;
      } finally {
        this.#registering = null;
        leaveLibrary(world);
      }
      if (problem !== null) throw new CommandError(`ERR ${problem}`);
      if (functions.size === 0) throw new CommandError("ERR No functions registered");
      const library = { functions };
      world.libraries.set(code, library);
      return library;
    });
  }

  /** Lets go of libraries that are not among these any longer. */
  keepLibraries(codes: ReadonlySet<Bytes>): void {
    const world = this.#world;
    if (world === null) return;
    for (const [code, { functions }] of world.libraries) {
      if (codes.has(code)) continue;
      world.libraries.delete(code);
      for (const { callback } of functions.values()) world.machine.release(callback);
    }
  }

  readonly #register: Native = (lua) => {
    // A function may have kept it from when its library was loaded.
    if (this.#registering === null) {
      raise("redis.register_function can only be called on FUNCTION LOAD command");
    }
    const registration = readRegistration(lua);
    if (this.#registering.has(registration.name)) {
      raise("Function already exists in the library");
    }
    this.#registering.set(registration.name, registration);
    return 0;
  };

  // The machine

  /** Runs `action` on a sound machine; one that fails in itself is thrown away. */
  #guarded<T>(action: (world: World) => T): T {
    const world = (this.#world ??= this.#newWorld());
    try {
      return action(world);
    } catch (error) {
      if (isTrap(error)) {
        this.#world = null;
        throw new ScriptAborted("ERR the script made the interpreter fail: out of stack or memory");
      }
      throw error;
    } finally {
      if (world.machine.isBloated) this.#world = null;
    }
  }

  #newWorld(): World {
    const machine = new LuaMachine(this.#memoryBytesMax);
    machine.onHook = () => this.#watch.tick();
    machine.openLibraries();
    if (!machine.load(PRELUDE, "=prelude")) throw new AssertionFailed(topText(machine));
    machine.pushValue(-1);
    const prelude = machine.reference();
    const references: number[] = [];
    machine.protect(
      () => {
        machine.pushReference(prelude);
        this.#pushNatives(machine);
        machine.callAll(1);
        while (machine.top > 0) references.unshift(machine.reference());
        return 0;
      },
      () => {
        throw new AssertionFailed(topText(machine));
      },
    );
    machine.settop(0);
    const [shown, place, globals, enter, leave] = references;
    assert(shown !== undefined && place !== undefined && globals !== undefined);
    assert(enter !== undefined && leave !== undefined);
    machine.pushReference(shown);
    machine.replaceGlobals();
    machine.renewThread();
    return {
      machine,
      place,
      globals,
      enter,
      leave,
      compiled: new Map(),
      libraries: new Map(),
    };
  }

  /** The table that the prelude is called with. */
  #pushNatives(machine: LuaMachine): void {
    machine.newTable(0, 8);
    pushMembers(machine, {
      random: this.#random.random,
      randomseed: this.#random.randomseed,
      heavy: () => {
        this.#watch.heavy();
        return 0;
      },
      repeats: countRepeats,
    });
    machine.newTable(0, 8);
    for (const [name, members] of Object.entries({
      redis: redisLibrary(this.#state),
      cjson: { ...this.#json.functions, _NAME: "cjson", _VERSION: "2.1.0" },
      cmsgpack: { ...msgpackLibrary, _NAME: "cmsgpack", _VERSION: "lua-cmsgpack 0.4.0" },
      struct: structLibrary,
      bit: bitLibrary,
    })) {
      machine.newTable(0, 16);
      pushMembers(machine, members);
      if (name === "cjson") {
        machine.pushNullPointer();
        machine.setField(-2, "null");
      }
      machine.setField(-2, name);
    }
    machine.setField(-2, "libraries");
    machine.newTable(0, 16);
    pushMembers(machine, { ...loadingLibrary(this.#state), register_function: this.#register });
    machine.setField(-2, "loading");
  }
}

/** WebAssembly's traps, and a stack of JavaScript that is at its end. */
function isTrap(error: unknown): boolean {
  return isTooDeep(error) || (error instanceof Error && error.name === "RuntimeError");
}

/** Null, or the words of the problem. */
function runLibrary({ machine, enter, place }: World, code: Bytes): Bytes | null {
  machine.pushReference(place);
  if (!machine.load(withoutShebang(code), LIBRARY_CHUNK)) {
    return `Error compiling function: ${machine.string(-1)}`;
  }
  machine.pushReference(enter);
  machine.pushValue(-2);
  machine.callAll(1);
  if (machine.call(0, { results: 0, handlerAt: 1 })) return null;
  return `Error registering functions: ${errorText(machine)}`;
}

function leaveLibrary({ machine, leave }: World): void {
  machine.protect(
    () => {
      machine.pushReference(leave);
      machine.callAll(0);
      return 0;
    },
    () => {
      throw new AssertionFailed("a switch that cannot fail");
    },
  );
}

function pushMembers(
  machine: LuaMachine,
  members: Readonly<Record<string, Native | number | string>>,
): void {
  for (const [name, member] of Object.entries(members)) {
    if (typeof member === "function") machine.pushNative(member);
    else if (typeof member === "number") machine.pushNumber(member);
    else machine.pushString(member);
    machine.setField(-2, name);
  }
}

function pushTexts(machine: LuaMachine, texts: readonly Bytes[]): void {
  machine.newTable(texts.length, 0);
  for (let index = 0; index < texts.length; index++) {
    machine.pushString(texts[index] ?? "");
    machine.rawSetAt(-2, index + 1);
  }
}

function topText(machine: LuaMachine): Bytes {
  const type = machine.type(-1);
  return type === STRING || type === NUMBER ? machine.string(-1) : errorText(machine);
}

/** The text in the error table on top. */
function errorText(machine: LuaMachine): Bytes {
  if (machine.type(-1) !== TABLE) return topText(machine);
  machine.field(-1, "err");
  const text = machine.type(-1) === STRING ? machine.string(-1) : "ERR unknown error";
  machine.pop(1);
  return text;
}

/** What the client hears of the error on top: its text, and where in which script it happened. */
function problemOf(machine: LuaMachine, name: Bytes): ErrorReply {
  if (machine.type(-1) !== TABLE) return new ErrorReply(`ERR ${topText(machine)}`);
  const text = errorText(machine);
  const isCounted = isCountedError(machine);
  machine.field(-1, "source");
  machine.field(-2, "line");
  const isPlaced = machine.type(-2) === STRING && machine.type(-1) === NUMBER;
  const place = isPlaced ? ` script: ${name}, on ${machine.string(-2)}:${machine.number(-1)}.` : "";
  machine.pop(2);
  return new ErrorReply(errorLine(`${text}${place}`), isCounted);
}

/** How many parts of a pattern may match more or less: each can multiply the time that a match takes. */
function countRepeats(machine: LuaMachine): number {
  const pattern = machine.string(1);
  let count = 0;
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index];
    if (character === "%") {
      index++;
      if (pattern[index] === "b") count++;
    } else if (index > 0 && "*+-?".includes(character ?? "")) count++;
  }
  machine.pushNumber(count);
  return 1;
}
