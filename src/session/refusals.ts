// Why a command of a connection may not run, or not be queued, at this moment: the questions in the order in which
// Redis asks them.

import { sortRefusal } from "../acl/permission.ts";
import { NO_AUTH } from "../acl/users.ts";
import type { Command } from "../commands/lookup.ts";
import type { Args } from "../commands/table.ts";
import { CommandError } from "../resp/errors.ts";
import type { Session } from "./session.ts";
import { redirection } from "./slots.ts";
import { Transaction } from "./transaction.ts";

const PUBSUB_COMMANDS = new Set([
  "subscribe",
  "unsubscribe",
  "psubscribe",
  "punsubscribe",
  "ssubscribe",
  "sunsubscribe",
  "ping",
  "quit",
  "reset",
]);

/** Null when it may run. */
export function refusalNow(session: Session, command: Command, args: Args): CommandError | null {
  const { host, transaction } = session;
  if (!session.isAuthenticated && session.mustAuthenticate && !command.needsNoAuth) return NO_AUTH;
  const denied = host.permission(session, command, args) ?? denial(session, command, args);
  if (denied !== null) return denied;
  if (host.cluster !== null) {
    const redirected = redirection(host.cluster, { command, args }, session);
    if (redirected !== null) return redirected;
  }
  const isQueued = transaction.isOpen && !Transaction.runsAtOnce(command);
  const refused = host.admission(command, isQueued);
  if (refused !== null) return refused;
  if (
    session.subscriptionCount > 0 &&
    session.protocol === 2 &&
    !PUBSUB_COMMANDS.has(command.name)
  ) {
    return new CommandError(
      `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / ` +
        "PING / QUIT / RESET are allowed in this context",
    );
  }
  if (transaction.isOpen && command.isNoMulti) {
    return new CommandError("ERR Command not allowed inside a transaction");
  }
  return busyRefusal(session, command);
}

/** EXEC cannot wait for the script's end either: with it goes the transaction. */
function busyRefusal({ host, transaction }: Session, command: Command): CommandError | null {
  const busy = host.longScripts.busyRefusal(command);
  if (busy === null || command.name !== "exec") return busy;
  transaction.abandon();
  return new CommandError(`EXECABORT Transaction discarded because of: ${busy.message}`);
}

/** What access control says to a command before it is queued or run. */
function denial(session: Session, command: Command, args: Args): CommandError | null {
  const { account } = session;
  if (account.isUnrestricted) return null;
  const isInMulti = session.transaction.isOpen;
  const denied = session.denials.refusal(command, args, isInMulti ? "multi" : "toplevel");
  const runsNow = !isInMulti || Transaction.runsAtOnce(command);
  return denied ?? (runsNow ? sortRefusal(account, command, args) : null);
}
