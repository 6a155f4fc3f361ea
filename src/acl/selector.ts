// One set of permissions: which commands, on which keys, on which channels. A user has one of his own
// and may have more; a command runs when one of them allows all of it.
//
// Rules take effect as they come. What commands are allowed is kept twice: as bits, for the check, and as
// the rules that led there, for ACL LIST and files. A rule makes earlier ones about the same command
// or category superfluous, and they are dropped from the text.

import type { Bytes } from "../base/bytes.ts";
import { ACL_CATEGORIES, aclCategories } from "../commands/acl-categories.ts";
import type { Command, CommandTable } from "../commands/lookup.ts";
import * as error from "./rule-error.ts";

export const READ = 1;
export const WRITE = 2;

export interface KeyPattern {
  readonly pattern: Bytes;
  /** READ, WRITE or both. */
  readonly mode: number;
}

const BLANK = /[\s\0]/;

export class Selector {
  readonly #commands: CommandTable;
  /** By `Command.number`; 1 for what may run. */
  #allowed: Uint8Array;
  #rules: Bytes[] = [];
  /** First arguments that are allowed of commands that are not, in lower case, by command number. */
  #firstArguments = new Map<number, Bytes[]>();
  #takesAllByDefault = false;
  allCommands = false;
  allKeys = false;
  allChannels = false;
  keys: KeyPattern[] = [];
  channels: Bytes[] = [];

  constructor(commands: CommandTable, allChannels: boolean) {
    this.#commands = commands;
    this.#allowed = new Uint8Array(commands.count);
    this.allChannels = allChannels;
  }

  copy(): Selector {
    const copy = new Selector(this.#commands, this.allChannels);
    copy.#allowed = this.#allowed.slice();
    copy.#rules = [...this.#rules];
    copy.#firstArguments = new Map(this.#firstArguments);
    copy.#takesAllByDefault = this.#takesAllByDefault;
    copy.allCommands = this.allCommands;
    copy.allKeys = this.allKeys;
    copy.keys = [...this.keys];
    copy.channels = [...this.channels];
    return copy;
  }

  /** Nothing at all that it would forbid. */
  get isUnrestricted(): boolean {
    return this.allCommands && this.allKeys && this.allChannels;
  }

  // Rules

  /** Throws RuleError; a rule that is not taken changes nothing. */
  apply(rule: Bytes): void {
    if (this.#applyWord(rule.toLowerCase())) return;
    switch (rule.charAt(0)) {
      case "~":
        this.#addKeys(rule.slice(1), READ | WRITE);
        return;
      case "%":
        this.#addKeysWithMode(rule);
        return;
      case "&":
        this.#addChannels(rule.slice(1));
        return;
      case "+":
      case "-":
        this.#applyCommandRule(rule);
        return;
      default:
        throw error.BAD_SYNTAX;
    }
  }

  #applyWord(word: Bytes): boolean {
    switch (word) {
      case "allkeys":
      case "~*":
      case "resetkeys":
        this.allKeys = word !== "resetkeys";
        this.keys = [];
        return true;
      case "allchannels":
      case "&*":
      case "resetchannels":
        this.allChannels = word !== "resetchannels";
        this.channels = [];
        return true;
      case "allcommands":
      case "+@all":
        this.#setAll(true);
        return true;
      case "nocommands":
      case "-@all":
        this.#setAll(false);
        return true;
      default:
        return false;
    }
  }

  #setAll(allowed: boolean): void {
    this.#allowed.fill(allowed ? 1 : 0);
    this.allCommands = allowed;
    this.#takesAllByDefault = allowed;
    this.#rules = [];
    this.#firstArguments.clear();
  }

  #addKeysWithMode(rule: Bytes): void {
    let mode = 0;
    for (let index = 1; index < rule.length; index++) {
      const letter = rule.charAt(index).toUpperCase();
      if (letter === "~" && mode !== 0) {
        this.#addKeys(rule.slice(index + 1), mode);
        return;
      }
      const bit = letter === "R" ? READ : letter === "W" ? WRITE : 0;
      if (bit === 0 || (mode & bit) !== 0) break;
      mode |= bit;
    }
    throw this.allKeys ? error.AFTER_ALL_KEYS : error.BAD_SYNTAX;
  }

  #addKeys(pattern: Bytes, mode: number): void {
    if (this.allKeys) throw error.AFTER_ALL_KEYS;
    if (BLANK.test(pattern)) throw error.BAD_SYNTAX;
    const at = this.keys.findIndex((one) => one.pattern === pattern);
    if (at === -1) this.keys.push({ pattern, mode });
    else this.keys[at] = { pattern, mode: mode | (this.keys[at]?.mode ?? 0) };
  }

  #addChannels(pattern: Bytes): void {
    if (this.allChannels) throw error.AFTER_ALL_CHANNELS;
    if (BLANK.test(pattern)) throw error.BAD_SYNTAX;
    if (!this.channels.includes(pattern)) this.channels.push(pattern);
  }

  #applyCommandRule(rule: Bytes): void {
    const allowed = rule.startsWith("+");
    const subject = rule.slice(1);
    if (subject.startsWith("@")) this.#setCategory(subject, allowed);
    else if (!allowed || !subject.includes("|")) this.#setCommand(subject, allowed);
    else this.#allowPart(subject);
  }

  #setCategory(subject: Bytes, allowed: boolean): void {
    const category = subject.slice(1).toLowerCase();
    if (!ACL_CATEGORIES.some((one) => one === category)) throw error.UNKNOWN_COMMAND;
    this.#noteRule(subject, allowed);
    for (const command of this.#commands.all) {
      // In this order: what a subcommand is in counts more than what its container is in.
      if (aclCategories(command.row).includes(category)) this.#setBits(command, allowed);
      for (const subcommand of command.subcommands.values()) {
        if (aclCategories(subcommand.row).includes(category)) this.#setBits(subcommand, allowed);
      }
    }
  }

  #setCommand(name: Bytes, allowed: boolean): void {
    const command = this.#commands.original(name);
    if (command === null) throw error.UNKNOWN_COMMAND;
    this.#setBits(command, allowed);
    this.#noteRule(command.name, allowed);
  }

  /** A subcommand, or a command when its first argument is this one. */
  #allowPart(subject: Bytes): void {
    const at = subject.lastIndexOf("|");
    const command = this.#commands.original(subject.slice(0, at));
    if (command === null) throw error.UNKNOWN_COMMAND;
    if (command.parent !== null) throw error.FIRST_ARGUMENT_OF_SUBCOMMAND;
    const part = subject.slice(at + 1);
    if (part === "") throw error.BAD_SYNTAX;
    if (command.subcommands.size > 0) {
      const subcommand = this.#commands.original(subject);
      if (subcommand === null) throw error.UNKNOWN_COMMAND;
      this.#setBits(subcommand, true);
    } else {
      const parts = this.#firstArguments.get(command.number) ?? [];
      const lower = part.toLowerCase();
      if (!parts.includes(lower)) this.#firstArguments.set(command.number, [...parts, lower]);
    }
    this.#noteRule(subject, true);
  }

  #setBits(command: Command, allowed: boolean): void {
    this.#allowed[command.number] = allowed ? 1 : 0;
    this.#firstArguments.delete(command.number);
    if (!allowed) this.allCommands = false;
    for (const subcommand of command.subcommands.values()) this.#setBits(subcommand, allowed);
  }

  #noteRule(subject: Bytes, allowed: boolean): void {
    const lower = subject.toLowerCase();
    const kept = this.#rules.filter((rule) => {
      const about = rule.slice(1);
      return about !== lower && !about.startsWith(`${lower}|`);
    });
    this.#rules = [...kept, (allowed ? "+" : "-") + lower];
  }

  // Questions

  /** `argument`: the first of the call, if it has one. */
  allowsCommand(command: Command, argument: Bytes | undefined): boolean {
    if (this.allCommands || command.needsNoAuth) return true;
    if (this.#allowed[command.number] === 1) return true;
    if (argument === undefined || this.#firstArguments.size === 0) return false;
    const parts = this.#firstArguments.get(command.number);
    return parts !== undefined && parts.includes(argument.toLowerCase());
  }

  // Telling

  /** As in "+@all -get". */
  get commandRules(): Bytes {
    return [this.#takesAllByDefault ? "+@all" : "-@all", ...this.#rules].join(" ");
  }

  /** As in "~a* %R~b". */
  get keyRules(): Bytes {
    if (this.allKeys) return "~*";
    return this.keys.map(({ pattern, mode }) => PREFIXES[mode] + pattern).join(" ");
  }

  /** As in "&news.* &chat"; "" for no channel at all. */
  get channelRules(): Bytes {
    if (this.allChannels) return "&*";
    return this.channels.map((pattern) => `&${pattern}`).join(" ");
  }

  /** Everything, as ACL LIST and files have it. */
  get rules(): Bytes {
    const channels = this.allChannels ? "&*" : `resetchannels ${this.channelRules}`.trimEnd();
    return [this.keyRules, channels, this.commandRules].filter((part) => part !== "").join(" ");
  }
}

const PREFIXES: Readonly<Record<number, string>> = {
  [READ]: "%R~",
  [WRITE]: "%W~",
  [READ | WRITE]: "~",
};
