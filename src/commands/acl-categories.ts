// The ACL categories of a command. Most follow from its flags and its group; the row names the rest.

import type { CommandGroup, CommandRow } from "./table.ts";

/** In the order in which Redis shows them. */
export const ACL_CATEGORIES = [
  "keyspace",
  "read",
  "write",
  "set",
  "sortedset",
  "list",
  "hash",
  "string",
  "bitmap",
  "hyperloglog",
  "geo",
  "stream",
  "pubsub",
  "admin",
  "fast",
  "slow",
  "blocking",
  "dangerous",
  "connection",
  "transaction",
  "scripting",
] as const;

const OF_GROUP: Readonly<Record<CommandGroup, string | null>> = {
  bitmap: "bitmap",
  cluster: null,
  connection: "connection",
  generic: "keyspace",
  geo: "geo",
  hash: "hash",
  hyperloglog: "hyperloglog",
  list: "list",
  // Those that have to do with messages have the flag.
  pubsub: null,
  scripting: "scripting",
  server: null,
  set: "set",
  "sorted-set": "sortedset",
  stream: "stream",
  string: "string",
  transactions: "transaction",
};

export function aclCategories(row: CommandRow): string[] {
  const has = new Set<string>(row.categories);
  const { flags } = row;
  if (flags.includes("write")) has.add("write");
  if (flags.includes("readonly") && row.group !== "scripting") has.add("read");
  if (flags.includes("admin")) has.add("admin").add("dangerous");
  if (flags.includes("pubsub")) has.add("pubsub");
  if (flags.includes("blocking")) has.add("blocking");
  has.add(flags.includes("fast") ? "fast" : "slow");
  const ofGroup = row.isWithoutGroupCategory === true ? null : OF_GROUP[row.group];
  // A container does nothing itself: its subcommands are what is allowed or not.
  if (ofGroup !== null && row.kind !== "container") has.add(ofGroup);
  return ACL_CATEGORIES.filter((category) => has.has(category));
}
