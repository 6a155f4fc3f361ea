// The steps of a unit that runs long (commit/unit.ts): each is tried until it finds nothing cold.

import { ColdRead } from "../keyspace/cold.ts";
import type { View } from "../keyspace/view.ts";
import type { LoadCold } from "../commit/unit.ts";
import { CommandError } from "../resp/errors.ts";

/** After so many rounds of loading, the caches are too small for what the step reads. */
const ROUNDS_MAX = 64;

/** Runs `step`, undone and again after each load. Throws what it throws, and CommandError without an end. */
export async function loading<T>(view: View, load: LoadCold, step: () => T): Promise<T> {
  const { keyspace } = view;
  view.loads = 0;
  for (;;) {
    const mark = keyspace.mark();
    try {
      return step();
    } catch (error) {
      if (!(error instanceof ColdRead)) throw error;
      keyspace.rollbackTo(mark);
      if (view.loads === ROUNDS_MAX) {
        throw new CommandError("TRYAGAIN the caches are too small for what this command reads");
      }
      if (error.request === null || !("subkeys" in error.request)) view.loads++;
      await load(error);
    }
  }
}
