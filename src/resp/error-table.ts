// Every error a client can meet, as a table: docs/errors.md is written from it. What stands in
// <angle brackets> varies. In each row: what has happened, and what to do about it (law 8).

export interface ErrorRow {
  /** The first word of the error, by which clients tell errors apart. */
  readonly code: string;
  readonly text: string;
  readonly when: string;
  readonly action: string;
}

const FIX = "Fix the command; sending it again as it is gives the same answer.";

type Row = readonly [text: string, when: string, action: string];

const ROWS: readonly Row[] = [
  [
    "TRYAGAIN the caches are too small for what this command reads; retry in <n> ms",
    "The keys of one command or transaction do not stay in the caches together, however often they " +
      "are loaded. Nothing was done.",
    "Give the server larger caches (object-cache-size, rocksdb.block_cache_size), or ask for less " +
      "at a time.",
  ],
  [
    "ERR the reply is longer than 512 MB; ask for less at a time, with SCAN, ranges or fewer keys",
    "The whole reply would exceed the longest string the server can make. A command that wrote " +
      "has written.",
    "Read in parts.",
  ],
  [
    "ERR the command needs more memory than long-read-memory-max; ask for less at a time, with SCAN, ranges or " +
      "fewer keys",
    "A reading command that looks at very much runs on a thread of its own, which had not enough memory for what " +
      "it read and answered. Nobody else noticed.",
    "Read in parts, or give it more.",
  ],
  [
    "ERR the command was stopped",
    "It ran on a thread of its own, and the server is being stopped. It has only read.",
    "Send it to the server that comes after.",
  ],
  [
    "ERR the thread of the command failed: <words>",
    "It ran on a thread of its own, which has ended by itself. It has only read.",
    "Look at the words; sent again, the command gets a new thread.",
  ],
  [
    "TRYAGAIN <engine's words>; retry in <n> ms",
    "RocksDB refused the commit because it cannot flush or compact as fast as writes come (a " +
      "write stall). The write was certainly not applied.",
    "Send the command again after the time given. If it lasts, give RocksDB more memory or " +
      "background jobs, or set write-stall-policy to wait.",
  ],
  [
    "TRYAGAIN a key was changed while it was on its way: it is at the target as it was, and still here",
    "MIGRATE found a key changed that had been sent; the others have gone.",
    "Send MIGRATE again, with REPLACE.",
  ],
  [
    "TRYAGAIN the keys are at the target, but could not be removed here; see INFO kept",
    "The commit that removes what MIGRATE has sent was refused: the keys are on both servers.",
    "When writes are taken again, send MIGRATE again, with REPLACE.",
  ],
  [
    "MISCONF <engine's words>; <what the operator must do>",
    "The disk is full, reports errors, or holds damaged data. The write was certainly not " +
      "applied; reads go on.",
    "An operator is needed: the message says what for. Retrying before that gives the same " +
      "answer.",
  ],
  [
    "EXECABORT Transaction discarded because of: <words>",
    "The commit of this transaction was refused, or a command could not be queued. Nothing of " +
      "the transaction was applied.",
    "Send the whole transaction again, after the time given if there is one. With " +
      "exec-failure-reply attributed it stands in place of each element concerned.",
  ],
  [
    "EXECABORT Transaction discarded because of previous errors.",
    "EXEC after a command that was refused when it was queued: unknown, wrong number of " +
      "arguments, or writes refused. Nothing was applied.",
    "Look at the errors given to the queued commands, fix them, and send the whole transaction " +
      "again.",
  ],
  [
    "(the connection is closed without an answer)",
    "UNKNOWN outcome: the log failed half-way, or did not answer in time, so that it cannot be " +
      "known yet whether the write was kept. No guess is sent.",
    "Connect again and read what is there, or send the transaction again with the same ONCE " +
      "token: it runs at most once.",
  ],
  [
    "READONLY <words>",
    "The server takes no writes. The write was certainly not applied.",
    "Write to the primary; if this is the primary, look at the server log.",
  ],
  [
    "OOM command not allowed when used memory > 'maxmemory'.",
    "A command that may use more memory while maxmemory is exceeded.",
    "Delete data or raise maxmemory.",
  ],
  [
    "ERR write batch too large: <words>",
    "The writes of one command or transaction exceed " +
      "rocksdb.write_options.write_batch_max_bytes. Nothing of it was applied; its neighbours were.",
    "Split the command or transaction, or raise the limit.",
  ],
  [
    "NOAUTH Authentication required.",
    "A command before AUTH, when a password is required.",
    "Send AUTH or HELLO with AUTH first.",
  ],
  [
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
      "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the " +
      "RESP protocol version at the same time",
    "HELLO without AUTH, when a password is required.",
    "Send HELLO with its AUTH option.",
  ],
  [
    "WRONGPASS invalid username-password pair or user is disabled.",
    "AUTH, or HELLO with AUTH, with the wrong name or password.",
    "Use the right ones.",
  ],
  [
    "ERR AUTH <password> called without any password configured for the default user. Are you " +
      "sure your configuration is correct?",
    "AUTH with a password alone while requirepass is not set.",
    "Set requirepass on the server, or do not send AUTH.",
  ],
  [
    "NOPROTO unsupported protocol version",
    "HELLO with a version other than 2 and 3.",
    "Use 2 or 3.",
  ],
  [
    "ERR Protocol version is not an integer or out of range",
    "HELLO with a version that is no number.",
    FIX,
  ],
  ["ERR Syntax error in HELLO option '<option>'", "HELLO with an option it does not know.", FIX],
  [
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "The key exists and holds a value of another type.",
    "Use the commands of its type (TYPE tells), or delete the key.",
  ],
  [
    "WRONGTYPE Key is not a valid HyperLogLog string value.",
    "A HyperLogLog command on a string that is none.",
    "Use another key.",
  ],
  [
    "INVALIDOBJ Corrupted HLL object detected",
    "The string of a HyperLogLog begins as one and goes on otherwise: it was changed with SETRANGE " +
      "or the like, or never was one.",
    "Delete the key and add its elements again.",
  ],
  [
    "BUSYKEY Target key name already exists.",
    "RESTORE onto a key that exists, without REPLACE.",
    "Add REPLACE, or choose another key.",
  ],
  [
    "ERR unknown command '<name>', with args beginning with: <arguments>",
    "There is no such command.",
    "Look for a typing error, then in docs/commands.md.",
  ],
  [
    "ERR unknown subcommand '<name>'. Try <command> HELP.",
    "There is no such subcommand.",
    "Look for a typing error, then in docs/commands.md.",
  ],
  [
    "ERR unknown subcommand or wrong number of arguments for '<name>'. Try <command> HELP.",
    "There is no such subcommand, or it has other arguments.",
    FIX,
  ],
  ["ERR wrong number of arguments for '<command>' command", "Too few or too many arguments.", FIX],
  [
    "ERR syntax error",
    "An option that the command does not know, or options that exclude each other.",
    FIX,
  ],
  ["ERR Unsupported option <option>", "An option that the command does not know.", FIX],
  [
    "ERR Invalid arguments specified for command",
    "COMMAND GETKEYS of a command that cannot be one.",
    FIX,
  ],
  [
    "ERR value is not an integer or out of range",
    "An argument, or the value of the key, is no integer of 64 bits.",
    FIX,
  ],
  [
    "ERR value is out of range, value must between <least> and <most>",
    "An argument outside what the command takes.",
    FIX,
  ],
  [
    "ERR value is out of range, must be positive",
    "A negative argument where none is possible.",
    FIX,
  ],
  ["ERR value is not a valid float", "An argument, or the value of the key, is no number.", FIX],
  [
    "ERR increment or decrement would overflow",
    "The sum does not fit in 64 bits. The value is unchanged.",
    "Use a smaller step, or INCRBYFLOAT.",
  ],
  [
    "ERR decrement would overflow",
    "DECRBY by the least integer, whose negative does not exist.",
    FIX,
  ],
  [
    "ERR increment would produce NaN or Infinity",
    "The sum is no finite number. The value is unchanged.",
    FIX,
  ],
  [
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
    "The value would be longer than proto-max-bulk-len. It is unchanged.",
    "Split the value, or raise proto-max-bulk-len (512 MB at most).",
  ],
  ["ERR offset is out of range", "A negative offset.", FIX],
  ["ERR index out of range", "The list has no such element.", FIX],
  ["ERR no such key", "The command needs the key to exist.", "Create the key first."],
  ["ERR source and destination objects are the same", "COPY or MOVE of a key onto itself.", FIX],
  [
    "ERR DB index is out of range",
    "There is no database of that number.",
    "Use 0 to databases - 1.",
  ],
  ["ERR invalid <first or second> DB index", "SWAPDB with something that is no number.", FIX],
  [
    "ERR invalid expire time in '<command>' command",
    "An expiry that is zero, negative or too far away.",
    FIX,
  ],
  [
    "ERR NX and XX, GT or LT options at the same time are not compatible",
    "The EXPIRE family with NX and another condition.",
    FIX,
  ],
  [
    "ERR GT and LT options at the same time are not compatible",
    "The EXPIRE family with both.",
    FIX,
  ],
  ["ERR invalid cursor", "A cursor of the SCAN family that is no number.", "Start again from 0."],
  ["ERR bit is not an integer or out of range", "SETBIT with a bit other than 0 and 1.", FIX],
  [
    "ERR bit offset is not an integer or out of range",
    "A bit offset that is negative, or beyond proto-max-bulk-len.",
    FIX,
  ],
  ["ERR The bit argument must be 1 or 0.", "BITPOS with another bit.", FIX],
  ["ERR BITOP NOT must be called with a single source key.", "BITOP NOT with several.", FIX],
  [
    "ERR BITFIELD_RO only supports the GET subcommand",
    "BITFIELD_RO with SET or INCRBY.",
    "Use BITFIELD.",
  ],
  [
    "ERR Invalid OVERFLOW type specified",
    "BITFIELD with an OVERFLOW other than WRAP, SAT and FAIL.",
    FIX,
  ],
  [
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but " +
      "i64 is.",
    "BITFIELD with a type it does not know.",
    FIX,
  ],
  ["ERR The specified keys must contain string values", "LCS of keys of another type.", FIX],
  [
    "ERR If you want both the length and indexes, please just use IDX.",
    "LCS with LEN and IDX.",
    FIX,
  ],
  [
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    "LCS of two long values: its table would be too large.",
    "Compare shorter values.",
  ],
  [
    "ERR DUMP payload version or checksum are wrong",
    "RESTORE of bytes that are damaged or from a newer version.",
    "Dump again; transfer the bytes as they are.",
  ],
  [
    "ERR Bad data format",
    "RESTORE of bytes whose checksum is right and whose content is not.",
    "Dump again.",
  ],
  ["ERR Invalid TTL value, must be >= 0", "RESTORE with a negative expiry.", FIX],
  ["ERR Invalid IDLETIME value, must be >= 0", "RESTORE with a negative IDLETIME.", FIX],
  ["ERR Invalid FREQ value, must be >= 0 and <= 255", "RESTORE with FREQ outside these.", FIX],
  [
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. <note>",
    "OBJECT FREQ: the frequency of use is not kept.",
    "Do without.",
  ],
  [
    "ERR An LFU maxmemory policy is selected, idle time not tracked. <note>",
    "OBJECT IDLETIME: the time since the last use is not kept.",
    "Do without.",
  ],
  ["ERR MULTI calls can not be nested", "MULTI inside MULTI. The open transaction goes on.", FIX],
  ["ERR EXEC without MULTI", "EXEC without an open transaction. Watched keys stay watched.", FIX],
  [
    "ERR DISCARD without MULTI",
    "DISCARD without an open transaction. Watched keys stay watched.",
    FIX,
  ],
  [
    "ERR WATCH inside MULTI is not allowed",
    "WATCH inside MULTI. The open transaction goes on.",
    "WATCH before MULTI.",
  ],
  [
    "ERR Command not allowed inside a transaction",
    "A command that cannot be queued.",
    "Send it outside MULTI.",
  ],
  [
    "ERR transaction queue exceeds client-query-buffer-limit",
    "The queued commands are larger than client-query-buffer-limit.",
    "Split the transaction, or raise the limit.",
  ],
  [
    "ERR watched keys exceed client-query-buffer-limit",
    "The watched keys of the connection take more memory than client-query-buffer-limit.",
    "Watch fewer keys at once, or raise the limit.",
  ],
  [
    "ERR subscriptions exceed client-query-buffer-limit",
    "The subscriptions of the connection take more memory than client-query-buffer-limit.",
    "Use patterns or several connections, or raise the limit.",
  ],
  [
    "ERR ONCE must be the first command after MULTI",
    "ONCE elsewhere.",
    "Send MULTI, then ONCE, then the commands.",
  ],
  ["ERR ONCE token must be 1 to <n> bytes", "An empty or overlong token.", "Use a UUID."],
  [
    "ERR ONCE token was already used for a different transaction",
    "The same token came with other commands before. Nothing was applied.",
    "Make a new token for each new transaction.",
  ],
  [
    "ERR Client names cannot contain spaces, newlines or special characters.",
    "CLIENT SETNAME or HELLO SETNAME with such a name.",
    FIX,
  ],
  [
    "ERR Can't execute '<command>': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET " +
      "are allowed in this context",
    "Another command while subscribed, in RESP2.",
    "Use a second connection, or RESP3 (HELLO 3).",
  ],
  [
    "ERR max number of clients reached",
    "As many connections as maxclients allows are open. The connection is closed.",
    "Close some, or raise maxclients.",
  ],
  [
    "DENIED Kept runs in protected mode <and why, and how to let others in>",
    "The server has no password and the connection does not come from its own machine. The " +
      "connection is closed.",
    "Set requirepass; or set protected-mode no where others are kept out by other means.",
  ],
  [
    "ERR Protocol error: invalid multibulk length",
    "The number after * is malformed or beyond 2147483647. The connection is closed, as after " +
      "every protocol error.",
    "The client library is broken, or something else than a client has connected.",
  ],
  [
    "ERR Protocol error: invalid bulk length",
    "The number after $ is malformed, negative, or beyond proto-max-bulk-len. The connection is " +
      "closed.",
    "Send smaller values, or raise proto-max-bulk-len.",
  ],
  [
    "ERR Protocol error: expected '$', got '<byte>'",
    "An argument of an array does not begin with $. The connection is closed.",
    "The client library is broken: it miscounts bytes, as a rule.",
  ],
  [
    "ERR Protocol error: too big inline request",
    "A line of more than 64 KB that is no array. The connection is closed.",
    "Send the command as an array.",
  ],
  [
    "ERR Protocol error: too big mbulk count string",
    "More than 64 KB after * without a line end. The connection is closed.",
    "The client library is broken.",
  ],
  [
    "ERR Protocol error: too big bulk count string",
    "More than 64 KB after $ without a line end. The connection is closed.",
    "The client library is broken.",
  ],
  [
    "ERR Protocol error: unbalanced quotes in request",
    "An inline command with an open quote. The connection is closed.",
    "Close the quote, and follow it by a blank.",
  ],
  [
    "MOVED <slot> <host>:<port>",
    "The key belongs to another process of this server (processes), which listens there. Nothing was done.",
    "Use a client for Redis Cluster: it goes there by itself.",
  ],
  [
    "CROSSSLOT Keys in request don't hash to the same slot",
    "The server shares out its slots among processes, and the keys of this command or transaction are of " +
      "several. Nothing was done.",
    "Give keys that are used together the same hash tag: {user7}:name, {user7}:cart.",
  ],
  [
    "ERR the processes of this server share out the slots when it starts, for good: see the setting processes",
    "A CLUSTER subcommand would change who has which slots.",
    "Move the data to a new directory for another number of processes.",
  ],
  [
    "ERR Protocol error: unauthenticated multibulk length",
    "More than 10 arguments before AUTH, when a password is required. The connection is closed.",
    "Send AUTH first.",
  ],
  [
    "ERR Protocol error: unauthenticated bulk length",
    "An argument of more than 16384 bytes before AUTH, when a password is required. The " +
      "connection is closed.",
    "Send AUTH first.",
  ],
];

/** In the order in which docs/errors.md lists them. */
export const ERROR_TABLE: readonly ErrorRow[] = ROWS.map(([text, when, action]) => {
  const code = text.startsWith("(") ? "(closed)" : text.slice(0, text.indexOf(" "));
  return { code, text, when, action };
});

/** The row that an error's text belongs to: the one that leaves least of it to brackets. */
export function rowOf(text: string): ErrorRow | null {
  let best: ErrorRow | null = null;
  for (const row of ERROR_TABLE) {
    if (!matches(row.text, text)) continue;
    if (best === null || fixedLength(row.text) > fixedLength(best.text)) best = row;
  }
  return best;
}

const PLACEHOLDER = /<[^<>]+>/;

function fixedLength(template: string): number {
  let length = 0;
  for (const part of template.split(PLACEHOLDER)) length += part.length;
  return length;
}

function matches(template: string, text: string): boolean {
  const parts = template.split(PLACEHOLDER);
  const [first = "", ...others] = parts;
  if (!text.startsWith(first)) return false;
  const last = others.pop();
  if (last === undefined) return text === first;
  let position = first.length;
  for (const part of others) {
    const found = text.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return text.length - last.length >= position && text.endsWith(last);
}
