// What kind of server, of disk and of programs a seed gets.

import type { Random } from "../../src/base/random.ts";
import { pick } from "../differential/template.ts";
import { WAYS, type Way } from "./copies.ts";
import type { Flavour } from "./programs.ts";

export interface Settings {
  /** kept.conf of the server. */
  readonly lines: readonly string[];
  /** Those of them that change what commands mean: the second server has them too. */
  readonly meaning: readonly string[];
  /** Every commit is fsynced before it is told. */
  readonly syncs: boolean;
  readonly flavour: Flavour;
  readonly hasReadErrors: boolean;
  readonly tracking: Way;
  /** What a socket takes before it waits for the client. */
  readonly kernelBytes: number;
}

export function settingsOf(random: Random): Settings {
  const hasReadErrors = random.below(4) === 0;
  const syncs = random.below(3) === 0;
  const entries = pick(random, ["0", "2", "128"]);
  const meaning = [
    `hash-max-listpack-entries ${entries}`,
    `set-max-listpack-entries ${entries}`,
    `zset-max-listpack-entries ${entries}`,
    `list-max-listpack-size ${pick(random, ["2", "-2"])}`,
    `stream-node-max-entries ${pick(random, ["2", "100"])}`,
    `rocksdb.write_options.write_batch_max_bytes ${pick(random, ["0", "0", "900"])}`,
    "busy-reply-threshold 0",
    "script-time-max 0",
    `notify-keyspace-events ${pick(random, ["KEA", "KEA", '""'])}`,
  ];
  const lines = [
    ...meaning,
    `appendfsync ${syncs ? "always" : pick(random, ["everysec", "no"])}`,
    `write-stall-policy ${pick(random, ["fail", "wait 60", "wait 2000"])}`,
    `exec-failure-reply ${pick(random, ["attributed", "every", "abort"])}`,
    `commit-background-bytes ${pick(random, ["0", "200", "1mb"])}`,
    `commit-group-bytes-max ${pick(random, ["1kb", "4mb"])}`,
    `object-cache-size ${pick(random, ["0", "1500", "64mb"])}`,
    `unknown-outcome-timeout ${pick(random, ["60", "5000"])}`,
  ];
  // Not drawn, so that seeds stay what they were.
  if (lines.includes("object-cache-size 1500")) lines.push("row-cache-size 2mb");
  return {
    lines,
    meaning,
    syncs,
    flavour: {
      hasScripts: !hasReadErrors && random.below(3) === 0,
      hasFlushes: random.below(4) === 0,
    },
    hasReadErrors,
    tracking: pick(random, WAYS),
    kernelBytes: pick(random, [64, 1000, 1 << 20]),
  };
}
