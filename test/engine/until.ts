// Waiting for what other threads do: ask again until it is so, or until the limit.

import { setTimeout as pause } from "node:timers/promises";

import { StorageError } from "../../src/engine/engine.ts";
import { Patience } from "../support/patience.ts";

const LIMIT_MS = 20_000;
const STEP_MS = 5;

/** Resolves when `check` is true; a StorageError counts as not yet. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const patience = new Patience(LIMIT_MS);
  let last: unknown = null;
  while (!patience.isOver()) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- waiting is the point
      if (await check()) return;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      last = error;
    }
    // oxlint-disable-next-line no-await-in-loop -- waiting is the point
    await pause(STEP_MS);
  }
  throw new Error(`not within ${LIMIT_MS} ms: ${check.toString()}`, { cause: last });
}
