// The scripts that EVALSHA can call, by their SHA-1. They are no data: a restart forgets them, and clients
// send them again when they are told NOSCRIPT, as with Redis.
//
// Scripts that came with EVAL may be forgotten for newer ones, those of SCRIPT LOAD only by SCRIPT FLUSH:
// Redis 7.4's rule, without which a client that builds its scripts from its data fills the memory.

import type { Bytes } from "../base/bytes.ts";
import { CommandError } from "../resp/errors.ts";
import { sha1 } from "./redis-library.ts";
import { scriptFlags, type ScriptFlags } from "./shebang.ts";

export interface Script {
  readonly sha: string;
  readonly source: Bytes;
  readonly flags: ScriptFlags;
}

const EVALUATED_MAX = 500;
/** What SCRIPT LOAD may fill. */
const LOADED_BYTES_MAX = 256 * 1024 * 1024;

export class ScriptCache {
  readonly #loaded = new Map<string, Script>();
  /** In the order of their last use. */
  readonly #evaluated = new Map<string, Script>();
  /** By its text: what EVAL is sent again and again need not be hashed each time. */
  readonly #bySource = new Map<Bytes, Script>();
  #loadedBytes = 0;

  get count(): number {
    return this.#loaded.size + this.#evaluated.size;
  }

  get sourceBytes(): number {
    let bytes = this.#loadedBytes;
    for (const { source } of this.#evaluated.values()) bytes += source.length;
    return bytes;
  }

  /** Null when no such script is known. */
  bySha(sha: Bytes): Script | null {
    return this.#loaded.get(sha) ?? this.#evaluated.get(sha) ?? this.#byOtherCase(sha);
  }

  #byOtherCase(sha: Bytes): Script | null {
    const lower = sha.toLowerCase();
    return lower === sha ? null : this.bySha(lower);
  }

  /** The script of an EVAL, remembered. Throws CommandError for a bad first line. */
  evaluated(source: Bytes): Script {
    const known = this.#bySource.get(source);
    if (known !== undefined) return known;
    const sha = sha1(source);
    const script = this.#loaded.get(sha) ?? { sha, source, flags: scriptFlags(source) };
    this.#bySource.set(source, script);
    if (!this.#loaded.has(sha)) this.#evaluated.set(sha, script);
    if (this.#bySource.size > EVALUATED_MAX) this.#forgetOldest();
    return script;
  }

  /** Whether EVAL has been sent this text before. */
  hasEvaluated(source: Bytes): boolean {
    return this.#bySource.has(source);
  }

  /** A script that does not compile is not one. */
  forget({ sha, source }: Script): void {
    if (this.#loaded.delete(sha)) this.#loadedBytes -= source.length;
    this.#evaluated.delete(sha);
    this.#bySource.delete(source);
  }

  #forgetOldest(): void {
    const [oldest] = this.#bySource;
    if (oldest === undefined) return;
    this.#bySource.delete(oldest[0]);
    this.#evaluated.delete(oldest[1].sha);
  }

  /** Throws CommandError for a bad first line, or when too much was loaded. */
  load(source: Bytes): Script {
    const sha = sha1(source);
    const known = this.#loaded.get(sha);
    if (known !== undefined) return known;
    const script = { sha, source, flags: scriptFlags(source) };
    if (this.#loadedBytes + source.length > LOADED_BYTES_MAX) {
      throw new CommandError("ERR too many scripts were loaded: SCRIPT FLUSH forgets them");
    }
    this.#loaded.set(sha, script);
    this.#loadedBytes += source.length;
    this.#evaluated.delete(sha);
    return script;
  }

  clear(): void {
    this.#loaded.clear();
    this.#evaluated.clear();
    this.#bySource.clear();
    this.#loadedBytes = 0;
  }
}
