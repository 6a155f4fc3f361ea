// A real server driven into a real write stall (recipes.ts), and questions the proofs ask it.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { ErrorReply, type Reply } from "../../src/resp/reply.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { isOk } from "../support/queries.ts";
import { request, type RawClient } from "../support/raw-client.ts";
import type { StallRecipe } from "./recipes.ts";

export interface StalledServer extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly directory: TemporaryDirectory;
  client(protocol?: 2 | 3): Promise<RawClient>;
}

/** Starts a server by a recipe; it does not stall yet. `settings` win over the recipe's. */
export async function startByRecipe(
  recipe: StallRecipe,
  settings: Readonly<Record<string, string>> = {},
): Promise<StalledServer> {
  const directory = new TemporaryDirectory();
  const directives = { ...recipe.directives, ...settings };
  const server = await ServerProcess.start({ dir: directory.path, settings: directives });
  return {
    server,
    directory,
    async client(protocol = 2) {
      const client = await server.client();
      if (protocol === 3) await client.send("HELLO", "3");
      return client;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}

const FLOOD_WRITES_MAX = 100_000;
const FLOOD_PIPELINE = 64;
const random = new SeededRandom(20_250_992);

/** Bytes that no compression shrinks. */
export function noise(byteCount: number): Bytes {
  const bytes = Buffer.allocUnsafe(byteCount);
  for (let at = 0; at < byteCount; at++) bytes[at] = random.below(256);
  return bytes.latin1Slice();
}

/**
 * Plain SETs until one is refused with the words of the recipe. Short stalls of the other kind may
 * come first, while memtables wait for their flush. Returns the keys that were acknowledged.
 */
export async function flood(client: RawClient, recipe: StallRecipe): Promise<Bytes[]> {
  const acknowledged: Bytes[] = [];
  const refused = new Set<Bytes>();
  for (let from = 0; !refused.has(plainRefusal(recipe)); from += FLOOD_PIPELINE) {
    assert.ok(from < FLOOD_WRITES_MAX, `no write was refused within ${FLOOD_WRITES_MAX}`);
    let bytes = "";
    for (let index = 0; index < FLOOD_PIPELINE; index++) {
      bytes += request("SET", `flood:${from + index}`, noise(recipe.valueBytes));
    }
    // oxlint-disable-next-line no-await-in-loop -- one after the other until it is refused
    const replies = await client.pipeline(bytes, FLOOD_PIPELINE);
    for (const [index, reply] of replies.entries()) {
      if (isOk(reply)) acknowledged.push(`flood:${from + index}`);
      else refused.add(refusalText(reply));
    }
  }
  return acknowledged;
}

/** What a plain write hears in this stall. */
export function plainRefusal(recipe: StallRecipe): Bytes {
  return `TRYAGAIN ${recipe.words}; retry in 100 ms`;
}

/** What an element of a transaction hears, or all of it. */
export function execRefusal(recipe: StallRecipe): Bytes {
  return `EXECABORT Transaction discarded because of: ${recipe.words}; retry in 100 ms`;
}

/** The text of an error that is a stall's; anything else fails the test. */
export function refusalText(reply: Reply | undefined): Bytes {
  assert.ok(reply instanceof ErrorReply, `neither OK nor an error: ${JSON.stringify(reply)}`);
  assert.match(reply.text, /^TRYAGAIN (Low priority write|Write) stall; retry in 100 ms$/);
  return reply.text;
}

/** The bytes as they came, beside what the client makes of them. */
export function recordBytes(client: RawClient): { readonly taken: () => Bytes } {
  let bytes = "";
  client.socket.on("data", (chunk: Buffer) => {
    bytes += chunk.latin1Slice();
  });
  return { taken: () => bytes };
}
