// What connections are told without asking: messages of PUBLISH, and keyspace events (law 5). Only what is
// committed is told, once, in the order in which it ran, and whoever listens all the time misses nothing.
//
// Which message belongs to which operation is known by its text. Keyspace events are compared with those
// of the second server (replay.ts), which runs what was committed and nothing else. Left out are the ones of
// expiry: when a key is noticed to be gone is not the same in both.

import type { Bytes } from "../../src/base/bytes.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import type { SimulatedConnection } from "./connection.ts";
import { mustHold } from "./law.ts";
import type { Operation, Request } from "./operation.ts";
import type { Run } from "./probe.ts";

export const CHANNEL: Bytes = "news";
export const EVENTS: Bytes = "__keyevent@*";

interface Ear {
  readonly connection: SimulatedConnection;
  /** How many units had run when it was told that it listens. */
  readonly since: number;
  readonly heard: Operation[];
}

export class Messages {
  readonly #runCount: () => number;
  readonly #byText = new Map<Bytes, Operation>();
  #ears: Ear[] = [];

  constructor(runCount: () => number) {
    this.#runCount = runCount;
  }

  said(operation: Operation): void {
    if (operation.message !== null) this.#byText.set(operation.message, operation);
  }

  onReply(connection: SimulatedConnection, { args }: Request, reply: Reply): void {
    if (args[0] !== "SUBSCRIBE" || reply instanceof ErrorReply) return;
    this.#ears.push({ connection, since: this.#runCount(), heard: [] });
  }

  onMessage(connection: SimulatedConnection, items: readonly Reply[]): void {
    const text = items.at(-1);
    if (items[0] !== "message" || typeof text !== "string") return;
    const operation = this.#byText.get(text);
    const ear = this.#ears.find((one) => one.connection === connection);
    if (operation === undefined || ear === undefined) return;
    const run = runOf(operation);
    const isTrue = run !== null && (!run.wrote || run.batch.fate === "committed");
    mustHold(5, isTrue, `the message ${text} came, and its transaction is not committed`);
    mustHold(5, !ear.heard.includes(operation), `the message ${text} came twice`);
    const before = ear.heard.at(-1);
    const isInOrder =
      before === undefined || run === null || (runOf(before)?.order ?? 0) < run.order;
    mustHold("order", isInOrder, `the message ${text} came after a later one`);
    ear.heard.push(operation);
  }

  /** All is at rest: whoever has listened has heard whatever was told as sent. */
  atRest(): void {
    const sent = [...this.#byText.values()].filter(wasToldAsSent);
    for (const { connection, since, heard } of this.#ears) {
      if (!connection.isOpen) continue;
      for (const operation of sent) {
        const order = runOf(operation)?.order ?? 0;
        const isHeard = order <= since || heard.includes(operation);
        mustHold(5, isHeard, `the message ${operation.message} was sent, and is lost`);
      }
    }
  }

  /** Another life: nobody listens, and nothing more is heard of what was said. */
  forget(): void {
    this.#byText.clear();
    this.#ears = [];
  }
}

/** Of the EXEC, or of the PUBLISH itself. */
function runOf(operation: Operation): Run | null {
  return operation.requests.at(-1)?.run ?? null;
}

function wasToldAsSent({ requests }: Operation): boolean {
  const last = requests.at(-1);
  const [reply] = last?.replies ?? [];
  if (last?.args[0] !== "EXEC") return typeof reply === "number";
  const queued = requests.slice(requests.findIndex(({ args }) => args[0] === "MULTI") + 1);
  const at = queued.findIndex(({ args }) => args[0] === "PUBLISH");
  return Array.isArray(reply) && typeof reply[at] === "number";
}

/** One keyspace event: channel and key; null when it is none, or one that is not compared. */
export function eventIn(items: readonly Reply[]): string | null {
  const [word, pattern, channel, key] = items;
  if (word !== "pmessage" || pattern !== EVENTS) return null;
  if (typeof channel !== "string" || typeof key !== "string") return null;
  return `${channel} ${key}`;
}

const OF_EXPIRY = /:h?expired /;

/** Without those of expiry, and the end of a hash that expiry has emptied. */
function compared(events: readonly string[]): string[] {
  return events.filter((event, index) => {
    const before = events[index - 1] ?? "";
    const isEmptied = before.replace(":hexpired ", ":del ") === event && before !== event;
    return !OF_EXPIRY.test(event) && !isEmptied;
  });
}

/** `isWhole`: all is at rest, so nothing may be missing. */
export function checkEvents(
  heard: readonly string[],
  happened: readonly string[],
  isWhole: boolean,
): void {
  const [mine, other] = [compared(heard), compared(happened)];
  for (const [index, event] of mine.entries()) {
    const expected = other[index];
    mustHold(
      5,
      event === expected,
      `event ${index} was ${event}, and should be ${expected ?? "none"}`,
    );
  }
  const missing = isWhole ? other[mine.length] : undefined;
  mustHold(5, missing === undefined, `the event ${missing} is lost`);
}
