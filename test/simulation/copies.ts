// Connections that keep copies of what they read (CLIENT TRACKING), and drop them when they are told to.
// Nobody may be left with a copy that is older than a change that its writer knows to be done (law 5),
// in any of the ways of tracking; at rest every copy is what is there.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { pick } from "../differential/template.ts";
import { Asker } from "./asker.ts";
import type { SimulatedConnection } from "./connection.ts";
import { mustHold } from "./law.ts";
import { operationOf, type Operation, type Request, type Sentence } from "./operation.ts";
import { parsed } from "./replay.ts";
import type { SimulatedServer } from "./simulated-server.ts";

const KEYS: readonly Bytes[] = ["kept:a", "kept:b"];

/** Of the expirer, at rest. */
const EXPIRY_ROUNDS = 5;

/** "redirect": another connection hears what is to be dropped. */
export type Way = "usual" | "broadcast" | "opt-in" | "no-loop" | "redirect";
export const WAYS: readonly Way[] = ["usual", "broadcast", "opt-in", "no-loop", "redirect"];
/** How RESP2 tells of it to whom it is redirected. */
const CHANNEL: Bytes = "__redis__:invalidate";

export function trackingOf(way: Way, redirectTo: number): Bytes[] {
  const how = {
    usual: "",
    broadcast: " BCAST PREFIX kept:",
    "opt-in": " OPTIN",
    "no-loop": " NOLOOP",
    redirect: ` REDIRECT ${redirectTo}`,
  };
  return `CLIENT TRACKING ON${how[way]}`.split(" ");
}

/** A change of one of the keys of which copies are kept. */
export function changeOperation(random: Random, id: number): Operation {
  const key = pick(random, KEYS);
  const commands = [
    ["SET", key, `c${id}`],
    ["SET", key, `c${id}`, "PX", String(20 + random.below(100))],
    ["DEL", key],
    ["MSET", "kept:a", `c${id}`, "kept:b", `c${id}`],
    ["APPEND", key, `c${id}`],
  ];
  const args = pick(random, commands);
  if (random.below(3) > 0) return operationOf(id, [{ args }], { isChange: true });
  const sentences: Sentence[] = [["MULTI"], args, ["EXEC"]].map((words) => ({ args: words }));
  return operationOf(id, sentences, { queuedCount: 1, isChange: true });
}

export function readOperation(random: Random, id: number, way: Way): Operation {
  const yes: Sentence[] = way === "opt-in" ? [{ args: ["CLIENT", "CACHING", "YES"] }] : [];
  return operationOf(id, [...yes, { args: ["GET", pick(random, KEYS)] }]);
}

interface Copy {
  readonly reply: Reply;
  /** The value is that of this moment in the order of the units, or of a later one. */
  readonly order: number;
}

interface Change {
  readonly order: number;
  readonly words: string;
}

function keysOf({ requests }: Operation): readonly Bytes[] {
  return KEYS.filter((key) => requests.some(({ args }) => args.includes(key)));
}

export class Copies {
  readonly #runCount: () => number;
  readonly #byConnection = new Map<SimulatedConnection, Map<Bytes, Copy>>();
  /** Reads of which nothing was to be dropped since they were said: only their answers are kept. */
  readonly #pending = new Set<Operation>();
  /** The newest change of each key that was told as done. */
  readonly #changes = new Map<Bytes, Change>();

  constructor(runCount: () => number) {
    this.#runCount = runCount;
  }

  said(operation: Operation): void {
    if (operation.requests.at(-1)?.args[0] === "GET") this.#pending.add(operation);
  }

  onReply(connection: SimulatedConnection, request: Request, reply: Reply): void {
    const { args, operation } = request;
    if (connection.role === "keeper" && args[0] === "GET") this.#keep(connection, request, reply);
    if (!operation.isChange || request !== operation.requests.at(-1)) return;
    // Who changes something himself knows that what he had is old.
    if (connection.role === "keeper") this.#drop(keysOf(operation));
    this.#changed(request, reply);
  }

  #keep(connection: SimulatedConnection, { args, run, operation }: Request, reply: Reply): void {
    const key = args[1] ?? "";
    if (!this.#pending.delete(operation)) return;
    if (run === null || reply instanceof ErrorReply) return;
    let copies = this.#byConnection.get(connection);
    if (copies === undefined) this.#byConnection.set(connection, (copies = new Map()));
    const first = run.bytes === null ? undefined : parsed(run.bytes);
    // Read again when what it saw was undone: some time before now.
    const isFirst = first !== undefined && format(first) === format(reply);
    copies.set(key, { reply, order: isFirst ? run.order : this.#runCount() });
  }

  #changed(request: Request, reply: Reply): void {
    const { run, operation } = request;
    if (run === null || !run.wrote || run.batch.fate !== "committed") return;
    if (reply instanceof ErrorReply) return;
    const words = operation.requests.map(({ args }) => args.join(" ")).join(" / ");
    for (const key of keysOf(operation)) {
      const known = this.#changes.get(key);
      if (known !== undefined && known.order > run.order) continue;
      this.#changes.set(key, { order: run.order, words });
    }
  }

  /** There is one keeper at a time, so whoever hears it, it is for him. */
  onMessage(items: readonly Reply[]): void {
    const [word, channel] = items;
    const isTold = word === "invalidate" || (word === "message" && channel === CHANNEL);
    if (!isTold) return;
    const keys = items.at(-1);
    this.#drop(Array.isArray(keys) ? keys : KEYS);
  }

  #drop(keys: readonly Reply[]): void {
    for (const copies of this.#byConnection.values()) {
      for (const key of keys) if (typeof key === "string") copies.delete(key);
    }
    for (const operation of this.#pending) {
      if (keys.includes(operation.requests.at(-1)?.args[1] ?? "")) this.#pending.delete(operation);
    }
  }

  /** Between two steps, when nothing is half told. */
  check(): void {
    for (const [connection, copies] of this.#byConnection) {
      // What waits behind a reply that is held comes when that does.
      if (!connection.isOpen || connection.session?.replies.isEmpty !== true) continue;
      for (const [key, { reply, order }] of copies) {
        const change = this.#changes.get(key);
        const isOld = change !== undefined && change.order > order;
        mustHold(5, !isOld, `${key} is kept as ${format(reply)}, and ${change?.words} is done`);
      }
    }
  }

  async atRest(server: SimulatedServer): Promise<void> {
    this.check();
    const asker = new Asker(server);
    for (const [connection, copies] of this.#byConnection) {
      if (!connection.isOpen) continue;
      for (const [key, { reply }] of copies) {
        const there = format(await asker.mustHear(["GET", key]));
        const isSo = (): boolean => there === format(reply) || copies.get(key)?.reply !== reply;
        // What has expired is told when it is found, by the expirer if nobody else.
        for (let round = 0; !isSo() && round < EXPIRY_ROUNDS; round++) {
          server.clock.advance(100);
          await server.settle();
        }
        mustHold(5, isSo(), `${key} is kept as ${format(reply)}, and is ${there}`);
      }
    }
    asker.leave();
  }

  forget(): void {
    this.#byConnection.clear();
    this.#pending.clear();
    this.#changes.clear();
  }
}
