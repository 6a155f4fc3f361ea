// Programs of two connections: who watches what the other writes, who waits for what the other pushes. The words
// of the second begin with SECOND. One command at a time, and while the second waits for a key the first
// goes on: what was fed to it is its reply, and at last it is unblocked, so that nothing depends on time.

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";
import type { Reply } from "../../src/resp/reply.ts";
import type { WireTarget } from "../conversations/wire.ts";
import { pick } from "./template.ts";

type Words = readonly Bytes[];

/** What stands before the words of the second connection. */
export const SECOND: Bytes = "2>";

export function isOfSecond(words: Words): boolean {
  return words[0] === SECOND;
}

export function wordsOf(words: Words): Words {
  return isOfSecond(words) ? words.slice(1) : words;
}

const WAITS: readonly string[] = [
  ..."BLPOP l1 0,BLPOP l1 l2 0,BRPOP l2 l1 0,BLMOVE l1 l2 LEFT RIGHT 0,BRPOPLPUSH l1 l1 0".split(
    ",",
  ),
  ..."BLMPOP 0 2 l1 l2 LEFT COUNT 2,BZPOPMIN z1 0,BZPOPMAX z2 z1 0,BZMPOP 0 1 z1 MAX".split(","),
  ..."XREAD BLOCK 0 STREAMS x1 $,XREAD COUNT 1 BLOCK 0 STREAMS x1 x2 0 $".split(","),
  "XREADGROUP GROUP g1 c1 BLOCK 0 STREAMS x1 >",
];
const FEEDS: readonly string[] = [
  ..."RPUSH l1 a,LPUSH l1 b c,RPUSH l2 d e f,ZADD z1 1 a,ZADD z1 2 b 1 c,ZADD z2 3 d".split(","),
  ..."XADD x1 40-* f v,XADD x2 30-1 f v,DEL l1,DEL x1,SET l1 s,XGROUP CREATE x1 g1 $ MKSTREAM".split(
    ",",
  ),
  ..."XGROUP DESTROY x1 g1,RENAME l2 l1,COPY l2 l1,SORT l2 ALPHA STORE l1,LMOVE l2 l1 LEFT LEFT".split(
    ",",
  ),
  ..."SUNIONSTORE z1 set1,ZUNIONSTORE z1 1 z2,ZRANGESTORE z1 z2 0 -1,FLUSHDB".split(","),
];
const WATCHES: readonly string[] = [
  "WATCH l1 z1",
  "WATCH x1",
  "WATCH s1 h1",
  "WATCH l1",
  "UNWATCH",
];
/** What waits or belongs to the connection; and SWAPDB, after which Redis serves keys in any order. */
const NOT_FOR_TWO = /^(?:B[LRZ].*|XREAD.*|SCRIPT|FUNCTION|EVAL.*|FCALL.*|CLIENT|SELECT|SWAPDB)$/i;

/** So many steps of both; `plain` makes the commands that any program has. */
export function stepsOfTwo(random: Random, plain: () => Words, length: number): Words[] {
  const steps: Words[] = [];
  const isInMulti = [false, false];
  while (steps.length < length) {
    const who = random.below(3) === 0 ? 1 : 0;
    const words = stepOf(random, plain, { isInMulti: isInMulti[who] === true, who });
    const name = words[0] ?? "";
    if (name === "MULTI") isInMulti[who] = true;
    else if (name === "EXEC" || name === "DISCARD") isInMulti[who] = false;
    steps.push(who === 0 ? words : [SECOND, ...words]);
  }
  return steps;
}

function stepOf(
  random: Random,
  plain: () => Words,
  { isInMulti, who }: { readonly isInMulti: boolean; readonly who: number },
): Words {
  const kind = random.below(12);
  if (kind === 0) return ["MULTI"];
  if (isInMulti && kind < 4) return [random.below(8) === 0 ? "DISCARD" : "EXEC"];
  if (kind === 4 || kind === 5) return pick(random, WATCHES).split(" ");
  if (who === 1 && kind < 10) return pick(random, WAITS).split(" ");
  if (kind < 10) return pick(random, FEEDS).split(" ");
  for (;;) {
    const words = plain();
    if (!NOT_FOR_TWO.test(words[0] ?? "")) return words;
  }
}

/** The connections to one server: two that talk, and one that looks. */
export interface Trio {
  readonly first: WireTarget;
  readonly second: WireTarget;
  readonly observer: WireTarget;
}

/** The replies to the steps, in their order. */
export async function tellTwo(trio: Trio, steps: readonly Words[]): Promise<Reply[]> {
  const { first, second, observer } = trio;
  const number = await second.send(["CLIENT", "ID"]);
  const id = typeof number === "number" ? String(number) : "";
  const replies: Promise<Reply>[] = [];
  let waiting: Promise<Reply> | null = null;
  const endWait = async (): Promise<void> => {
    if (waiting === null) return;
    await observer.send(["CLIENT", "UNBLOCK", id]);
    await waiting;
    waiting = null;
  };
  for (const step of steps) {
    // oxlint-disable no-await-in-loop -- one after the other is the point
    if (!isOfSecond(step)) {
      replies.push(answered(first.send(step)));
      await replies.at(-1);
      continue;
    }
    await endWait();
    const reply = answered(second.send(wordsOf(step)));
    replies.push(reply);
    if (await isSettled(observer, reply)) continue;
    waiting = reply;
    // oxlint-enable no-await-in-loop
  }
  await endWait();
  return await Promise.all(replies);
}

/** A server that dies fails the whole, not the process by a promise that nobody has awaited yet. */
function answered(reply: Promise<Reply>): Promise<Reply> {
  reply.catch(() => null);
  return reply;
}

/** Until it is answered (true) or the server says that it waits (false). */
async function isSettled(observer: WireTarget, reply: Promise<Reply>): Promise<boolean> {
  let isAnswered = false;
  void reply.then(
    () => (isAnswered = true),
    () => (isAnswered = true),
  );
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- it is asked until it says so
    const clients = await observer.send(["INFO", "clients"]);
    if (isAnswered) return true;
    if (typeof clients === "string" && /blocked_clients:[1-9]/.test(clients)) return false;
  }
}
