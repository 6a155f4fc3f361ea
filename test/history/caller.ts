// A connection as an application has one: it comes back after a crash, and gives up waiting. What it
// does not know it says: `LostAnswer` means that the commands may run or may have run.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { RawClient, request } from "../support/raw-client.ts";
import type { Journal } from "./client.ts";

export class LostAnswer extends Error {}

export interface Writer {
  readonly journal: Journal;
  readonly random: Random;
  readonly caller: Caller;
  readonly name: string;
  count: number;
}

const PATIENCE_MS = 400;
const RETRY_MS = 10;

export class Caller {
  readonly #port: number;
  /** Whoever has not reached the server by then has no more to do. */
  readonly #untilMs: number;
  #client: RawClient | null = null;

  constructor(port: number, untilMs: number) {
    this.#port = port;
    this.#untilMs = untilMs;
  }

  /** A connection to a server that answers; tries until there is one, or until it is over: false. */
  async connect(): Promise<boolean> {
    while (this.#client === null || this.#client.isClosed) {
      this.close();
      if (performance.now() > this.#untilMs) return false;
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      this.#client = await attempt(this.#port);
      // oxlint-disable-next-line no-await-in-loop -- as a client library backs off
      if (this.#client === null) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    return true;
  }

  /** Sends commands in one piece; throws LostAnswer when not all answers come. */
  async run(...commands: readonly (readonly Bytes[])[]): Promise<Reply[]> {
    const client = this.#client;
    if (client === null) throw new LostAnswer();
    const bytes = commands.map((command) => request(...command)).join("");
    const timer = setTimeout(() => this.close(), PATIENCE_MS);
    try {
      return await client.pipeline(bytes, commands.length);
    } catch (error) {
      this.close();
      if (client.failure !== null) throw client.failure;
      throw new LostAnswer(String(error), { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#client?.[Symbol.dispose]();
    this.#client = null;
  }
}

async function attempt(port: number): Promise<RawClient | null> {
  try {
    const client = await RawClient.connect(port);
    if (!client.isClosed) return client;
    client[Symbol.dispose]();
  } catch {
    // Nobody is there yet.
  }
  return null;
}
