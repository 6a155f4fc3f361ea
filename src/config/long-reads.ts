// Settings of reading commands that look at very much (commit/long-reads.ts).

import { runtime } from "./setting.ts";
import { integer, memory, MOST } from "./value-types.ts";

const MB = 1024 ** 2;
const GB = 1024 ** 3;
const kept = { from: "kept" } as const;
/** More would only wait for the same processors and the same disk. */
const THREADS_MAX = 16;

export const longReadSettings = {
  "long-read-threads": runtime(
    integer(0, THREADS_MAX),
    1,
    "How many reading commands that look at more than long-read-elements may run at the same time, each on a " +
      "thread of its own while everybody else goes on; more wait their turn. 0: they hold the event loop.",
    kept,
  ),
  "long-read-elements": runtime(
    integer(1, MOST),
    4096,
    "So many elements and keys a reading command looks at on the event loop; if there are more, it is run on " +
      "one of the long-read-threads. An entry of a stream counts as four.",
    kept,
  ),
  "long-read-memory-max": runtime(
    memory(64 * MB, MOST),
    2 * GB,
    "What such a thread may take for what it reads and answers; a command that needs more ends with an error.",
    kept,
  ),
};
