// Laws broken on purpose, each in the running server of one simulation and nowhere else: by replacing
// a function of its objects. What is broken must be noticed, under its own name.

import type { Bytes } from "../../src/base/bytes.ts";
import { DATA, StorageError } from "../../src/engine/engine.ts";
import type { MemoryEngine } from "../../src/engine/memory.ts";
import { readWriteOps, WriteOps } from "../../src/engine/write-ops.ts";
import { COMMANDS } from "../../src/commands/registry.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import type { RunningServer } from "../../src/server/start.ts";
import type { Law } from "./law.ts";
import { CHANNEL } from "./messages.ts";
import type { Sabotage } from "./simulation.ts";
import type { Encoded } from "../../src/resp/long-reply.ts";

export interface Canary {
  readonly name: string;
  readonly law: Law;
  readonly breaks: Sabotage;
}

export const CANARIES: readonly Canary[] = [
  {
    name: "replies leave before their commit",
    law: 1,
    breaks: {
      connection(connection) {
        const replies = connection.session?.replies;
        if (replies !== undefined) replies.hold = (held) => replies.send(held.committed());
      },
    },
  },
  {
    name: "the fsync that is promised is left out",
    law: 1,
    breaks: {
      server({ engine }) {
        const write = engine.writeAsync.bind(engine);
        engine.writeAsync = (ops) => write(ops, { sync: false });
      },
    },
  },
  {
    name: "what was committed is gone when the process has died",
    law: 1,
    breaks: {
      server({ engine }) {
        const crash = engine.crash.bind(engine);
        engine.crash = () => crash({ survive: "machine" });
      },
    },
  },
  {
    name: "EXEC has one element too few",
    law: 2,
    breaks: {
      connection(connection) {
        const session = connection.session;
        if (session === null || session === undefined) return;
        const encode = session.encodeReply.bind(session);
        session.encodeReply = (reply: Reply) =>
          encode(session.isInExec && Array.isArray(reply) ? reply.slice(1) : reply);
      },
    },
  },
  {
    name: "bytes that are no reply",
    law: 2,
    breaks: {
      connection(connection) {
        const session = connection.session;
        if (session === null || session === undefined) return;
        const encode = session.encodeReply.bind(session);
        session.encodeReply = (reply: Reply) =>
          typeof reply === "number" ? `:${reply}\n` : encode(reply);
      },
    },
  },
  {
    name: "half of a batch is there after a crash",
    law: 3,
    breaks: {
      server({ engine }) {
        const crash = engine.crash.bind(engine);
        engine.crash = (options) => halved(crash(options));
      },
    },
  },
  {
    name: "a command that fails leaves something",
    law: 4,
    breaks: {
      connection(connection) {
        const session = connection.session;
        const push = COMMANDS["RPUSH"];
        if (session === null || session === undefined || push?.kind !== "data") return;
        const tryData = session.tryData.bind(session);
        session.tryData = (row, args, view) => {
          const reply = tryData(row, args, view);
          if (reply instanceof ErrorReply) push.run(view, ["RPUSH", "log:list:b", "left"]);
          return reply;
        };
      },
    },
  },
  {
    name: "WAITAOF does not wait for the fsync",
    law: 1,
    breaks: {
      server({ running }) {
        const { ports } = running.core;
        ports.durability = { isSynced: () => true, waitSynced: () => Promise.resolve() };
      },
    },
  },
  {
    name: "an fsync that failed is taken for done",
    law: 1,
    breaks: {
      server({ engine }) {
        const sync = engine.sync.bind(engine);
        engine.sync = () => sync().catch(() => {});
      },
    },
  },
  {
    name: "a batch at the torn end of the log is taken as far as it goes",
    law: 3,
    breaks: {
      server({ engine }) {
        const batches: Buffer[] = [];
        const { write, writeAsync, crash } = boundTo(engine);
        engine.write = (ops) => {
          batches.push(Buffer.from(ops.finish()));
          write(ops);
        };
        engine.writeAsync = (ops, options) => {
          batches.push(Buffer.from(ops.finish()));
          return writeAsync(ops, options);
        };
        engine.crash = (options) => withHalfOf(batches.at(-1), crash(options));
      },
    },
  },
  {
    name: "a write that was refused is told as done",
    law: 5,
    breaks: {
      connection(connection) {
        const replies = connection.session?.replies;
        if (replies === undefined) return;
        const hold = replies.hold.bind(replies);
        replies.hold = (held, size) => {
          const { batch } = held;
          const committed = (): Encoded => held.committed();
          hold({ batch, committed, refused: committed }, size);
        };
      },
    },
  },
  {
    name: "who has read what is committed is told of a refusal that does not concern him",
    law: 5,
    breaks: {
      connection(connection, server) {
        const replies = connection.session?.replies;
        if (replies === undefined) return;
        const send = replies.send.bind(replies);
        const { keyspace } = server.running.core.pipeline;
        replies.send = (bytes) => {
          if (replies.isEmpty) send(bytes);
          else {
            const refused = (): string => "-TRYAGAIN Write stall; retry in 100 ms\r\n";
            const held = { batch: keyspace.committedBatch, committed: () => bytes, refused };
            replies.hold(held, bytes.length);
          }
        };
      },
    },
  },
  {
    name: "messages are lost",
    law: 5,
    breaks: {
      server: ({ running }) => loseMessages(running, 3, (channel) => channel === CHANNEL),
    },
  },
  {
    name: "a keyspace event is lost",
    law: 5,
    breaks: {
      server: ({ running }) => loseMessages(running, 10, (channel) => channel !== CHANNEL),
    },
  },
  {
    name: "a client with copies is not told of a change",
    law: 5,
    breaks: {
      connection(connection) {
        if (connection.role !== "keeper" || connection.session === null) return;
        connection.session.push = () => {};
      },
    },
  },
  {
    name: "a read of what is not committed leaves at once",
    law: 6,
    breaks: {
      server({ running }) {
        Object.defineProperty(running.core.pipeline.view, "restsOn", { get: () => 0 });
      },
    },
  },
  {
    name: "nobody knows what a read has seen",
    law: 6,
    breaks: {
      server({ running }) {
        Object.defineProperty(running.core.pipeline.view, "saw", { get: () => 0, set: () => {} });
      },
    },
  },
  {
    name: "readers wait for writers",
    law: 7,
    breaks: {
      server({ running }) {
        const { view, keyspace } = running.core.pipeline;
        const restsOn = (): number => keyspace.lastUncommittedBatch();
        Object.defineProperty(view, "restsOn", { get: restsOn });
      },
    },
  },
  {
    name: "a commit of unknown outcome is taken for refused",
    law: 9,
    breaks: {
      server({ engine }) {
        const { write, writeAsync } = boundTo(engine);
        engine.write = (ops) => {
          try {
            write(ops);
          } catch (error) {
            throw guessed(error);
          }
        };
        engine.writeAsync = async (ops, options) => {
          try {
            await writeAsync(ops, options);
          } catch (error) {
            throw guessed(error);
          }
        };
      },
    },
  },
  {
    name: "a commit of unknown outcome is taken for done",
    law: 9,
    breaks: {
      server({ engine }) {
        const { write } = boundTo(engine);
        engine.write = (ops) => {
          try {
            write(ops);
          } catch (error) {
            if (!(error instanceof StorageError) || error.fate !== "unknown") throw error;
          }
        };
      },
    },
  },
  {
    name: "messages leave before the commit",
    law: 5,
    breaks: {
      server({ running }) {
        const { keyspace } = running.core.pipeline;
        keyspace.addEffect = (effect) => effect.happen();
      },
    },
  },
  {
    name: "the server never becomes well again",
    law: 8,
    breaks: {
      server({ engine }) {
        engine.health = () => ({ stall: "none", error: { kind: "io", words: "for ever" } });
      },
    },
  },
  {
    name: "an old answer is given again",
    law: "order",
    breaks: {
      connection(connection) {
        const session = connection.session;
        if (session === null || session === undefined) return;
        const encode = session.encodeReply.bind(session);
        let old: Reply | undefined;
        session.encodeReply = (reply: Reply) => {
          const isList = Array.isArray(reply) && reply.every((item) => typeof item === "string");
          if (!isList || session.isInExec || reply.length === 0) return encode(reply);
          old ??= reply;
          return encode(old);
        };
      },
    },
  },
];

/** Every so-many-th message of some channels is told to nobody. */
function loseMessages(
  { core }: RunningServer,
  each: number,
  isConcerned: (channel: Bytes) => boolean,
): void {
  const { hub } = core.host;
  const publish = hub.publish.bind(hub);
  let count = 0;
  hub.publish = (space, channel, payload) => {
    if (!isConcerned(channel) || ++count % each > 0) publish(space, channel, payload);
  };
}

function boundTo(engine: MemoryEngine): Pick<MemoryEngine, "write" | "writeAsync" | "crash"> {
  return {
    write: engine.write.bind(engine),
    writeAsync: engine.writeAsync.bind(engine),
    crash: engine.crash.bind(engine),
  };
}

/** What is unknown, as if it were known. */
function guessed(error: unknown): unknown {
  if (!(error instanceof StorageError) || error.fate !== "unknown") return error;
  return new StorageError("io", "refused", error.message);
}

/** The first half of a batch on top of what was found. */
function withHalfOf(batch: Buffer | undefined, engine: MemoryEngine): MemoryEngine {
  const parts = batch === undefined ? [] : [...readWriteOps(batch)];
  const ops = new WriteOps();
  for (const { kind, store, key, value } of parts.slice(0, parts.length >> 1)) {
    if (kind === "put") ops.put(store, key, value);
    else if (kind === "delete") ops.delete(store, key);
  }
  if (ops.count > 0) engine.write(ops);
  return engine;
}

/** A log of which nothing is left, while others of the same transactions are there. */
function halved(engine: MemoryEngine): MemoryEngine {
  const range = { lower: "", upper: null, reverse: false, valueBytesMax: 0 } as const;
  const found = engine.cursor(DATA, { ...range, patience: "wait" }).next(10_000) ?? [];
  const ops = new WriteOps();
  for (const [index, key] of found.entries()) {
    if (index % 2 === 0 && key.endsWith("log:list:b")) ops.delete(DATA, key);
  }
  if (ops.count > 0) engine.write(ops);
  return engine;
}
