// The library `cjson`, with the behaviour and the errors of Mark Pulford's lua-cjson 2.1 as Redis ships it.
// The settings of a script (cjson.encode_max_depth and the like) last for that script; `reset` puts them back.

import type { Bytes } from "../base/bytes.ts";
import {
  BOOLEAN,
  LIGHT_USERDATA,
  ArgumentError,
  LuaError,
  NIL,
  NUMBER,
  STRING,
  TABLE,
  type LuaMachine,
  type Native,
} from "./machine.ts";
import { JsonReader } from "./json-reader.ts";
import { formatG } from "./number-format.ts";

interface Settings {
  sparseConvert: boolean;
  sparseRatio: number;
  sparseSafe: number;
  encodeDepthMax: number;
  decodeDepthMax: number;
  precision: number;
  keepBuffer: boolean;
  encodeInvalidNumbers: "on" | "off" | "null";
  decodeInvalidNumbers: boolean;
}

function defaults(): Settings {
  return {
    sparseConvert: false,
    sparseRatio: 2,
    sparseSafe: 10,
    encodeDepthMax: 1000,
    decodeDepthMax: 1000,
    precision: 14,
    keepBuffer: true,
    encodeInvalidNumbers: "off",
    decodeInvalidNumbers: true,
  };
}

const TYPE_NAMES = [
  "nil",
  "boolean",
  "userdata",
  "number",
  "string",
  "table",
  "function",
  "userdata",
  "thread",
];
const SLOTS = 8;
const PRECISION_MAX = 14;
const INT32_MAX = 2 ** 31 - 1;

const INT_MAX = 2 ** 31 - 1;
const INT_MIN = -(2 ** 31);

export class JsonLibrary {
  #settings = defaults();

  /** For the next script. */
  reset(): void {
    this.#settings = defaults();
  }

  readonly functions: Readonly<Record<string, Native>> = {
    encode: (lua) => {
      if (lua.top !== 1) throw new ArgumentError(1, "expected 1 argument");
      lua.pushString(this.#encode(lua, 0));
      return 1;
    },
    decode: (lua) => {
      if (lua.top !== 1) throw new ArgumentError(1, "expected 1 argument");
      const type = lua.type(1);
      if (type !== STRING && type !== NUMBER) {
        throw new ArgumentError(1, `string expected, got ${lua.typeName(1)}`);
      }
      const { decodeDepthMax, decodeInvalidNumbers } = this.#settings;
      new JsonReader(lua, lua.string(1), {
        depthMax: decodeDepthMax,
        invalidNumbers: decodeInvalidNumbers,
      }).readAll();
      return 1;
    },
    encode_sparse_array: (lua) => this.#sparseArray(lua),
    encode_max_depth: (lua) => {
      this.#settings.encodeDepthMax = integerSetting(lua, this.#settings.encodeDepthMax, INT32_MAX);
      return 1;
    },
    decode_max_depth: (lua) => {
      this.#settings.decodeDepthMax = integerSetting(lua, this.#settings.decodeDepthMax, INT32_MAX);
      return 1;
    },
    encode_number_precision: (lua) => {
      this.#settings.precision = integerSetting(lua, this.#settings.precision, PRECISION_MAX);
      return 1;
    },
    encode_keep_buffer: (lua) => {
      if (lua.top >= 1 && lua.type(1) !== NIL) this.#settings.keepBuffer = lua.boolean(1);
      lua.pushBoolean(this.#settings.keepBuffer);
      return 1;
    },
    encode_invalid_numbers: (lua) => this.#encodeInvalid(lua),
    decode_invalid_numbers: (lua) => {
      if (lua.top >= 1 && lua.type(1) !== NIL) this.#settings.decodeInvalidNumbers = lua.boolean(1);
      lua.pushBoolean(this.#settings.decodeInvalidNumbers);
      return 1;
    },
  };

  #sparseArray(lua: LuaMachine): number {
    const settings = this.#settings;
    if (lua.top >= 1 && lua.type(1) !== NIL) settings.sparseConvert = lua.boolean(1);
    if (lua.top >= 2 && lua.type(2) === NUMBER) settings.sparseRatio = lua.number(2);
    if (lua.top >= 3 && lua.type(3) === NUMBER) settings.sparseSafe = lua.number(3);
    lua.pushBoolean(settings.sparseConvert);
    lua.pushNumber(settings.sparseRatio);
    lua.pushNumber(settings.sparseSafe);
    return 3;
  }

  #encodeInvalid(lua: LuaMachine): number {
    const settings = this.#settings;
    const type = lua.top >= 1 ? lua.type(1) : NIL;
    if (type === BOOLEAN) settings.encodeInvalidNumbers = lua.boolean(1) ? "on" : "off";
    else if (type === STRING) settings.encodeInvalidNumbers = invalidWord(lua.string(1));
    if (settings.encodeInvalidNumbers === "null") lua.pushString("null");
    else lua.pushBoolean(settings.encodeInvalidNumbers === "on");
    return 1;
  }

  // Encoding: the value on top stays there.

  #encode(lua: LuaMachine, depth: number): Bytes {
    const type = lua.type(-1);
    switch (type) {
      case STRING:
        return quoted(lua.string(-1));
      case NUMBER:
        return this.#number(lua.number(-1));
      case BOOLEAN:
        return lua.boolean(-1) ? "true" : "false";
      case NIL:
        return "null";
      case LIGHT_USERDATA:
        if (lua.isNullPointer(-1)) return "null";
        break;
      case TABLE:
        return this.#table(lua, depth + 1);
      default:
        break;
    }
    throw new LuaError(`Cannot serialise ${TYPE_NAMES[type] ?? "value"}: type not supported`);
  }

  #number(value: number): Bytes {
    if (Number.isFinite(value)) return formatG(value, this.#settings.precision);
    switch (this.#settings.encodeInvalidNumbers) {
      case "off":
        throw new LuaError("Cannot serialise number: must not be NaN or Inf");
      case "null":
        return "null";
      case "on":
      default:
        return Number.isNaN(value) ? "nan" : formatG(value, this.#settings.precision);
    }
  }

  #table(lua: LuaMachine, depth: number): Bytes {
    if (depth > this.#settings.encodeDepthMax) {
      throw new LuaError(`Cannot serialise, excessive nesting (${depth})`);
    }
    lua.reserve(SLOTS);
    const length = this.#arrayLength(lua);
    return length > 0 ? this.#array(lua, length, depth) : this.#object(lua, depth);
  }

  /** The highest index of a table that is an array, 0 for none or an empty one. */
  #arrayLength(lua: LuaMachine): number {
    let highest = 0;
    let count = 0;
    let isArray = true;
    lua.pushNil();
    while (lua.next(-2)) {
      lua.pop(1);
      const key = lua.type(-1) === NUMBER ? lua.number(-1) : 0;
      if (!Number.isInteger(key) || key < 1) {
        isArray = false;
        lua.pop(1);
        break;
      }
      // It counts in 32 bits: what is beyond them makes an object of the table.
      if (key > highest) highest = key > INT_MAX ? INT_MIN : key;
      count++;
    }
    if (!isArray) return 0;
    const { sparseRatio, sparseSafe, sparseConvert } = this.#settings;
    if (sparseRatio > 0 && highest > count * sparseRatio && highest > sparseSafe) {
      if (!sparseConvert) throw new LuaError("Cannot serialise table: excessively sparse array");
      return 0;
    }
    return highest;
  }

  #array(lua: LuaMachine, length: number, depth: number): Bytes {
    let out = "[";
    for (let index = 1; index <= length; index++) {
      if (index > 1) out += ",";
      lua.rawGetAt(-1, index);
      out += this.#encode(lua, depth);
      lua.pop(1);
    }
    return `${out}]`;
  }

  #object(lua: LuaMachine, depth: number): Bytes {
    let out = "{";
    lua.pushNil();
    while (lua.next(-2)) {
      if (out !== "{") out += ",";
      out += this.#key(lua);
      out += ":";
      out += this.#encode(lua, depth);
      lua.pop(1);
    }
    return `${out}}`;
  }

  #key(lua: LuaMachine): Bytes {
    const type = lua.type(-2);
    if (type === STRING) return quoted(lua.string(-2));
    if (type === NUMBER) return `"${this.#number(lua.number(-2))}"`;
    throw new LuaError("Cannot serialise table: table key must be a number or string");
  }
}

function invalidWord(word: Bytes): Settings["encodeInvalidNumbers"] {
  if (word === "on" || word === "off" || word === "null") return word;
  throw new ArgumentError(1, `invalid option '${word}'`);
}

function integerSetting(lua: LuaMachine, before: number, max: number): number {
  let value = before;
  if (lua.top >= 1 && lua.type(1) !== NIL) {
    if (!lua.isNumber(1)) throw new ArgumentError(1, `number expected, got ${lua.typeName(1)}`);
    value = lua.number(1);
    if (!Number.isInteger(value) || value < 1 || value > max) {
      throw new ArgumentError(1, `expected integer between 1 and ${max}`);
    }
  }
  lua.pushNumber(value);
  return value;
}

// oxlint-disable-next-line no-control-regex -- these are the ones that JSON must escape
const TO_ESCAPE = /["\\/\u0000-\u001f\u007f]/;
// oxlint-disable-next-line no-control-regex -- the same, all of them
const ALL_TO_ESCAPE = /["\\/\u0000-\u001f\u007f]/g;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\f": "\\f",
  "\r": "\\r",
};

function quoted(text: Bytes): Bytes {
  if (!TO_ESCAPE.test(text)) return `"${text}"`;
  return `"${text.replaceAll(ALL_TO_ESCAPE, escaped)}"`;
}

function escaped(character: string): string {
  const short = SHORT_ESCAPES[character];
  return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
