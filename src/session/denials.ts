// What access control denies one connection: the refusal, the counters and the entry of ACL LOG.
//
// An EXEC that is stopped by a cold read runs again from its start, so what it denies is noted only
// when it has run to its end.

import {
  denialOf,
  execRefusalText,
  refusalText,
  sortRefusal,
  type Denial,
} from "../acl/permission.ts";
import type { AclEvent } from "../acl/log.ts";
import { DEFAULT_USER } from "../acl/user.ts";
import type { Command } from "../commands/lookup.ts";
import type { Credentials } from "../commands/ports.ts";
import type { Args } from "../commands/table.ts";
import { CommandError } from "../resp/errors.ts";
import type { Session } from "./session.ts";

export class Denials {
  readonly #session: Session;
  /** What the EXEC now running has denied. */
  #inExec: Denial[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  /** Null when the command is allowed. */
  refusal(command: Command, args: Args, context: AclEvent["context"]): CommandError | null {
    const { account } = this.#session;
    const denial = denialOf(account, command, args);
    if (denial === null) return null;
    this.#note({ ...denial, userName: account.name }, context);
    return new CommandError(refusalText(denial, account));
  }

  /** The same for a command that was allowed when it was queued. */
  refusalInExec(command: Command, args: Args): CommandError | null {
    const { account } = this.#session;
    if (account.isUnrestricted) return null;
    const denial = denialOf(account, command, args);
    if (denial === null) return sortRefusal(account, command, args);
    this.#inExec.push(denial);
    return new CommandError(execRefusalText(denial));
  }

  /** The EXEC has run to its end. */
  keep(): void {
    if (this.#inExec.length === 0) return;
    const userName = this.#session.user;
    for (const denial of this.#inExec) this.#note({ ...denial, userName }, "multi");
    this.#inExec = [];
  }

  /** The EXEC has been stopped and will run again. */
  revert(): void {
    this.#inExec = [];
  }

  noteAuth({ user, command }: Credentials): void {
    const context = this.#session.inTransaction ? "multi" : "toplevel";
    this.#note({ reason: "auth", object: command, userName: user ?? DEFAULT_USER }, context);
  }

  #note(
    event: Pick<AclEvent, "reason" | "object" | "userName">,
    context: AclEvent["context"],
  ): void {
    const { host, id } = this.#session;
    const { stats } = host;
    if (event.reason === "auth") stats.aclAccessDeniedAuth++;
    else if (event.reason === "command") stats.aclAccessDeniedCommand++;
    else if (event.reason === "key") stats.aclAccessDeniedKey++;
    else stats.aclAccessDeniedChannel++;
    const client = host.server.clients.list({ ids: new Set([id]) }).trimEnd();
    host.aclLog.add({ ...event, context, client }, host.clock.nowMs());
  }
}
