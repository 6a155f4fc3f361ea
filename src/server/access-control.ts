// ACL commands, seen from the whole server: users change, and connections that they no longer entitle
// are cut off; an ACL file is read and written.

import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

import { denialOf, describe, mayListen } from "../acl/permission.ts";
import type { AclLog, AclLogEntry } from "../acl/log.ts";
import { RuleError } from "../acl/rule-error.ts";
import { DEFAULT_USER, UnmatchedParenthesis, type User } from "../acl/user.ts";
import type { Users } from "../acl/users.ts";
import { bytesOfText, type Bytes } from "../base/bytes.ts";
import type { Command } from "../commands/lookup.ts";
import type { AclPort, Outcome, UserFacts } from "../commands/ports.ts";
import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import { replaceFile } from "./config-file.ts";
import type { Connection } from "./connection.ts";

export interface AclFile {
  readonly path: string;
  readonly log: Log;
}

interface Surroundings {
  readonly connections: ReadonlyMap<number, Connection>;
  /** `aclfile`; null when there is none. */
  readonly file: AclFile | null;
}

/** What a core has of access control. */
interface Parts {
  readonly users: Users;
  readonly aclLog: AclLog;
}

const NO_FILE =
  "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via " +
  "the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration " +
  "file set) in order to store users in the Redis configuration.";
const NOT_SAVED =
  "ERR There was an error trying to save the ACLs. Please check the server logs for more information";

export class AccessControl implements AclPort {
  readonly #users: Users;
  readonly #aclLog: AclLog;
  readonly #surroundings: Surroundings;

  constructor({ users, aclLog }: Parts, surroundings: Surroundings) {
    this.#users = users;
    this.#aclLog = aclLog;
    this.#surroundings = surroundings;
  }

  lines(): Bytes[] {
    return this.#users.all.map((user) => user.line);
  }

  names(): Bytes[] {
    return this.#users.all.map((user) => user.name);
  }

  user(name: Bytes): UserFacts | null {
    return this.#users.named(name);
  }

  set(name: Bytes, rules: readonly Bytes[], callerId: number): void {
    const draft = this.#users.draft(name, rules);
    const known = this.#users.named(name);
    this.#users.adopt(draft);
    if (known !== null) this.#cutOff(callerId, (connection) => isDeaf(connection, known));
  }

  delete(names: readonly Bytes[], callerId: number): number {
    let count = 0;
    for (const name of names) {
      const user = this.#users.delete(name);
      if (user === null) continue;
      count++;
      this.#cutOff(callerId, ({ session }) => session.account === user);
    }
    return count;
  }

  /** The caller still gets his answer. */
  #cutOff(callerId: number, isMeant: (connection: Connection) => boolean): void {
    for (const connection of this.#surroundings.connections.values()) {
      const { session } = connection;
      if (connection.isClosing || !isMeant(connection)) continue;
      session.disown();
      if (session.id === callerId) connection.closeAfterFlush();
      else connection.close();
    }
  }

  denial(name: Bytes, command: Command, call: readonly Bytes[]): Bytes | null {
    const user = this.#users.named(name);
    if (user === null) return null;
    const denial = denialOf(user, command, call);
    return denial === null ? null : describe(denial, user, true);
  }

  log(count: number): readonly AclLogEntry[] {
    return this.#aclLog.newest(count);
  }

  clearLog(): void {
    this.#aclLog.clear();
  }

  load(callerId: number): Outcome {
    const { file } = this.#surroundings;
    if (file === null) return NO_FILE;
    const { users } = { users: this.#users };
    const problem = loadFile(users, file.path);
    if (problem !== null) return `ERR ${problem}`;
    this.#cutOff(callerId, (connection) => {
      const { account } = connection.session;
      return users.named(account.name) !== account || isDeaf(connection, account);
    });
    return null;
  }

  save(): Outcome {
    const { file } = this.#surroundings;
    if (file === null) return NO_FILE;
    try {
      // A new file is made first, so that there is one to be replaced, with its mode.
      writeFileSync(file.path, "", { flag: "a", mode: 0o600 });
      replaceFile(file.path, this.#users.fileText);
      return null;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      file.log.warning(`Saving the ACL file: ${error.message}`);
      return NOT_SAVED;
    }
  }

  password(digits: number): Bytes {
    return randomBytes(Math.ceil(digits / 2))
      .toString("hex")
      .slice(0, digits);
  }

  /**
   * The words of the `user` lines that CONFIG REWRITE writes; none when there is an ACL file, or when
   * `requirepass` says it all.
   */
  configLines(config: Config): Bytes[][] {
    if (this.#surroundings.file !== null) return [];
    const plain = this.#users.default.copy();
    for (const rule of ["reset", "+@all", "~*", "&*", "on", "nopass"]) plain.apply(rule);
    const password = config.get("requirepass");
    if (password !== "") plain.apply(`>${password}`);
    const { all } = this.#users;
    if (all.length === 1 && all[0]?.line === plain.line) return [];
    return all.map(({ line }) => line.split(" ").slice(1));
  }
}

/** Whether the connection speaks as `user` and listens to something that he may not listen to. */
function isDeaf({ session }: Connection, user: User): boolean {
  if (session.account !== user || session.subscriptionCount === 0) return false;
  const { channel, pattern, shard } = session.listening.names;
  return (
    [...channel, ...shard].some((name) => !mayListen(user, name, false)) ||
    [...pattern].some((name) => !mayListen(user, name, true))
  );
}

/** Null, or everything that is wrong with the file. */
function loadFile(users: Users, path: string): Bytes | null {
  let text: Bytes;
  try {
    text = readFileSync(path, "latin1");
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return bytesOfText(`Error loading ACLs, opening file '${path}': ${error.message}`);
  }
  return users.load(text, bytesOfText(path));
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "code" in error;
}

/** Settings about access control that may change at any time. */
export function obeyAclSettings(core: Parts, config: Config): void {
  const { users, aclLog } = core;
  const obey = (): void => {
    users.realm.newAllChannels = config.get("acl-pubsub-default") === "allchannels";
    aclLog.lengthMax = config.get("acllog-max-len");
  };
  config.onChange("acl-pubsub-default", obey);
  config.onChange("acllog-max-len", obey);
  config.onChange("requirepass", (password) => users.setDefaultPassword(password));
  obey();
}

const BOTH =
  "Configuring users in the configuration file and at the same time setting an ACL file path is " +
  "invalid. This setup is very likely to lead to configuration errors and security holes, please " +
  "define either an ACL file or declare users directly in the configuration file, but not both.";

/** `aclfile`, from `dir` on, as Redis has entered that before it reads the file; null for none. */
export function aclPathOf(config: Config): string | null {
  const path = config.get("aclfile");
  return path === "" ? null : resolve(config.get("dir"), path);
}

/** The users that the configuration has or names; null, or why the server must not start. */
export function loadUsersAtStart(users: Users, config: Config): string | null {
  const lines = config.get("user");
  const path = aclPathOf(config);
  if (path !== null) return lines.length > 0 ? BOTH : loadFile(users, path);
  const seen = new Set<Bytes>();
  for (const words of lines) {
    try {
      users.define(words, seen);
    } catch (error) {
      if (error instanceof RuleError || error instanceof UnmatchedParenthesis) {
        return `In the line of user '${words[0] ?? DEFAULT_USER}': ${error.message}`;
      }
      throw error;
    }
  }
  return null;
}
