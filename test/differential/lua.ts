// Scripts by chance: runs of commands under redis.call and redis.pcall, values turned into replies and
// back, library calls and errors that escape. What has no order or is chosen by chance is put into one
// form in the script itself, by the helpers of its first line.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { libraryCall, literal, value } from "./lua-values.ts";
import { ruleOf } from "./normal.ts";
import { pick } from "./template.ts";

/**
 * show: any value as text, whatever the order of its fields. sort, pairs2: replies without order. nums: numbers
 * in one form, which Redis 7.0 writes with 17 digits. shape: what remains of a choice by chance.
 */
const HELPERS = `
local function show(v,d) d=d or 0 local t=type(v)
 if t=='number' then if v~=v then return 'nan' end return string.format('%.17g',v) end
 if t=='string' then return string.format('%q',v) end
 if t~='table' then return t=='boolean' and tostring(v) or t end
 if d>8 then return '...' end
 local all={} for k,x in pairs(v) do all[#all+1]=show(k,d+1)..'='..show(x,d+1) end
 table.sort(all) return '{'..table.concat(all,' ')..'}' end
local function less(a,b) return show(a)<show(b) end
local function sort(t) if type(t)=='table' and t.set then local a={} for k in pairs(t.set) do a[#a+1]=k end t=a end
 if type(t)=='table' then table.sort(t,less) end return t end
local function pairs2(t) if type(t)=='table' and t.map then local a={}
 for k,v in pairs(t.map) do a[#a+1]=k a[#a+1]=v end t=a end
 if type(t)~='table' or #t==0 then return t end
 local all={} for i=1,#t,2 do all[#all+1]={t[i],t[i+1]} end return sort(all) end
local function scan(t) if type(t)~='table' or t.err then return t end return {t[1],sort(t[2])} end
local function nums(t) if type(t)=='string' and t:match('^-?%d+%.?%d*e?[+-]?%d*$') and tonumber(t) then
 return string.format('%.17g',tonumber(t)) end
 if type(t)=='table' and t.double then return tostring(t.double) end
 if type(t)=='table' and not t.err then for i=1,#t do t[i]=nums(t[i]) end end return t end
local function shape(t) if type(t)~='table' then return type(t) end
 if t.err then return t end return {#t} end
local function runs(t) if type(t)=='number' and t>0 then return 'runs' end return t end
local function soon(t) if type(t)~='number' then return t end local s=t>1e12 and t/1000 or t
 if s>1e9 and s<4102444800 then return 'soon' end return t end
local function try(...) return show({pcall(...)}) end
local r={} local print_=nil`
  .replaceAll("\n", " ")
  .trim();

/** What the script does not know by itself: its keys, its arguments, and where commands come from. */
export interface Script {
  readonly source: Bytes;
  readonly keys: readonly Bytes[];
  readonly argv: readonly Bytes[];
}

export class ScriptWriter {
  readonly #random: Random;
  readonly #command: () => readonly Bytes[];
  readonly #keys: Bytes[] = [];
  readonly #argv: Bytes[] = [];

  constructor(random: Random, command: () => readonly Bytes[]) {
    this.#random = random;
    this.#command = command;
  }

  script(): Script {
    const random = this.#random;
    const source = random.below(40) === 0 ? this.#nonsense() : `${HELPERS}\n${this.body()}`;
    return { source, keys: this.#keys, argv: this.#argv };
  }

  /** Statements up to what is returned; r, KEYS and ARGV are there. */
  body(): string {
    const random = this.#random;
    const lines: string[] = [];
    for (let left = 1 + random.below(6); left > 0; left--) lines.push(this.#statement());
    lines.push(this.#ending());
    return lines.join("\n");
  }

  static readonly helpers = HELPERS;

  #statement(): string {
    const random = this.#random;
    switch (random.below(16)) {
      case 0:
        return `redis.setresp(${pick(random, ["2", "3", "3"])})`;
      case 1:
      case 2:
        return `r[#r+1]=try(${libraryCall(random)})`;
      case 3:
        return `r[#r+1]=${value(random, 3)}`;
      case 4:
        return `r[#r+1]=try(redis.call,${this.#arguments(this.#commandInOrder())})`;
      case 5:
        return `for i=1,${1 + random.below(4)} do r[#r+1]=${this.#called("pcall")} end`;
      case 6:
        return `local v=${this.#called("pcall")} if type(v)=='table' and v.err then r[#r+1]=v.err else r[#r+1]=show(v) end`;
      case 7:
      case 8:
        return `r[#r+1]=${this.#called("call")}`;
      case 9:
        return `r[#r+1]=show(${this.#called("pcall")})`;
      default:
        return `r[#r+1]=${this.#called("pcall")}`;
    }
  }

  #ending(): string {
    const random = this.#random;
    switch (random.below(24)) {
      case 0:
        return `return show(r)`;
      case 1:
        return `return #r`;
      case 2:
        return `return r[1]`;
      case 3:
        return `return ${value(random, 4)}`;
      case 4:
        return `return cmsgpack.unpack(cmsgpack.pack(r))`;
      case 5:
        return `error(${pick(random, ["'late'", "{err='MINE late'}", "{err='ERR x\\r\\ny'}", "nil", "1", "'a',0"])})`;
      case 6:
        return `return redis.${pick(random, ["error", "status"])}_reply(${literal(pick(random, ["a", "MY error", "-X y", ""]))})`;
      case 7:
        return pick(random, ["return nosuch.x", "local a=1 return a.b.c", "x=1", "return {}..'a'"]);
      case 8:
        return `redis.setresp(3) return ${value(random, 4)}`;
      case 9:
        return `return {redis.call(${this.#arguments(this.#commandInOrder())})}`;
      default:
        return `return r`;
    }
  }

  /** A command in Lua, in one form whatever the order of its reply. */
  #called(how: "call" | "pcall"): string {
    const words = this.#commandForScripts();
    const name = (words[0] ?? "").toUpperCase();
    const call = `redis.${how}(${this.#arguments(words)})`;
    return `${HELPER_OF_RULE[ruleOf(words) ?? ""] ?? (/^(?:B?Z|GEO)/.test(name) ? "nums" : "")}(${call})`;
  }

  /** The words as Lua sees them: literals, numbers where they are, now and then a key or an argument. */
  #arguments(words: readonly Bytes[]): string {
    const random = this.#random;
    const texts = words.map((word, at) => {
      const kind = random.below(30);
      // Given otherwise later on, these would choose by chance.
      if (at > 0 && kind < 6 && !BY_CHANCE.test(words[0] ?? "") && !isLifetime(words, at)) {
        const given = kind < 3 ? this.#keys : this.#argv;
        given.push(word);
        return `${kind < 3 ? "KEYS" : "ARGV"}[${given.length}]`;
      }
      if (/^-?(?:0|[1-9]\d{0,14})(?:\.5)?$/.test(word) && kind < 20) return word;
      return literal(word);
    });
    if (random.below(40) === 0) texts.push(pick(random, ["nil", "true", "{}", "1.5", "2^63"]));
    return texts.join(",");
  }

  /** One whose reply is the same on both as it is. */
  #commandInOrder(): readonly Bytes[] {
    for (;;) {
      const words = this.#commandForScripts();
      const isExact = !/^(?:Z|GEO)/i.test(words[0] ?? "");
      if (isExact && ruleOf(words) === undefined) return words;
    }
  }

  #commandForScripts(): readonly Bytes[] {
    for (;;) {
      const words = this.#command();
      if (!NOT_IN_SCRIPTS.test((words[0] ?? "").toUpperCase()) && !words.some(isOdd)) return words;
    }
  }

  #nonsense(): string {
    return pick(this.#random, [
      "",
      "return",
      "return (",
      "x",
      "#!lua",
      "#!lua flags=nosuch\nreturn 1",
    ]);
  }
}

/** Where known.ts lets the two differ, where the time passed shows, or what scripts may call only since 7.2. */
const NOT_IN_SCRIPTS =
  /^(?:OBJECT|B[LRZ].*|SORT.*|XPENDING|XREAD|XREADGROUP|XINFO|XGROUP|X(?:AUTO)?CLAIM|LREM|LPOS|Z.*LEX.*|XSETID|CLIENT|EVAL.*|Z(?:REV)?RANK|B?ZMPOP|WATCH)$/;

const BY_CHANCE = /^(?:[HSZ]?SCAN|SPOP|[HSZ]?RAND.*)$/i;

/** How long something is to live: given otherwise later on, it might end between two commands. */
function isLifetime(words: readonly Bytes[], at: number): boolean {
  if (/^(?:P?SETEX|P?EXPIRE|RESTORE)$/i.test(words[0] ?? "")) return at === 2;
  return /^[EP]X$/i.test(words[at - 1] ?? "");
}

function isOdd(word: Bytes): boolean {
  return word.includes("\0") || word.toUpperCase() === "BYLEX";
}

const HELPER_OF_RULE: Readonly<Record<string, string>> = {
  unordered: "sort",
  pairs: "pairs2",
  random: "shape",
  scan: "scan",
  "scan-pairs": "shape",
  runs: "runs",
  soon: "soon",
};
