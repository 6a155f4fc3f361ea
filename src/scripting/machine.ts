// One Lua interpreter and the ways in and out of it: values of the stack, functions of ours that
// scripts can call, and running something so that it comes back whatever happens.
//
// Two kinds of failure. A LuaError thrown by a function of ours becomes an error that the script can
// catch with pcall. Anything else that is thrown (a cold read, the end of a script's time, our own
// bugs) passes through the interpreter to whoever started the script, and no pcall can hold it. The
// coroutine that was running is then in an unknown state and is left to the collector: everything
// that runs does so on a coroutine of its own (`#thread`), and the main state stays sound.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { addFunction, instantiateLua, LONG_JUMP, type LuaExports, type Pointer } from "./wasm.ts";

// Types of values (lua.h).
export const NIL = 0;
export const BOOLEAN = 1;
export const LIGHT_USERDATA = 2;
export const NUMBER = 3;
export const STRING = 4;
export const TABLE = 5;

const TYPE_NAMES = "nil,boolean,userdata,number,string,table,function,userdata,thread".split(",");

const REGISTRY = -10_000;
const GLOBALS = -10_002;
const HOOK_COUNT_MASK = 8;
const GC_COLLECT = 2;
const GC_COUNT = 3;
const MULTIPLE_RESULTS = -1;

const SCRATCH_BYTES = 64 * 1024;
/** An interpreter whose memory has grown beyond this is not kept: it cannot shrink. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;
/** Free slots that a function of ours may take for granted. */
const STACK_SPARE = 24;
/** Instructions between two looks at the clock: about half a millisecond. */
const HOOK_INSTRUCTIONS = 100_000;

/** An error in the script's world: text, or a table that `push` leaves on the stack. */
export class LuaError extends Error {
  override readonly name = "LuaError";
  readonly push: ((machine: LuaMachine) => void) | null;

  constructor(message: Bytes, push: ((machine: LuaMachine) => void) | null = null) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.push = push;
  }
}

/** What is wrong with an argument: Lua says which, and of which function, as the script calls it. */
export class ArgumentError extends LuaError {
  readonly argument: number;

  constructor(argument: number, message: Bytes) {
    super(message);
    this.argument = argument;
  }
}

/** A function that scripts can call: arguments stand at 1 to `top`; returns how many results it pushed. */
export type Native = (machine: LuaMachine) => number;

/** JavaScript's stack is at its end: what recursed so deep gets an error of its own. */
export function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && error.message.startsWith("Maximum call stack");
}

export class LuaMachine {
  readonly #lua: LuaExports;
  readonly #main: Pointer;
  /** The coroutine that scripts run on; 0 when a new one has to be made. */
  #thread: Pointer = 0;
  #threadReference = 0;
  /** The state whose stack the methods below speak of: the one that called us. */
  #state: Pointer;
  #bytes: Buffer;
  readonly #scratch: Pointer;
  readonly #sizeAt: Pointer;
  readonly #hook: number;
  readonly #entry: number;
  #entryAction: (() => number) | null = null;
  /** Called every so many instructions while something runs; throws to end it. */
  onHook: () => void = () => {};

  /** `bytesMax`: what all of a script's values may take, with those of the libraries. */
  constructor(bytesMax: number) {
    const lua = instantiateLua(bytesMax);
    this.#lua = lua;
    this.#bytes = Buffer.from(lua.memory.buffer);
    this.#main = lua.luaL_newstate();
    this.#state = this.#main;
    assert(this.#main !== 0, "the first bytes are there");
    this.#scratch = lua.malloc(SCRATCH_BYTES);
    this.#sizeAt = lua.malloc(4);
    this.#hook = addFunction(lua, () => this.onHook(), { parameters: 2, hasResult: false });
    this.#entry = this.#native(() => this.#entryAction?.() ?? 0);
  }

  /** Whether so much memory was taken that it is better to begin anew. */
  get isBloated(): boolean {
    return this.#lua.memory.buffer.byteLength > KEPT_BYTES_MAX;
  }

  /** Bytes that Lua's values take. */
  get usedBytes(): number {
    return this.#lua.lua_gc(this.#main, GC_COUNT, 0) * 1024;
  }

  collectGarbage(): void {
    this.#lua.lua_gc(this.#main, GC_COLLECT, 0);
  }

  // Running

  /**
   * Runs `action` where Lua's errors are caught: null, or the error's value left on the stack and told to
   * `onError`. What `action` throws beside LuaError comes out as it is.
   */
  protect(action: () => number, onError: () => void): void {
    const lua = this.#lua;
    const { before, thread } = this.#enter();
    const stack = lua.stackSave();
    try {
      lua.lua_settop(thread, 0);
      this.#entryAction = action;
      lua.lua_pushcclosure(thread, this.#entry, 0);
      if (lua.lua_pcall(thread, 0, 0, 0) !== 0) onError();
      lua.lua_settop(thread, 0);
    } catch (error) {
      lua.stackRestore(stack);
      this.#abandonThread();
      throw error;
    } finally {
      this.#state = before;
    }
  }

  #enter(): { before: Pointer; thread: Pointer } {
    const lua = this.#lua;
    const before = this.#state;
    assert(before === this.#main, "scripts do not start scripts");
    if (this.#thread === 0) {
      this.#thread = lua.lua_newthread(this.#main);
      this.#threadReference = lua.luaL_ref(this.#main, REGISTRY);
      lua.lua_sethook(this.#thread, this.#hook, HOOK_COUNT_MASK, HOOK_INSTRUCTIONS);
    }
    this.#state = this.#thread;
    return { before, thread: this.#thread };
  }

  /** The next run begins on a coroutine that sees the globals of now. */
  renewThread(): void {
    if (this.#thread !== 0) this.#abandonThread();
  }

  #abandonThread(): void {
    this.#lua.luaL_unref(this.#main, REGISTRY, this.#threadReference);
    this.#thread = 0;
  }

  /** Makes a function of ours one that Lua can call. */
  pushNative(native: Native): void {
    this.#lua.lua_pushcclosure(this.#state, this.#native(native), 0);
  }

  #native(native: Native): number {
    const call = (state = 0): number => {
      const before = this.#state;
      this.#state = state;
      try {
        // With thousands of arguments there is no more to be had than what Lua promises anyway; who needs
        // more reserves it.
        this.#lua.lua_checkstack(state, STACK_SPARE);
        return native(this);
      } catch (error) {
        if (isTooDeep(error)) this.pushString("stack overflow");
        else if (error instanceof LuaError) this.#pushError(error);
        else throw error;
      } finally {
        this.#state = before;
      }
      return this.#lua.lua_error(state);
    };
    return addFunction(this.#lua, call, { parameters: 1, hasResult: true });
  }

  #pushError(error: LuaError): void {
    if (error.push !== null) {
      error.push(this);
      return;
    }
    if (error instanceof ArgumentError) {
      this.#write(`${error.message}\0`, this.#scratch);
      this.#lua.luaL_argerror(this.#state, error.argument, this.#scratch);
    }
    // Where the caller stands in the script, as Lua's own errors say.
    this.#lua.luaL_where(this.#state, 1);
    this.pushString(error.message);
    this.#lua.lua_concat(this.#state, 2);
  }

  /** Room for `extra` more values. Throws LuaError. */
  reserve(extra: number): void {
    if (this.#lua.lua_checkstack(this.#state, extra) === 0) {
      throw new LuaError("stack overflow");
    }
  }

  /** Compiles `text`: pushes a function, or the error's text and answers false. */
  load(text: Bytes, chunkName: Bytes): boolean {
    const lua = this.#lua;
    const textAt = lua.malloc(text.length + 1);
    const nameAt = lua.malloc(chunkName.length + 1);
    if (textAt === 0 || nameAt === 0) throw new LuaError("not enough memory");
    try {
      this.#write(text, textAt);
      this.#write(`${chunkName}\0`, nameAt);
      return lua.luaL_loadbuffer(this.#state, textAt, text.length, nameAt) === 0;
    } finally {
      lua.free(textAt);
      lua.free(nameAt);
    }
  }

  /** Calls the function below its arguments; true when it returned, false with the error on top. */
  call(argumentCount: number, options: { results: number; handlerAt: number }): boolean {
    const { results, handlerAt } = options;
    return this.#lua.lua_pcall(this.#state, argumentCount, results, handlerAt) === 0;
  }

  /** As `call` with all results, errors passing on to who called us. */
  callAll(argumentCount: number): void {
    if (!this.call(argumentCount, { results: MULTIPLE_RESULTS, handlerAt: 0 })) this.raise();
  }

  /** Raises the value on top as an error; only inside a function of ours, and last. */
  raise(): never {
    this.#lua.lua_error(this.#state);
    // oxlint-disable-next-line typescript/only-throw-error -- never reached: lua_error does not return
    throw LONG_JUMP;
  }

  openLibraries(): void {
    const lua = this.#lua;
    const state = this.#state;
    lua.luaopen_base(state);
    lua.luaopen_table(state);
    lua.luaopen_string(state);
    lua.luaopen_math(state);
    lua.luaopen_debug(state);
    this.settop(0);
  }

  // The stack. Indexes as in Lua: from 1 at the bottom, from -1 at the top.

  get top(): number {
    return this.#lua.lua_gettop(this.#state);
  }

  settop(index: number): void {
    this.#lua.lua_settop(this.#state, index);
  }

  pop(count: number): void {
    this.#lua.lua_settop(this.#state, -count - 1);
  }

  type(index: number): number {
    return this.#lua.lua_type(this.#state, index);
  }

  pushValue(index: number): void {
    this.#lua.lua_pushvalue(this.#state, index);
  }

  remove(index: number): void {
    this.#lua.lua_remove(this.#state, index);
  }

  insert(index: number): void {
    this.#lua.lua_insert(this.#state, index);
  }

  pushNil(): void {
    this.#lua.lua_pushnil(this.#state);
  }

  pushNumber(value: number): void {
    this.#lua.lua_pushnumber(this.#state, value);
  }

  pushBoolean(value: boolean): void {
    this.#lua.lua_pushboolean(this.#state, value ? 1 : 0);
  }

  /** cjson.null: a value of its own that is neither nil nor false. */
  pushNullPointer(): void {
    this.#lua.lua_pushlightuserdata(this.#state, 0);
  }

  isNullPointer(index: number): boolean {
    return (
      this.type(index) === LIGHT_USERDATA && this.#lua.lua_touserdata(this.#state, index) === 0
    );
  }

  pushString(text: Bytes): void {
    const { length } = text;
    if (length <= SCRATCH_BYTES) {
      this.#write(text, this.#scratch);
      this.#lua.lua_pushlstring(this.#state, this.#scratch, length);
      return;
    }
    const at = this.#lua.malloc(length);
    if (at === 0) throw new LuaError("not enough memory");
    try {
      this.#write(text, at);
      this.#lua.lua_pushlstring(this.#state, at, length);
    } finally {
      this.#lua.free(at);
    }
  }

  /** The bytes of a string, or a number spelled as Lua spells it (the value becomes a string). */
  string(index: number): Bytes {
    const at = this.#lua.lua_tolstring(this.#state, index, this.#sizeAt);
    const bytes = this.#memory();
    return bytes.latin1Slice(at, at + bytes.readUInt32LE(this.#sizeAt));
  }

  /** Whether it is a number, or a string that spells one. */
  isNumber(index: number): boolean {
    if (this.type(index) === NUMBER) return true;
    if (this.type(index) !== STRING) return false;
    const text = this.string(index).trim();
    return text !== "" && !Number.isNaN(Number(text));
  }

  /** The name of the type of an argument, as Lua's errors have it. */
  typeName(index: number): string {
    return TYPE_NAMES[this.type(index)] ?? "no value";
  }

  number(index: number): number {
    return this.#lua.lua_tonumber(this.#state, index);
  }

  boolean(index: number): boolean {
    return this.#lua.lua_toboolean(this.#state, index) !== 0;
  }

  /** What tells one table from another. */
  identity(index: number): number {
    return this.#lua.lua_topointer(this.#state, index);
  }

  newTable(arraySize: number, recordSize: number): void {
    this.#lua.lua_createtable(this.#state, arraySize, recordSize);
  }

  /** Replaces the key on top by the value it has in the table at `index`, without metamethods. */
  rawGet(index: number): void {
    this.#lua.lua_rawget(this.#state, index);
  }

  /** table[top - 1] = top, without metamethods; pops both. */
  rawSet(index: number): void {
    this.#lua.lua_rawset(this.#state, index);
  }

  rawGetAt(index: number, key: number): void {
    this.#lua.lua_rawgeti(this.#state, index, key);
  }

  rawSetAt(index: number, key: number): void {
    this.#lua.lua_rawseti(this.#state, index, key);
  }

  /** Pushes table[name]; `index` is relative to the stack before. */
  field(index: number, name: Bytes): void {
    this.pushString(name);
    this.rawGet(index < 0 && index > REGISTRY ? index - 1 : index);
  }

  /** table[name] = the value on top, which is popped. */
  setField(index: number, name: Bytes): void {
    this.pushString(name);
    this.insert(-2);
    this.rawSet(index < 0 && index > REGISTRY ? index - 1 : index);
  }

  setGlobal(name: Bytes): void {
    this.setField(GLOBALS, name);
  }

  /** Makes the table on top, which is popped, the one that globals of new code are looked up in. */
  replaceGlobals(): void {
    this.#lua.lua_replace(this.#state, GLOBALS);
  }

  global(name: Bytes): void {
    this.field(GLOBALS, name);
  }

  length(index: number): number {
    return this.#lua.lua_objlen(this.#state, index);
  }

  /** Pops a key, pushes the next key and value of the table; false, and nothing pushed, at the end. */
  next(index: number): boolean {
    return this.#lua.lua_next(this.#state, index) !== 0;
  }

  /** Keeps the value on top, which is popped, under a number. */
  reference(): number {
    return this.#lua.luaL_ref(this.#state, REGISTRY);
  }

  pushReference(reference: number): void {
    this.#lua.lua_rawgeti(this.#state, REGISTRY, reference);
  }

  release(reference: number): void {
    this.#lua.luaL_unref(this.#state, REGISTRY, reference);
  }

  /** Memory moves when it grows: the old view is then of length 0. */
  #memory(): Buffer {
    if (this.#bytes.length === 0) this.#bytes = Buffer.from(this.#lua.memory.buffer);
    return this.#bytes;
  }

  #write(text: Bytes, at: Pointer): void {
    this.#memory().latin1Write(text, at, text.length);
  }
}
