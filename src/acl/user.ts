// A user: whether he may log in, with what, and what he may do then.
//
// Passwords are kept as SHA-256 only. They are compared in a time that does not depend on where they
// differ, and all of them are looked at.

import { createHash, timingSafeEqual } from "node:crypto";

import type { Bytes } from "../base/bytes.ts";
import type { CommandTable } from "../commands/lookup.ts";
import { BAD_HASH, BAD_SYNTAX, NO_SUCH_PASSWORD } from "./rule-error.ts";
import { Selector } from "./selector.ts";

export const DEFAULT_USER: Bytes = "default";

/** What all users of a server share. */
export interface Realm {
  readonly commands: CommandTable;
  /** `acl-pubsub-default` is allchannels: what new users and selectors begin with. */
  newAllChannels: boolean;
}

export class User {
  readonly name: Bytes;
  readonly #realm: Realm;
  isOn = false;
  /** Any password will do. */
  needsNoPassword = false;
  sanitizesPayload = true;
  /** SHA-256 in lower-case hexadecimal, in the order in which they were set. */
  passwords: Bytes[] = [];
  /** His own first. */
  selectors: [Selector, ...Selector[]];
  /** Nothing need be asked: the one look that a command of the default user costs. */
  isUnrestricted = false;

  constructor(name: Bytes, realm: Realm) {
    this.name = name;
    this.#realm = realm;
    this.selectors = [new Selector(realm.commands, realm.newAllChannels)];
  }

  /** The user that there always is, with all rights and no password. */
  static default(realm: Realm): User {
    const user = new User(DEFAULT_USER, realm);
    for (const rule of ["+@all", "~*", "&*", "on", "nopass"]) user.apply(rule);
    return user;
  }

  copy(): User {
    const copy = new User(this.name, this.#realm);
    copy.become(this);
    return copy;
  }

  /** Takes over everything but the name. */
  become(other: User): void {
    this.isOn = other.isOn;
    this.needsNoPassword = other.needsNoPassword;
    this.sanitizesPayload = other.sanitizesPayload;
    this.passwords = [...other.passwords];
    const [own, ...more] = other.selectors;
    this.selectors = [own.copy(), ...more.map((selector) => selector.copy())];
    this.#look();
  }

  #look(): void {
    this.isUnrestricted = this.selectors.some((selector) => selector.isUnrestricted);
  }

  /** Throws RuleError; a rule that is not taken changes nothing. */
  apply(rule: Bytes): void {
    if (rule === "") return;
    if (!this.#applyWord(rule.toLowerCase())) this.#applyOther(rule);
    this.#look();
  }

  #applyWord(word: Bytes): boolean {
    switch (word) {
      case "on":
      case "off":
        this.isOn = word === "on";
        return true;
      case "nopass":
      case "resetpass":
        this.needsNoPassword = word === "nopass";
        this.passwords = [];
        return true;
      case "sanitize-payload":
      case "skip-sanitize-payload":
        this.sanitizesPayload = word === "sanitize-payload";
        return true;
      case "clearselectors":
        this.selectors = [this.selectors[0]];
        return true;
      case "reset":
        this.#reset();
        return true;
      default:
        return false;
    }
  }

  #applyOther(rule: Bytes): void {
    switch (rule.charAt(0)) {
      case ">":
      case "#":
        this.#addPassword(hashOf(rule));
        return;
      case "<":
      case "!":
        this.#removePassword(hashOf(rule));
        return;
      default:
        if (rule.startsWith("(") && rule.endsWith(")")) this.#addSelector(rule.slice(1, -1));
        else this.selectors[0].apply(rule);
    }
  }

  #addPassword(hash: Bytes): void {
    if (!this.passwords.includes(hash)) this.passwords.push(hash);
    this.needsNoPassword = false;
  }

  #removePassword(hash: Bytes): void {
    if (!this.passwords.includes(hash)) throw NO_SUCH_PASSWORD;
    this.passwords = this.passwords.filter((one) => one !== hash);
  }

  #addSelector(rules: Bytes): void {
    const selector = new Selector(this.#realm.commands, this.#realm.newAllChannels);
    for (const rule of rules.split(" ")) {
      if (rule !== "") selector.apply(rule);
    }
    this.selectors.push(selector);
  }

  #reset(): void {
    const [own] = this.selectors;
    for (const rule of ["resetkeys", "resetchannels", "-@all"]) own.apply(rule);
    if (this.#realm.newAllChannels) own.apply("allchannels");
    this.selectors = [own];
    this.isOn = false;
    this.needsNoPassword = false;
    this.passwords = [];
    this.sanitizesPayload = true;
  }

  /** Whether he is let in with this password. */
  accepts(password: Bytes): boolean {
    const given = digest(password);
    let fits = false;
    for (const hash of this.passwords) {
      if (timingSafeEqual(given, Buffer.from(hash, "hex"))) fits = true;
    }
    return this.isOn && (this.needsNoPassword || fits);
  }

  get flags(): Bytes[] {
    const flags = [this.isOn ? "on" : "off"];
    if (this.needsNoPassword) flags.push("nopass");
    flags.push(this.sanitizesPayload ? "sanitize-payload" : "skip-sanitize-payload");
    return flags;
  }

  /** The words after his name that make him what he is. */
  get rules(): Bytes {
    const [own, ...more] = this.selectors;
    return [
      ...this.flags,
      ...this.passwords.map((hash) => `#${hash}`),
      own.rules,
      ...more.map((selector) => `(${selector.rules})`),
    ].join(" ");
  }

  /** The line of ACL LIST and of files. */
  get line(): Bytes {
    return `user ${this.name} ${this.rules}`;
  }
}

const HASH = /^[0-9a-f]{64}$/;

/** The hash that a rule about a password means. */
function hashOf(rule: Bytes): Bytes {
  const text = rule.slice(1);
  if (rule.startsWith(">") || rule.startsWith("<")) return digest(text).toString("hex");
  if (!HASH.test(text)) throw BAD_HASH;
  return text;
}

function digest(password: Bytes): Buffer {
  return createHash("sha256").update(password, "latin1").digest();
}

/** Selectors that were split at their blanks, put together again; throws for one that is not closed. */
export function joinSelectors(words: readonly Bytes[]): Bytes[] {
  const rules: Bytes[] = [];
  let open: { readonly first: Bytes; text: Bytes } | null = null;
  for (const word of words) {
    if (open !== null) {
      open.text += ` ${word}`;
      if (!word.endsWith(")")) continue;
      rules.push(open.text);
      open = null;
    } else if (word.startsWith("(") && !word.endsWith(")")) open = { first: word, text: word };
    else rules.push(word);
  }
  if (open !== null) throw new UnmatchedParenthesis(open.first);
  return rules;
}

export class UnmatchedParenthesis extends Error {
  override readonly name = "UnmatchedParenthesis";
  /** The word that opens it. */
  readonly word: Bytes;

  constructor(word: Bytes) {
    super(`Unmatched parenthesis in acl selector starting at '${word}'.`);
    this.word = word;
  }
}

/** Throws RuleError for what cannot be a name. */
export function checkUserName(name: Bytes): void {
  if (/[\s\0]/.test(name)) throw BAD_SYNTAX;
}
