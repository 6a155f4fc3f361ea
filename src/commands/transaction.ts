// MULTI, EXEC, DISCARD, WATCH, UNWATCH and Kept's own ONCE. The rules are in session/transaction.ts;
// here are the rows.

import { NO_KEYS, NO_REPLY, at, keysToEnd, type CommandRows } from "./table.ts";

export const transactionCommands: CommandRows = {
  MULTI: {
    kind: "session",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    keys: NO_KEYS,
    group: "transactions",
    since: "1.2.0",
    summary: "Begins a transaction: the commands that follow are queued until EXEC.",
    complexity: "O(1)",
    run: (session) => session.multi(),
  },
  EXEC: {
    kind: "session",
    arity: 1,
    flags: ["noscript", "loading", "stale", "skip_slowlog"],
    keys: NO_KEYS,
    group: "transactions",
    since: "1.2.0",
    summary: "Runs the queued commands as one atomic batch and answers once it is committed.",
    complexity: "Depends on the queued commands",
    // Never called: the session sends EXEC to its transaction, because its reply waits for the commit.
    run: () => NO_REPLY,
  },
  DISCARD: {
    kind: "session",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    keys: NO_KEYS,
    group: "transactions",
    since: "2.0.0",
    summary: "Drops the queued commands and every WATCH of the connection.",
    complexity: "O(N), N being the number of queued commands",
    run: (session) => session.discard(),
  },
  WATCH: {
    kind: "session",
    arity: -2,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    keys: keysToEnd("RO"),
    group: "transactions",
    since: "2.2.0",
    summary: "Makes the next EXEC answer null if one of the keys changes before it.",
    complexity: "O(1) for every key",
    arguments: [{ name: "key", type: "key", multiple: true }],
    run: (session, args) => session.watch(args.slice(1)),
  },
  UNWATCH: {
    kind: "session",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast", "allow_busy"],
    keys: NO_KEYS,
    group: "transactions",
    since: "2.2.0",
    summary: "Forgets every WATCH of the connection.",
    complexity: "O(1)",
    run: (session) => session.unwatch(),
  },
  ONCE: {
    kind: "session",
    arity: 2,
    flags: ["write", "noscript", "fast"],
    keys: NO_KEYS,
    group: "transactions",
    since: "Kept 0.1.0",
    summary:
      "First in a MULTI: keeps the outcome of the EXEC under a token, and gives it again to a retry.",
    complexity: "O(N), N being the size of the replies",
    arguments: [{ name: "token", type: "string" }],
    run(session, args) {
      at(args, 1);
      return session.once();
    },
  },
};
