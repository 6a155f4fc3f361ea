// The Lua 5.1 interpreter as the package wasmoon-lua5.1 ships it, PUC's C code compiled to WebAssembly, brought to life
// without the package's own JavaScript: its layer costs microseconds a call, the bare C API 0.3.
//
// The build wants a little of Emscripten's runtime. What Lua cannot do without is here (setjmp and
// longjmp, memory that grows, memcpy); everything about files, processes and time zones is refused:
// the sandbox opens none of the libraries that would ask.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { assert } from "../base/assert.ts";

// TypeScript has the types of WebAssembly only together with those of the browser.
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
interface Table {
  get(index: number): (...args: number[]) => number | void;
  grow(count: number): number;
  set(index: number, value: unknown): void;
}
type Imports = Record<string, Record<string, unknown>>;
interface CompiledModule {
  readonly brand?: "module";
}
declare const WebAssembly: {
  readonly Module: {
    new (bytes: Uint8Array): CompiledModule;
    imports(module: CompiledModule): { readonly module: string; readonly name: string }[];
  };
  readonly Instance: new (
    module: CompiledModule,
    imports: Imports,
  ) => { readonly exports: Record<string, unknown> };
};

/** A place in the machine's memory; 0 is C's NULL. */
export type Pointer = number;

/** The C API of Lua 5.1 as far as it is used (the reference manual, section 3). */
export interface LuaExports {
  readonly memory: Memory;
  readonly __indirect_function_table: Table;
  __wasm_call_ctors(): void;
  malloc(size: number): Pointer;
  free(pointer: Pointer): void;
  setThrew(threw: number, value: number): void;
  stackSave(): number;
  stackRestore(stack: number): void;
  luaL_newstate(): Pointer;
  luaL_loadbuffer(L: Pointer, text: Pointer, size: number, name: Pointer): number;
  luaL_argerror(L: Pointer, argument: number, text: Pointer): number;
  luaL_where(L: Pointer, level: number): void;
  luaL_ref(L: Pointer, table: number): number;
  luaL_unref(L: Pointer, table: number, reference: number): void;
  luaopen_base(L: Pointer): number;
  luaopen_table(L: Pointer): number;
  luaopen_string(L: Pointer): number;
  luaopen_math(L: Pointer): number;
  luaopen_debug(L: Pointer): number;
  lua_newthread(L: Pointer): Pointer;
  lua_checkstack(L: Pointer, extra: number): number;
  lua_gettop(L: Pointer): number;
  lua_settop(L: Pointer, index: number): void;
  lua_replace(L: Pointer, index: number): void;
  lua_pushvalue(L: Pointer, index: number): void;
  lua_remove(L: Pointer, index: number): void;
  lua_insert(L: Pointer, index: number): void;
  lua_xmove(from: Pointer, to: Pointer, count: number): void;
  lua_type(L: Pointer, index: number): number;
  lua_tonumber(L: Pointer, index: number): number;
  lua_toboolean(L: Pointer, index: number): number;
  lua_tolstring(L: Pointer, index: number, size: Pointer): Pointer;
  lua_touserdata(L: Pointer, index: number): Pointer;
  lua_topointer(L: Pointer, index: number): Pointer;
  lua_pushnil(L: Pointer): void;
  lua_pushnumber(L: Pointer, value: number): void;
  lua_pushboolean(L: Pointer, value: number): void;
  lua_pushlstring(L: Pointer, text: Pointer, size: number): void;
  lua_pushlightuserdata(L: Pointer, pointer: Pointer): void;
  lua_pushcclosure(L: Pointer, fn: number, upvalues: number): void;
  lua_createtable(L: Pointer, arraySize: number, recordSize: number): void;
  lua_rawget(L: Pointer, index: number): void;
  lua_rawgeti(L: Pointer, index: number, key: number): void;
  lua_rawset(L: Pointer, index: number): void;
  lua_rawseti(L: Pointer, index: number, key: number): void;
  lua_objlen(L: Pointer, index: number): number;
  lua_next(L: Pointer, index: number): number;
  lua_setmetatable(L: Pointer, index: number): number;
  lua_pcall(L: Pointer, argumentCount: number, resultCount: number, handler: number): number;
  lua_concat(L: Pointer, count: number): void;
  lua_error(L: Pointer): number;
  lua_gc(L: Pointer, what: number, data: number): number;
  lua_sethook(L: Pointer, hook: number, mask: number, count: number): number;
}

/** What Lua's longjmp is, on its way through JavaScript: nobody but `invoke_vii` may catch it. */
export const LONG_JUMP = Symbol("longjmp");

const PAGE_BYTES = 65_536;
/** Memory grows by at least so much, since growing moves it. */
const GROWTH_MIN = 0.25;
const NO_SUCH_SYSTEM_CALL = 52;

let compiled: CompiledModule | null = null;

/** Compiles the interpreter once a process: about 5 ms. */
function luaModule(): CompiledModule {
  if (compiled === null) {
    const path = createRequire(import.meta.url).resolve("wasmoon-lua5.1/dist/liblua5.1.wasm");
    compiled = new WebAssembly.Module(readFileSync(path));
  }
  return compiled;
}

/** A new interpreter whose memory ends at `bytesMax`: Lua then says "not enough memory". */
export function instantiateLua(bytesMax: number): LuaExports {
  const module = luaModule();
  const imports: Imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    const entry = (imports[from] ??= {});
    entry[name] = () => {
      throw new Error(`Lua asked for ${name}, which the sandbox must not let it`);
    };
  }
  let lua: LuaExports | null = null;
  const machine = (): LuaExports => {
    assert(lua !== null, "the interpreter runs once it is there");
    return lua;
  };
  Object.assign(imports["env"] ?? {}, runtime(machine, bytesMax));
  Object.assign(imports["wasi_snapshot_preview1"] ?? {}, streams(machine));
  const { exports } = new WebAssembly.Instance(module, imports);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the pinned build exports
  lua = exports as unknown as LuaExports;
  // oxlint-disable-next-line no-underscore-dangle -- the linker's name
  lua.__wasm_call_ctors();
  return lua;
}

type Runtime = Record<string, (...args: number[]) => number | void>;

function runtime(machine: () => LuaExports, bytesMax: number): Runtime {
  return {
    // setjmp: calls a function of the table; a longjmp inside it ends here.
    invoke_vii(index = 0, first = 0, second = 0) {
      const lua = machine();
      const stack = lua.stackSave();
      try {
        // oxlint-disable-next-line no-underscore-dangle -- the linker's name
        lua.__indirect_function_table.get(index)(first, second);
      } catch (error) {
        lua.stackRestore(stack);
        if (error !== LONG_JUMP) throw error;
        lua.setThrew(1, 0);
      }
    },
    _emscripten_throw_longjmp() {
      // oxlint-disable-next-line typescript/only-throw-error -- no error: it has no stack to pay for
      throw LONG_JUMP;
    },
    emscripten_memcpy_js(target = 0, source = 0, size = 0) {
      new Uint8Array(machine().memory.buffer).copyWithin(target, source, source + size);
    },
    emscripten_resize_heap(size = 0) {
      const { memory } = machine();
      const before = memory.buffer.byteLength;
      // Sizes are unsigned in C.
      const wanted = Math.max(size >>> 0, Math.floor(before * (1 + GROWTH_MIN)));
      const bytes = Math.max(size >>> 0, Math.min(wanted, bytesMax));
      if (bytes > bytesMax) return 0;
      try {
        memory.grow(Math.ceil((bytes - before) / PAGE_BYTES));
        return 1;
      } catch (error) {
        if (error instanceof RangeError) return 0;
        throw error;
      }
    },
    // Seeds math.random, which the sandbox replaces.
    emscripten_date_now: () => 0,
  };
}

/** The constructor of C's standard library looks at its environment and its streams. */
function streams(machine: () => LuaExports): Runtime {
  return {
    environ_sizes_get(count = 0, size = 0) {
      const view = new DataView(machine().memory.buffer);
      view.setUint32(count, 0, true);
      view.setUint32(size, 0, true);
      return 0;
    },
    environ_get: () => 0,
    fd_close: () => 0,
    fd_write: () => NO_SUCH_SYSTEM_CALL,
    fd_read: () => NO_SUCH_SYSTEM_CALL,
    fd_seek: () => NO_SUCH_SYSTEM_CALL,
  };
}

const INT = 0x7f;

/**
 * A JavaScript function as one that C can call by its place in the table: WebAssembly takes only its
 * own functions there, so each is wrapped in a module of one import and one export.
 */
export function addFunction(
  lua: LuaExports,
  fn: (...args: number[]) => number | void,
  signature: { readonly parameters: number; readonly hasResult: boolean },
): number {
  const { parameters, hasResult } = signature;
  const results = hasResult ? [1, INT] : [0];
  const type = [1, 0x60, parameters, ...Array.from({ length: parameters }, () => INT), ...results];
  const bytes = [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    [1, type.length, ...type],
    // Imports e.f, of type 0, and exports it as f.
    [2, 7, 1, 1, 0x65, 1, 0x66, 0, 0],
    [7, 5, 1, 1, 0x66, 0, 0],
  ];
  const module = new WebAssembly.Module(new Uint8Array(bytes.flat()));
  const { exports } = new WebAssembly.Instance(module, { e: { f: fn } });
  // oxlint-disable-next-line no-underscore-dangle -- the linker's name
  const table = lua.__indirect_function_table;
  const index = table.grow(1);
  table.set(index, exports["f"]);
  return index;
}
