// What a server has of scripts: the interpreter, the scripts that were sent, and which functions the libraries have. One a
// server; sessions run their scripts through it, one at a time, since a script is never interrupted.

import type { Bytes } from "../base/bytes.ts";
import type { FoundFunction, LibraryFunction } from "../commands/ports.ts";
import type { Reply } from "../resp/reply.ts";
import { Interpreter, type Call, type Watch } from "./interpreter.ts";
import { ScriptCache, type Script } from "./script-cache.ts";

export interface ScriptingSettings {
  /** `script-memory-max`: bytes that the values of scripts may take. */
  memoryBytesMax: number;
}

export class Scripting {
  readonly cache = new ScriptCache();
  readonly #interpreter: Interpreter;
  /** What the functions below were worked out for. */
  #indexedFrom: readonly Bytes[] = [];
  /** By their names in small letters. */
  #index = new Map<Bytes, FoundFunction>();

  constructor(settings: ScriptingSettings, watch: Watch) {
    this.#interpreter = new Interpreter({ memoryBytesMax: settings.memoryBytesMax, watch });
  }

  get usedBytes(): number {
    return this.#interpreter.usedBytes;
  }

  compileError(script: Script): Bytes | null {
    return this.#interpreter.compileError(script.sha, script.source);
  }

  runScript(script: Pick<Script, "sha" | "source">, call: Call): Reply {
    return this.#interpreter.runScript(script, call);
  }

  runFunction(target: { readonly code: Bytes; readonly name: Bytes }, call: Call): Reply {
    return this.#interpreter.runFunction(target, call);
  }

  forgetScripts(): void {
    this.cache.clear();
    this.#interpreter.clear();
  }

  /** Throws CommandError when the library cannot be loaded. */
  functionsOf(code: Bytes): readonly LibraryFunction[] {
    return [...this.#interpreter.loadLibrary(code).functions.values()];
  }

  get libraryCount(): number {
    return this.#indexedFrom.length;
  }

  /** Of their code. */
  get libraryBytes(): number {
    return this.#indexedFrom.reduce((sum, code) => sum + code.length, 0);
  }

  get functionCount(): number {
    return this.#index.size;
  }

  /** These are the libraries now. */
  note(codes: readonly Bytes[]): void {
    if (codes !== this.#indexedFrom) this.#makeIndex(codes);
  }

  /** The function that has the name, in whatever case; null when none has. */
  functionNamed(codes: readonly Bytes[], name: Bytes): FoundFunction | null {
    this.note(codes);
    return this.knownFunction(name);
  }

  /** The same of the libraries as they were last looked at. */
  knownFunction(name: Bytes): FoundFunction | null {
    return this.#index.get(name) ?? this.#index.get(name.toLowerCase()) ?? null;
  }

  #makeIndex(codes: readonly Bytes[]): void {
    const index = new Map<Bytes, FoundFunction>();
    for (const code of codes) {
      for (const one of this.functionsOf(code)) index.set(one.name.toLowerCase(), { ...one, code });
    }
    this.#index = index;
    this.#indexedFrom = codes;
    this.#interpreter.keepLibraries(new Set(codes));
  }
}
