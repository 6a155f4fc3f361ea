// Laws broken on purpose, each in the running server of one simulation and nowhere else: by replacing
// a function of its objects. What is broken must be noticed, under its own name.

import { DATA } from "../../src/engine/engine.ts";
import type { MemoryEngine } from "../../src/engine/memory.ts";
import { WriteOps } from "../../src/engine/write-ops.ts";
import { COMMANDS } from "../../src/commands/registry.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import type { SimulatedConnection } from "./connection.ts";
import type { Law } from "./law.ts";
import type { SimulatedServer } from "./simulated-server.ts";

export interface Canary {
  readonly name: string;
  readonly law: Law;
  readonly breaks: (server: SimulatedServer, connection: SimulatedConnection | null) => void;
}

export const CANARIES: readonly Canary[] = [
  {
    name: "replies leave before their commit",
    law: 1,
    breaks(_, connection) {
      const replies = connection?.session?.replies;
      if (replies !== undefined) replies.hold = (held) => replies.send(held.committed());
    },
  },
  {
    name: "the fsync that is promised is left out",
    law: 1,
    breaks: ({ engine }) => {
      const write = engine.writeAsync.bind(engine);
      engine.writeAsync = (ops) => write(ops, { sync: false });
    },
  },
  {
    name: "what was committed is gone when the process has died",
    law: 1,
    breaks: ({ engine }) => {
      const crash = engine.crash.bind(engine);
      engine.crash = () => crash({ survive: "machine" });
    },
  },
  {
    name: "EXEC has one element too few",
    law: 2,
    breaks(_, connection) {
      const session = connection?.session;
      if (session === null || session === undefined) return;
      const encode = session.encodeReply.bind(session);
      session.encodeReply = (reply: Reply) =>
        encode(session.isInExec && Array.isArray(reply) ? reply.slice(1) : reply);
    },
  },
  {
    name: "bytes that are no reply",
    law: 2,
    breaks(_, connection) {
      const session = connection?.session;
      if (session === null || session === undefined) return;
      const encode = session.encodeReply.bind(session);
      session.encodeReply = (reply: Reply) =>
        typeof reply === "number" ? `:${reply}\n` : encode(reply);
    },
  },
  {
    name: "half of a batch is there after a crash",
    law: 3,
    breaks: ({ engine }) => {
      const crash = engine.crash.bind(engine);
      engine.crash = (options) => halved(crash(options));
    },
  },
  {
    name: "a command that fails leaves something",
    law: 4,
    breaks(_, connection) {
      const session = connection?.session;
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
  {
    name: "messages leave before the commit",
    law: 5,
    breaks({ running }) {
      const { keyspace } = running.core.pipeline;
      keyspace.addEffect = (effect) => effect.happen();
    },
  },
  {
    name: "the server never becomes well again",
    law: 8,
    breaks: ({ engine }) => {
      engine.health = () => ({ stall: "none", error: { kind: "io", words: "for ever" } });
    },
  },
  {
    name: "an old answer is given again",
    law: "order",
    breaks(_, connection) {
      const session = connection?.session;
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
];

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
