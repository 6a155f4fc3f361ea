// The laws as a plain model: what each connection must hear, step by step, when commits succeed, are
// refused, or end unknown. No cache, no undo log, no batches of bytes: the state is a map that is copied
// when a batch closes, and refusing a batch means going back to the copy of what is committed.

import type { ExecFailureReply } from "../../src/commit/settle.ts";
import { functionNamed, librariesAfter, listed, type Libraries } from "./functions.ts";

interface Entry {
  readonly value: string;
  /** 0 means never. */
  readonly expiryMs: number;
}

interface Remembered {
  readonly commands: string;
  readonly replies: readonly string[];
}

/** Everything a batch can change. */
interface State {
  readonly keys: Map<string, Entry>;
  readonly tokens: Map<string, Remembered>;
  readonly versions: Map<string, number>;
  libraries: Libraries;
}

interface Ran {
  readonly reply: string;
  readonly wrote: boolean;
  readonly batch: number;
  /** The newest uncommitted batch among what it looked at, its own writes apart unless it did again. */
  readonly saw: number;
  readonly words: readonly string[];
}

/** A script as the model sees it: calls one after the other, and what it does at its end. */
interface Script {
  readonly calls: readonly ScriptCall[];
  readonly ending: ScriptEnding;
  /** What it answers when it lies. */
  readonly says: string;
  readonly isReadonly: boolean;
}

/** "returns": the answers of its calls; "fails": an error that nobody catches; "lies": something else. */
export type ScriptEnding = "returns" | "fails" | "lies";

export interface ScriptCall {
  /** redis.pcall in place of redis.call: an error becomes its answer. */
  readonly caught: boolean;
  readonly words: readonly string[];
}

interface Owed {
  readonly batch: number;
  readonly reply: string;
  readonly refused: (fromBatch: number, code: string) => string;
}

interface Call {
  readonly key: string;
  readonly value: string;
  readonly words: readonly string[];
}

interface Watch {
  readonly key: string;
  readonly version: number;
  readonly existed: boolean;
}

interface Connection {
  queue: string[][] | null;
  spoiled: boolean;
  watches: Watch[];
  owed: Owed[];
  heard: string[];
}

const READS = new Set(["GET", "MGET", "EXISTS", "STRLEN", "DBSIZE", "TTL", "EVAL_RO", "FCALL_RO"]);
/** They look at no value: a dead key that one of them replaced stays if that is undone, until it is read. */
const REPLACES = new Set(["SET", "MSET", "DEL"]);
/** What they run is looked at when it runs. */
const ALWAYS_TAKEN = ["MULTI", "EXEC", "WATCH", "DISCARD", "EVAL", "FCALL"];
/** Where the versions have the libraries: no key. */
const LIBRARIES = "the libraries";
export const SCRIPT_SAYS = "fine";
const NOT_INTEGER = "-ERR";
const IN_DOUBT = "-MISCONF";

export class Model {
  nowMs: number;
  readonly connections: readonly Connection[];
  readonly #policy: ExecFailureReply;
  /** An error that escapes from a script undoes all of it. */
  readonly #scriptsUndo: boolean;
  #committed = emptyState();
  #current = emptyState();
  /** The state as it was when the batch on its way was closed. */
  #closedState: State | null = null;
  /** By key or token: the batch that changed it last, while that is not committed. */
  readonly #changedIn = new Map<string, number>();
  #openBatch = 1;
  #openChanged = false;
  #inFlight = 0;
  #doubt = false;
  #versions = 0;
  /** Dead keys that the running unit has looked at: they are removed behind it. */
  readonly #met = new Set<string>();

  constructor(
    connectionCount: number,
    nowMs: number,
    settings: { readonly policy: ExecFailureReply; readonly scriptsUndo: boolean },
  ) {
    this.nowMs = nowMs;
    this.#policy = settings.policy;
    this.#scriptsUndo = settings.scriptsUndo;
    this.connections = Array.from({ length: connectionCount }, () => ({
      queue: null,
      spoiled: false,
      watches: [],
      owed: [],
      heard: [],
    }));
  }

  // What the test does to the server, the model is told of

  say(index: number, words: readonly string[]): void {
    this.#met.clear();
    this.#say(this.#connection(index), words);
    this.#bury();
  }

  /** Not while nobody knows how the last commit ended; who watches the key has lost nothing by it. */
  #bury(): void {
    if (this.#doubt) return;
    for (const key of this.#met) {
      const entry = this.#current.keys.get(key);
      if (entry === undefined || !this.#isExpired(entry)) continue;
      this.#current.keys.delete(key);
      this.#changedIn.set(key, this.#openBatch);
      this.#openChanged = true;
    }
  }

  #say(connection: Connection, words: readonly string[]): void {
    const name = words[0] ?? "";
    const isWrite = !isTakenInDoubt(words);
    if (isWrite && this.#doubt) {
      if (connection.queue !== null) connection.spoiled = true;
      this.#answer(connection, IN_DOUBT);
      return;
    }
    if (name === "MULTI") {
      connection.queue = [];
      this.#answer(connection, "OK");
    } else if (name === "EXEC") this.#exec(connection);
    else if (name === "WATCH") this.#watch(connection, words[1] ?? "");
    else if (connection.queue === null) this.#plain(connection, words);
    else {
      connection.queue.push([...words]);
      this.#answer(connection, "QUEUED");
    }
  }

  /** The turn ends: the open batch closes unless one is on its way. True if it closed. */
  endTurn(): boolean {
    if (this.#inFlight !== 0 || !this.#openChanged) return false;
    this.#inFlight = this.#openBatch;
    this.#closedState = copy(this.#current);
    this.#openBatch++;
    this.#openChanged = false;
    return true;
  }

  get hasBatchOnItsWay(): boolean {
    return this.#inFlight !== 0;
  }

  /** What the batch on its way has put there it has taken away again. */
  get leavesAllAsItWas(): boolean {
    const [before, after] = [this.#committed, this.#closedState ?? this.#committed];
    if (after.tokens.size !== before.tokens.size) return false;
    if (after.libraries.join() !== before.libraries.join()) return false;
    const isSame = ([key, { value, expiryMs }]: [string, Entry]): boolean => {
      const was = before.keys.get(key);
      return was?.value === value && was.expiryMs === expiryMs;
    };
    return after.keys.size === before.keys.size && [...after.keys].every(isSame);
  }

  get isInDoubt(): boolean {
    return this.#doubt;
  }

  committed(): void {
    this.#committed = this.#closedState ?? this.#committed;
    const upTo = this.#inFlight;
    for (const [key, batch] of this.#changedIn) if (batch <= upTo) this.#changedIn.delete(key);
    this.#inFlight = 0;
    this.#doubt = false;
    for (const connection of this.connections) release(connection, upTo);
  }

  doubted(): void {
    this.#doubt = true;
  }

  /** `code`: what a plain command hears: -TRYAGAIN after a stall, -MISCONF after a broken log. */
  refused(code: string): void {
    const fromBatch = this.#inFlight;
    this.#inFlight = 0;
    this.#doubt = false;
    this.#current = copy(this.#committed);
    this.#changedIn.clear();
    this.#openBatch++;
    this.#openChanged = false;
    for (const connection of this.connections) {
      const owed = connection.owed.splice(0);
      for (const one of owed) {
        connection.heard.push(one.batch === 0 ? one.reply : one.refused(fromBatch, code));
      }
    }
  }

  /** What a new process must find, by key. */
  survivors(): Map<string, string> {
    const found = new Map<string, string>();
    for (const [key, entry] of this.#committed.keys) {
      if (!this.#isExpired(entry)) found.set(key, entry.value);
    }
    return found;
  }

  /** The libraries that a new process must find, as FUNCTION LIST tells. */
  survivingLibraries(): string {
    return listed(this.#committed.libraries);
  }

  // Running

  #plain(connection: Connection, words: readonly string[]): void {
    const ran = this.#run(words);
    this.#owe(connection, {
      batch: ran.batch,
      reply: ran.reply,
      refused: (_fromBatch, code) => {
        if (ran.wrote || !READS.has(words[0] ?? "")) return code;
        return eitherOr(this.#run(words).reply, code);
      },
    });
  }

  #exec(connection: Connection): void {
    const { queue, spoiled, watches } = connection;
    connection.queue = null;
    connection.spoiled = false;
    connection.watches = [];
    if (queue === null) throw new Error("EXEC follows MULTI in these programs");
    if (spoiled) {
      this.#answer(connection, "-EXECABORT");
      return;
    }
    if (this.#doubt && !queue.every(isTakenInDoubt)) {
      this.#answer(connection, "-EXECABORT");
      return;
    }
    const token = queue[0]?.[0] === "ONCE" ? (queue[0][1] ?? "") : null;
    if (token !== null && this.#replay(connection, token, queue)) return;
    const lost = this.#lostWatch(watches);
    if (lost !== null) {
      this.#owe(connection, { batch: lost, reply: "nil-array", refused: () => "-EXECABORT" });
      return;
    }
    this.#runAll(connection, queue, token);
  }

  /** True when the token was known: the first outcome is told again. */
  #replay(connection: Connection, token: string, queue: readonly string[][]): boolean {
    const known = this.#current.tokens.get(token);
    if (known === undefined) return false;
    const isSame = known.commands === JSON.stringify(queue);
    const reply = isSame ? array(known.replies) : "-ERR";
    const batch = this.#changedIn.get(`token ${token}`) ?? 0;
    this.#owe(connection, { batch, reply, refused: () => "-EXECABORT" });
    return true;
  }

  #runAll(connection: Connection, queue: readonly string[][], token: string | null): void {
    const all: Ran[] = [];
    for (const words of queue) {
      const isOnce = words[0] === "ONCE";
      all.push(
        isOnce
          ? { reply: "OK", wrote: false, batch: this.#openBatch, saw: 0, words }
          : this.#run(words),
      );
    }
    const replies = all.map((ran) => ran.reply);
    if (token !== null) {
      this.#current.tokens.set(token, { commands: JSON.stringify(queue), replies });
      this.#noteChange(`token ${token}`);
    }
    const wrote = token !== null || all.some((ran) => ran.wrote);
    const batch = wrote ? this.#openBatch : Math.max(0, ...all.map((ran) => ran.batch));
    this.#owe(connection, {
      batch,
      reply: array(replies),
      refused: (fromBatch) => this.#refusedExec(all, wrote, fromBatch),
    });
  }

  #refusedExec(all: readonly Ran[], wrote: boolean, fromBatch: number): string {
    const error = "-EXECABORT";
    if (!wrote) {
      const again = (ran: Ran): string => {
        if (ran.batch < fromBatch) return ran.reply;
        return READS.has(ran.words[0] ?? "") ? eitherOr(this.#run(ran.words).reply, error) : error;
      };
      return array(all.map(again));
    }
    if (this.#policy === "abort") return error;
    if (this.#policy === "every") return array(all.map(() => error));
    return array(all.map((ran) => (ran.batch >= fromBatch ? error : ran.reply)));
  }

  #run(words: readonly string[]): Ran {
    const [name = ""] = words;
    if (name.startsWith("EVAL")) {
      const isReadonly = name === "EVAL_RO";
      return this.#runScript(words, { ...callsOf(words), says: SCRIPT_SAYS, isReadonly });
    }
    if (name.startsWith("FCALL")) return this.#runFunction(words);
    return name === "FUNCTION" ? this.#runOnLibraries(words) : this.#runCommand(words);
  }

  /** Whatever it does, it rests on the libraries. */
  #runFunction(words: readonly string[]): Ran {
    const saw = this.#changedIn.get(LIBRARIES) ?? 0;
    const refused = { reply: "-ERR", wrote: false, batch: saw, saw, words };
    const found = functionNamed(this.#current.libraries, words[1] ?? "");
    if (found === null) return refused;
    if (words[0] === "FCALL_RO" && !found.noWrites) return refused;
    const { says, noWrites: isReadonly } = found;
    const ran = this.#runScript(words, { ...callsOf(words), says, isReadonly });
    const newest = Math.max(ran.saw, saw);
    return { ...ran, saw: newest, batch: ran.wrote ? ran.batch : newest };
  }

  #runOnLibraries(words: readonly string[]): Ran {
    const [, subcommand = "", , policy] = words;
    const saw = this.#changedIn.get(LIBRARIES) ?? 0;
    const looked = (reply: string, rests = saw): Ran => {
      return { reply, wrote: false, batch: rests, saw: rests, words };
    };
    const before = this.#current.libraries;
    if (subcommand === "LIST") return looked(listed(before));
    const after = librariesAfter(before, words);
    // Whatever is in their place, it is refused for what it holds itself.
    const isBlind = subcommand === "RESTORE" && policy === "FLUSH";
    if (after === null) return looked("-ERR", isBlind ? 0 : saw);
    const name = /name=(\w+)/.exec(words.at(-1) ?? "")?.[1] ?? "";
    const reply = subcommand === "LOAD" ? `"${name}"` : "OK";
    if (before.length === 0 && after.length === 0) return looked(reply);
    this.#current.libraries = after;
    this.#noteChange(LIBRARIES);
    return { reply, wrote: true, batch: this.#openBatch, saw, words };
  }

  /** What its calls saw and wrote, the script did. */
  #runScript(words: readonly string[], script: Script): Ran {
    const { calls, ending, says, isReadonly } = script;
    const before = { state: copy(this.#current), changedIn: new Map(this.#changedIn) };
    const { batch: openBatch, changed } = { batch: this.#openBatch, changed: this.#openChanged };
    const answers: string[] = [];
    let seen = 0;
    let wrote = false;
    let failure = ending === "fails" ? "-ERR" : null;
    for (const call of calls) {
      const ran = this.#runInScript(call.words, isReadonly);
      seen = Math.max(seen, ran.saw);
      wrote ||= ran.wrote;
      answers.push(ran.reply);
      if (call.caught || !/^-[A-Z]/.test(ran.reply)) continue;
      failure = ran.reply;
      break;
    }
    if (failure !== null && this.#scriptsUndo) {
      this.#current = before.state;
      this.#changedIn.clear();
      for (const [key, batch] of before.changedIn) this.#changedIn.set(key, batch);
      this.#openChanged = changed;
      wrote = false;
      // Its own writes may have been what it saw; then it rests on what others have written before.
      seen = Math.min(seen, changed ? openBatch : this.#inFlight);
    }
    const returned = ending === "lies" ? `"${says}"` : array(answers);
    const batch = wrote ? openBatch : seen;
    return { reply: failure ?? returned, wrote, batch, saw: seen, words };
  }

  #runInScript(words: readonly string[], isReadonly: boolean): Ran {
    if (isReadonly && !READS.has(words[0] ?? "")) {
      return { reply: "-ERR", wrote: false, batch: 0, saw: 0, words };
    }
    if (!this.#doubt || READS.has(words[0] ?? "")) return this.#runCommand(words);
    return { reply: IN_DOUBT, wrote: false, batch: 0, saw: 0, words };
  }

  #runCommand(words: readonly string[]): Ran {
    const [name = "", key = "", value = ""] = words;
    const before = this.#versions;
    const saw = this.#sawIn(name, words);
    const reply = this.#compute(name, { key, value, words });
    const wrote = this.#versions !== before;
    return { reply, wrote, batch: wrote ? this.#openBatch : saw, saw, words };
  }

  #sawIn(name: string, words: readonly string[]): number {
    if (name === "DBSIZE") return this.#openChanged ? this.#openBatch : this.#inFlight;
    let keys = words.slice(1, 2);
    if (name === "MGET" || name === "EXISTS") keys = words.slice(1);
    if (name === "MSET") {
      keys = words.filter((_, index) => index % 2 === 1);
      if (new Set(keys).size < keys.length) return this.#openBatch;
    }
    return Math.max(0, ...keys.map((key) => this.#changedIn.get(key) ?? 0));
  }

  #compute(name: string, call: Call): string {
    const entry = REPLACES.has(name) ? this.#peek(call.key) : this.#live(call.key);
    return READS.has(name)
      ? this.#computeRead(name, call.words, entry)
      : this.#computeWrite(name, call, entry);
  }

  #computeRead(name: string, words: readonly string[], entry: Entry | null): string {
    switch (name) {
      case "GET":
        return quote(entry);
      case "MGET":
        return array(words.slice(1).map((one) => quote(this.#live(one))));
      case "EXISTS":
        return String(words.slice(1).filter((one) => this.#live(one) !== null).length);
      case "STRLEN":
        return String(entry?.value.length ?? 0);
      case "TTL":
        if (entry === null || entry.expiryMs === 0) return entry === null ? "-2" : "-1";
        return String(Math.floor((entry.expiryMs - this.nowMs + 500) / 1000));
      case "DBSIZE":
        return String(this.#current.keys.size);
      default:
        throw new Error(`the model does not know ${name}`);
    }
  }

  #computeWrite(name: string, { key, value, words }: Call, entry: Entry | null): string {
    switch (name) {
      case "SET":
        this.#put(key, value, words[3] === "PX" ? this.nowMs + Number(words[4]) : 0);
        return "OK";
      case "GETSET":
        this.#put(key, value, 0);
        return quote(entry);
      case "SETNX":
        if (entry === null) this.#put(key, value, 0);
        return entry === null ? "1" : "0";
      case "APPEND":
        return this.#grow(key, (entry?.value ?? "") + value, entry);
      case "INCR":
        return this.#increment(key, entry);
      case "MSET":
        for (let index = 1; index < words.length; index += 2) {
          this.#put(words[index] ?? "", words[index + 1] ?? "", 0);
        }
        return "OK";
      case "DEL":
        return this.#delete(key, entry);
      case "PERSIST":
        if (entry === null || entry.expiryMs === 0) return "0";
        this.#put(key, entry.value, 0);
        return "1";
      default:
        throw new Error(`the model does not know ${name}`);
    }
  }

  #grow(key: string, value: string, entry: Entry | null): string {
    this.#put(key, value, entry?.expiryMs ?? 0);
    return String(value.length);
  }

  #increment(key: string, entry: Entry | null): string {
    if (entry !== null && !/^-?\d{1,15}$/.test(entry.value)) return NOT_INTEGER;
    const after = String(Number(entry?.value ?? 0) + 1);
    this.#put(key, after, entry?.expiryMs ?? 0);
    return after;
  }

  #delete(key: string, entry: Entry | null): string {
    if (this.#current.keys.delete(key)) this.#noteChange(key);
    return entry === null ? "0" : "1";
  }

  #put(key: string, value: string, expiryMs: number): void {
    this.#current.keys.set(key, { value, expiryMs });
    this.#noteChange(key);
  }

  #noteChange(key: string): void {
    this.#current.versions.set(key, ++this.#versions);
    this.#changedIn.set(key, this.#openBatch);
    this.#openChanged = true;
  }

  #live(key: string): Entry | null {
    const entry = this.#peek(key);
    if (entry === null && this.#current.keys.has(key)) this.#met.add(key);
    return entry;
  }

  #peek(key: string): Entry | null {
    const entry = this.#current.keys.get(key) ?? null;
    return entry === null || this.#isExpired(entry) ? null : entry;
  }

  #isExpired(entry: Entry): boolean {
    return entry.expiryMs !== 0 && entry.expiryMs <= this.nowMs;
  }

  // WATCH

  #watch(connection: Connection, key: string): void {
    if (connection.queue !== null) {
      this.#answer(connection, "-ERR");
      return;
    }
    const existed = this.#live(key) !== null;
    if (!connection.watches.some((watch) => watch.key === key)) {
      const version = this.#current.versions.get(key) ?? 0;
      connection.watches.push({ key, version, existed });
    }
    this.#answer(connection, "OK");
  }

  /** The batch that a null reply rests on; null when nothing is lost. */
  #lostWatch(watches: readonly Watch[]): number | null {
    let seen = 0;
    for (const { key, version, existed } of watches) {
      seen = Math.max(seen, this.#changedIn.get(key) ?? 0);
      const isLive = this.#live(key) !== null;
      if ((this.#current.versions.get(key) ?? 0) !== version) return seen;
      if (existed && !isLive) return seen;
    }
    return null;
  }

  // Answering

  #answer(connection: Connection, reply: string): void {
    this.#owe(connection, { batch: 0, reply, refused: () => reply });
  }

  #owe(connection: Connection, owed: Owed): void {
    if (owed.batch === 0 && connection.owed.length === 0) connection.heard.push(owed.reply);
    else connection.owed.push(owed);
  }

  #connection(index: number): Connection {
    const connection = this.connections[index];
    if (connection === undefined) throw new Error(`no connection ${index}`);
    return connection;
  }
}

/** Whether it is looked at while nobody knows how a commit ended. */
function isTakenInDoubt([name = "", subcommand]: readonly string[]): boolean {
  if (name === "FUNCTION") return subcommand === "LIST";
  return READS.has(name) || ALWAYS_TAKEN.includes(name);
}

function release(connection: Connection, upTo: number): void {
  for (;;) {
    const [first] = connection.owed;
    if (first === undefined || first.batch > upTo) return;
    connection.owed.shift();
    connection.heard.push(first.reply);
  }
}

/**
 * Law 6: a read of what is undone is read again, or refused where that would wait for the disk.
 * Written so that `matches` can read it.
 */
function eitherOr(reply: string, refusal: string): string {
  return `\u00ab${reply}\u00a6${refusal}\u00bb`;
}

const CHOICE = /\u00ab([^\u00a6]*)\u00a6([^\u00bb]*)\u00bb/;

/** Whether a reply is one that the model allows; refusing instead of reading again is for cold keys. */
export function matches(heard: string, expected: string, allowRefusals: boolean): boolean {
  const choice = CHOICE.exec(expected);
  if (choice === null) return heard === expected;
  const [whole, reply = "", refusal = ""] = choice;
  const withReply = matches(
    heard,
    expected.replace(whole, () => reply),
    allowRefusals,
  );
  if (withReply || !allowRefusals) return withReply;
  return matches(
    heard,
    expected.replace(whole, () => refusal),
    allowRefusals,
  );
}

/** The calls are parted by "|", their words by ",", of which the first is "call" or "pcall". */
function callsOf(words: readonly string[]): Pick<Script, "calls" | "ending"> {
  const [, , , calls = "", ending] = words;
  return {
    calls: calls.split("|").map((call) => {
      const [how, ...rest] = call.split(",");
      return { caught: how === "pcall", words: rest };
    }),
    ending: ending === "fails" || ending === "lies" ? ending : "returns",
  };
}

function quote(entry: Entry | null): string {
  return entry === null ? "nil" : `"${entry.value}"`;
}

function array(replies: readonly string[]): string {
  return replies.length === 0 ? "[ ]" : `[ ${replies.join(", ")} ]`;
}

function emptyState(): State {
  return { keys: new Map(), tokens: new Map(), versions: new Map(), libraries: [] };
}

function copy(state: State): State {
  return {
    keys: new Map(state.keys),
    tokens: new Map(state.tokens),
    versions: new Map(state.versions),
    libraries: state.libraries,
  };
}
