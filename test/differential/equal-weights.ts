// Whether two answers of SORT ... BY differ in nothing but the order of what has one weight. The elements are asked for
// once more with their weights; then each item of Redis's answer must belong to an element that weighs what the
// one at its place in Kept's answer does.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import type { WireTarget } from "../conversations/wire.ts";

interface Options {
  readonly by: Bytes;
  readonly get: readonly Bytes[];
  readonly limit: { readonly offset: number; readonly count: number } | null;
  /** Words that change the order or the comparison. */
  readonly order: readonly Bytes[];
}

/** `args` are those of a SORT that has been answered without an error, `theirs` the answer, formatted. */
export async function haveEqualWeights(
  target: WireTarget,
  { args, redis: theirs }: { readonly args: readonly Bytes[]; readonly redis: string },
): Promise<boolean> {
  const [, key = ""] = args;
  const { by, get, limit, order } = optionsOf(args);
  const type = format(await target.send(["TYPE", key]));
  if (!mayComeInAnyOrder(type, { by, limit })) return false;
  const got = get.length === 0 ? ["#"] : get;
  const asked = [by, ...got].flatMap((pattern) => ["GET", pattern]);
  const reply = await target.send(["SORT_RO", key, "BY", by, ...order, ...asked]);
  if (!Array.isArray(reply)) return false;
  const rows = rowsOf(reply, 1 + got.length, isAlphabetic(order));
  const from = Math.max(limit?.offset ?? 0, 0);
  const count = limit === null || limit.count < 0 ? rows.length : limit.count;
  const places = rows.slice(from, from + count);
  const items = theirs.slice(2, -2).split(", ");
  if (items.length !== places.length * got.length) return false;
  return items.every((item, at) => {
    const weight = places[Math.floor(at / got.length)]?.weight;
    const column = at % got.length;
    return rows.some((row) => row.weight === weight && row.items[column] === item);
  });
}

/**
 * Without a `*` all weigh the same, and are to stay as they are: but a set has no order. Nor has a sorted set in
 * Redis while it is sorted by something else.
 */
function mayComeInAnyOrder(type: string, { by, limit }: Pick<Options, "by" | "limit">): boolean {
  return type === "set" || (by.includes("*") && (type === "zset" || limit !== null));
}

/** Whether a SORT ... BY met elements in no order of their own that weigh the same. */
export async function areTied(target: WireTarget, args: readonly Bytes[]): Promise<boolean> {
  const [, key = ""] = args;
  const { by, limit, order } = optionsOf(args);
  const type = format(await target.send(["TYPE", key]));
  if (!mayComeInAnyOrder(type, { by, limit })) return false;
  const reply = await target.send(["SORT_RO", key, "BY", by, ...order, "GET", by, "GET", "#"]);
  if (!Array.isArray(reply)) return false;
  const rows = rowsOf(reply, 2, isAlphabetic(order));
  return new Set(rows.map(({ weight }) => weight)).size < rows.length;
}

const isAlphabetic = (order: readonly Bytes[]): boolean =>
  order.some((word) => word.toUpperCase() === "ALPHA");

interface Row {
  /** Equal for elements that are equal in the order. */
  readonly weight: string;
  readonly items: readonly string[];
}

function rowsOf(reply: readonly Reply[], width: number, hasTexts: boolean): Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < reply.length; at += width) {
    const [weight = null, ...items] = reply.slice(at, at + width);
    const number = typeof weight === "string" ? Number.parseFloat(weight) : 0;
    rows.push({
      weight: hasTexts ? format(weight) : String(number + 0),
      items: items.map((item) => format(item)),
    });
  }
  return rows;
}

function optionsOf(args: readonly Bytes[]): Options {
  let by = "";
  const get: Bytes[] = [];
  const order: Bytes[] = [];
  let limit: Options["limit"] = null;
  for (let at = 2; at < args.length; at++) {
    const word = args[at] ?? "";
    switch (word.toUpperCase()) {
      case "BY":
        by = args[++at] ?? "";
        break;
      case "GET":
        get.push(args[++at] ?? "");
        break;
      case "STORE":
        at++;
        break;
      case "LIMIT":
        limit = { offset: Number(args[++at]), count: Number(args[++at]) };
        break;
      default:
        order.push(word);
    }
  }
  return { by, get, limit, order };
}
