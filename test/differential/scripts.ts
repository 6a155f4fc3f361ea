// Commands about scripts and functions for the programs of the fuzzer: EVAL and its kin with scripts that
// lua.ts writes, SCRIPT, FUNCTION with libraries of such functions, FCALL. What a program has loaded
// is remembered, so that EVALSHA and FCALL mostly find it.

import { createHash } from "node:crypto";

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { encodeFunctions } from "../../src/encoding/rdb-functions.ts";
import { ScriptWriter } from "./lua.ts";
import { pick } from "./template.ts";

type Words = readonly Bytes[];

const SHA_OF_NOTHING = "0123456789012345678901234567890123456789";
const LIBRARIES = ["lib1", "lib2", "lib3"];
const FUNCTIONS = ["f1", "F1", "f2", "f3", "f4", "F4"];
const SCRIPT_FLAGS = [
  "no-writes",
  "allow-oom",
  "allow-stale",
  "no-cluster",
  "allow-cross-slot-keys",
];

export class ScriptMaker {
  readonly #random: Random;
  readonly #command: () => Words;
  readonly #sources: Bytes[] = [];
  readonly #libraries: Bytes[] = [];

  /** `command` makes the commands that scripts call. */
  constructor(random: Random, command: () => Words) {
    this.#random = random;
    this.#command = command;
  }

  next(): Words {
    const random = this.#random;
    const kind = random.below(24);
    if (kind < 11) return this.#eval("EVAL");
    if (kind < 12) return this.#eval("EVAL_RO");
    if (kind < 14) return this.#evalSha();
    if (kind < 15) return this.#script();
    if (kind < 18) return this.#load();
    if (kind < 22) return this.#call();
    return this.#function();
  }

  #eval(name: string): Words {
    const { source, keys, argv } = new ScriptWriter(this.#random, this.#command).script();
    const flagged = this.#random.below(12) === 0 ? this.#shebang(source) : source;
    this.#sources.push(flagged);
    return [name, flagged, String(keys.length), ...keys, ...argv];
  }

  #shebang(source: Bytes): Bytes {
    const flags = pick(this.#random, ["", " flags=", ` flags=${this.#flags()}`, " name=x", " x=1"]);
    return `#!lua${flags}\n${source}`;
  }

  #flags(): string {
    const random = this.#random;
    const count = 1 + random.below(2);
    return Array.from({ length: count }, () => pick(random, SCRIPT_FLAGS)).join(",");
  }

  #evalSha(): Words {
    const random = this.#random;
    const name = pick(random, ["EVALSHA", "EVALSHA", "EVALSHA_RO"]);
    const sha = this.#sha();
    const keys = pick(random, [[], ["s1"], ["h1", "z1", "l1"]]);
    return [name, sha, String(keys.length), ...keys, "1", "a"];
  }

  #sha(): Bytes {
    const random = this.#random;
    if (this.#sources.length === 0 || random.below(8) === 0)
      return pick(random, [SHA_OF_NOTHING, "x"]);
    const sha = createHash("sha1").update(pick(random, this.#sources), "latin1").digest("hex");
    return random.below(6) === 0 ? sha.toUpperCase() : sha;
  }

  #script(): Words {
    const random = this.#random;
    switch (random.below(5)) {
      case 0:
        return ["SCRIPT", "EXISTS", this.#sha(), this.#sha()];
      case 1:
        return ["SCRIPT", "FLUSH", ...pick(random, [[], ["SYNC"], ["ASYNC"], ["x"]])];
      case 2:
        return ["SCRIPT", pick(random, ["KILL", "NOSUCH"])];
      default: {
        const { source } = new ScriptWriter(random, this.#command).script();
        this.#sources.push(source);
        return ["SCRIPT", "LOAD", source];
      }
    }
  }

  #load(): Words {
    const code = this.#library();
    this.#libraries.push(code);
    return ["FUNCTION", "LOAD", ...pick(this.#random, [[], ["REPLACE"], ["REPLACE"]]), code];
  }

  #library(): Bytes {
    const random = this.#random;
    const first = pick(random, [
      ...LIBRARIES.flatMap((name) => [`#!lua name=${name}`, `#!lua name=${name}`]),
      "#!lua",
      "#!lua name=a-b",
      "#!js name=lib1",
      "no shebang",
      "#!lua name=lib1 x=1",
      "#!LUA name=lib2",
    ]);
    const lines = [first, ScriptWriter.helpers];
    for (let left = random.below(10) === 0 ? 0 : 1 + random.below(3); left > 0; left--) {
      lines.push(this.#registration(left));
    }
    const odd = ["redis.call('get','a')", "error('x')", "x=1", "return 1", "redis.nosuch()", "("];
    if (random.below(12) === 0) lines.push(pick(random, odd));
    return lines.join("\n");
  }

  /** The names in a library differ: Redis 7.0 may end when one is registered twice. */
  #registration(number: number): string {
    const random = this.#random;
    const name =
      random.below(20) === 0
        ? pick(random, ["", "a b", "f-1"])
        : (FUNCTIONS[2 * number - 2 + random.below(2)] ?? "f1");
    const body = new ScriptWriter(random, this.#command).body();
    const callback = `function(KEYS,ARGV) local r={} ${body} end`;
    if (random.below(3) === 0) return `redis.register_function('${name}',${callback})`;
    const flags = pick(random, [
      "",
      ",flags={}",
      ",flags={'no-writes'}",
      ",flags={'allow-oom','no-writes'}",
      ",flags={'nosuch'}",
      ",description='what it does'",
      ",description=1",
      ",x=1",
    ]);
    return `redis.register_function{function_name='${name}',callback=${callback}${flags}}`;
  }

  #call(): Words {
    const random = this.#random;
    const keys = pick(random, [[], ["s1", "h1"], ["z1"]]);
    const name = pick(random, ["FCALL", "FCALL", "FCALL_RO"]);
    return [name, pick(random, FUNCTIONS), String(keys.length), ...keys, "1", "2"];
  }

  #function(): Words {
    const random = this.#random;
    switch (random.below(7)) {
      case 0:
        return ["FUNCTION", "DELETE", pick(random, [...LIBRARIES, "nosuch"])];
      case 1:
        return ["FUNCTION", "FLUSH", ...pick(random, [[], ["SYNC"], ["x"]])];
      case 2:
      case 3:
        return [
          "FUNCTION",
          "LIST",
          ...pick(random, [[], ["WITHCODE"], ["LIBRARYNAME", "lib[12]"], ["x"]]),
        ];
      case 4:
        return ["FUNCTION", pick(random, ["DUMP", "DUMP", "KILL", "NOSUCH"])];
      default:
        return [
          "FUNCTION",
          "RESTORE",
          this.#payload(),
          ...pick(random, [[], ["FLUSH"], ["REPLACE"], ["APPEND"], ["x"]]),
        ];
    }
  }

  #payload(): Bytes {
    const random = this.#random;
    const some = this.#libraries.filter(() => random.below(2) === 0);
    const payload = encodeFunctions(random.below(4) === 0 ? [...some, this.#library()] : some);
    return random.below(12) === 0 ? payload.slice(0, -1) : payload;
  }
}
