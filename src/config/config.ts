// The settings of a running server: typed values, CONFIG GET and SET, and those who want to know of
// a change. Files are read in parse.ts; what there is to set stands in table.ts.

import type { Bytes } from "../base/bytes.ts";
import * as glob from "../base/glob.ts";
import { ConfigError, type Directive } from "./parse.ts";
import type { Setting } from "./setting.ts";
import {
  isSettingName,
  KNOWN_NAMES,
  settingNamed,
  SETTINGS,
  type NamedSetting,
  type SettingName,
  type ValueOf,
} from "./table.ts";
import { BadValue } from "./value-types.ts";

type Values = { [Name in SettingName]: ValueOf<Name> };

/** Puts a new value to work; a text refuses it, and everything set with it is taken back. */
export type Apply<T> = (value: T) => string | null;

export interface Asker {
  /** Whether the connection comes from this machine, for settings guarded by "local". */
  readonly isLocal: boolean;
}

/** One setting that CONFIG SET gives another value. */
export interface Change extends NamedSetting {
  /** The name as the client gave it. */
  readonly given: string;
  readonly before: unknown;
  readonly after: unknown;
}

const NO_FILE_DIRECTIVE: Readonly<Record<string, string>> = {
  loadmodule: "Kept has no modules",
  "loadmodule-ex": "Kept has no modules",
  sentinel: "Kept is no sentinel",
};

export class Config {
  readonly #values: Values;
  readonly #applies = new Map<SettingName, (() => string | null)[]>();
  readonly #listeners = new Map<SettingName, (() => void)[]>();

  /** All settings at their defaults. */
  constructor() {
    this.#values = initialValues();
  }

  /** The settings some directives make; throws ConfigError at the first that is wrong. */
  static of(directives: readonly Directive[]): Config {
    const config = new Config();
    const seen = new Set<SettingName>();
    for (const directive of directives) {
      const { place } = directive;
      const found = settingNamed(directive.name);
      if (found === null) {
        const reason = NO_FILE_DIRECTIVE[directive.name];
        throw new ConfigError(reason ?? "Bad directive or wrong number of arguments", place);
      }
      const { name, setting } = found;
      const isFirst = !seen.has(name);
      seen.add(name);
      const parsed = parseValue(setting, directive.words, before(config, found, isFirst));
      if (parsed instanceof BadValue) throw new ConfigError(parsed.message, place);
      config.#store(name, parsed.value);
    }
    return config;
  }

  get<Name extends SettingName>(name: Name): ValueOf<Name> {
    return this.#values[name];
  }

  /** `apply` is called by CONFIG SET with a new value, before the change is final. */
  onApply<Name extends SettingName>(name: Name, apply: Apply<ValueOf<Name>>): void {
    append(this.#applies, name, () => apply(this.get(name)));
  }

  /** `listener` is called with each new value once it is final; not with the present one. */
  onChange<Name extends SettingName>(name: Name, listener: (value: ValueOf<Name>) => void): void {
    append(this.#listeners, name, () => {
      listener(this.get(name));
    });
  }

  /** Name and value in turn of all settings that match one of the patterns: CONFIG GET. */
  matching(patterns: readonly Bytes[]): Bytes[] {
    const flat: Bytes[] = [];
    for (const name of KNOWN_NAMES) {
      const found = settingNamed(name);
      if (found === null || found.setting.fileOnly === true) continue;
      const isHidden = found.setting.hidden === true;
      const isAsked = patterns.some((pattern) =>
        isHidden ? pattern.toLowerCase() === name : glob.matchesIgnoringCase(pattern, name),
      );
      if (isAsked) flat.push(name, this.formatted(found.name));
    }
    return flat;
  }

  /** The value as CONFIG GET answers it. */
  formatted(name: SettingName): Bytes {
    const setting: Setting<unknown> = SETTINGS[name];
    return setting.type.format(this.#values[name]);
  }

  /**
   * CONFIG SET: all of the assignments (name and value) or none. Null, or the text of the error
   * reply.
   */
  set(assignments: readonly (readonly [Bytes, Bytes])[], asker: Asker): Bytes | null {
    const changes = this.changes(assignments, asker);
    return typeof changes === "string" ? changes : this.make(changes);
  }

  /** What the assignments would change, nothing of it done yet; or the text of the error reply. */
  changes(
    assignments: readonly (readonly [Bytes, Bytes])[],
    asker: Asker,
  ): readonly Change[] | Bytes {
    const changes: Change[] = [];
    const given = new Set<string>();
    for (const [givenName, text] of assignments) {
      const reason = this.#refusal([givenName, text], given, asker);
      if (reason !== null) return reason;
      given.add(givenName.toLowerCase());
    }
    for (const [givenName, text] of assignments) {
      const found = settingNamed(givenName);
      if (found === null) continue;
      const { name, setting } = found;
      const parsed = parseValue(setting, wordsOf(setting, text), before(this, found, true));
      if (parsed instanceof BadValue) return setFailed(givenName, parsed.message);
      const change = {
        ...found,
        given: givenName,
        before: this.#values[name],
        after: parsed.value,
      };
      const isOther = setting.type.format(change.before) !== setting.type.format(change.after);
      if (isOther || setting.volatile === true) changes.push(change);
    }
    return changes;
  }

  /** Makes what `changes` gave, all or nothing; null, or the text of the error reply. */
  make(changes: readonly Change[]): Bytes | null {
    for (const change of changes) this.#store(change.name, change.after);
    for (const [index, change] of changes.entries()) {
      const reason = this.#apply(change.name);
      if (reason === null) continue;
      const trouble = this.#takeBack(changes, index);
      return setFailed(change.given, reason + trouble);
    }
    for (const { name } of changes) {
      for (const listener of this.#listeners.get(name) ?? []) listener();
    }
    return null;
  }

  /** Settings that were given a value that changes nothing here, with the reason, for the log. */
  ineffective(): { readonly name: SettingName; readonly reason: string }[] {
    return allSettings().flatMap(({ name, setting }) => {
      const isChanged = this.formatted(name) !== setting.type.format(setting.initial);
      if (setting.noEffect === undefined || !isChanged) return [];
      return [{ name, reason: setting.noEffect }];
    });
  }

  #refusal(
    [givenName, text]: readonly [Bytes, Bytes],
    given: ReadonlySet<string>,
    asker: Asker,
  ): Bytes | null {
    const found = settingNamed(givenName);
    if (found === null || found.setting.fileOnly === true) {
      return `ERR Unknown option or number of arguments for CONFIG SET - '${givenName}'`;
    }
    const { setting } = found;
    const who = this.#values["enable-protected-configs"];
    const isTrusted = who === "yes" || (who === "local" && asker.isLocal);
    if (setting.guarded === true && !isTrusted) {
      return setFailed(givenName, "can't set protected config");
    }
    if (setting.mutable === "immutable" && !this.#isAsItIs(found, text)) {
      return setFailed(givenName, "can't set immutable config");
    }
    return given.has(givenName.toLowerCase()) ? setFailed(givenName, "duplicate parameter") : null;
  }

  /** What Redis has not, or what has no effect, may be said again: whoever sets all that he was told is not stopped. */
  #isAsItIs({ name, setting }: NamedSetting, text: Bytes): boolean {
    const isOurs = setting.from !== undefined || setting.noEffect !== undefined;
    return isOurs && this.formatted(name) === text;
  }

  /** Restores all values and applies those again that had been put to work. */
  #takeBack(changes: readonly Change[], failedAt: number): string {
    for (const change of changes) this.#store(change.name, change.before);
    let trouble = "";
    for (const { name } of changes.slice(0, failedAt + 1)) {
      const reason = this.#apply(name);
      if (reason !== null) trouble += `; '${name}' could not be taken back: ${reason}`;
    }
    return trouble;
  }

  #apply(name: SettingName): string | null {
    for (const apply of this.#applies.get(name) ?? []) {
      const reason = apply();
      if (reason !== null) return reason;
    }
    return null;
  }

  #store(name: SettingName, value: unknown): void {
    // The value comes from this setting's own type, or was here before.
    (this.#values as Record<SettingName, unknown>)[name] = value;
  }
}

export function allSettings(): NamedSetting[] {
  return Object.keys(SETTINGS)
    .filter(isSettingName)
    .map((name) => ({ name, setting: SETTINGS[name] }));
}

function initialValues(): Values {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const { name, setting } of allSettings()) values[name] = setting.initial;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a row's initial value has its type
  return values as Values;
}

/** What a line or CONFIG SET starts from. */
function before(config: Config, { name, setting }: NamedSetting, isFirst: boolean): unknown {
  const { startsFrom } = setting.type;
  return isFirst && startsFrom !== undefined ? startsFrom : config.get(name);
}

function parseValue(
  setting: Setting<unknown>,
  words: readonly Bytes[],
  from: unknown,
): { readonly value: unknown } | BadValue {
  if (words.length === 0 && setting.type.takesNone !== true) {
    return new BadValue("wrong number of arguments");
  }
  try {
    return { value: setting.type.parse(words, from) };
  } catch (error) {
    if (error instanceof BadValue) return error;
    throw error;
  }
}

function wordsOf(setting: Setting<unknown>, text: Bytes): readonly Bytes[] {
  if (!setting.type.takesMany) return [text];
  const words = text.split(" ").filter((word) => word !== "");
  return words.length === 0 ? [""] : words;
}

/** The text of the error reply to CONFIG SET. */
export function setFailed(givenName: Bytes, reason: string): Bytes {
  return `ERR CONFIG SET failed (possibly related to argument '${givenName}') - ${reason}`;
}

function append<T>(lists: Map<SettingName, T[]>, name: SettingName, item: T): void {
  const list = lists.get(name) ?? [];
  list.push(item);
  lists.set(name, list);
}
