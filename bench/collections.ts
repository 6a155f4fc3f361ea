// The curve: what an operation on a collection costs as the collection grows, on Kept and on Debian's
// redis-server beside it, and what memory the server takes. A family says how to fill a collection and which
// operations are looked at; each is one command at a time on one connection, so that the figure is its
// latency, round trip included (the first column).
//
//   node build/bench/collections.js [--sizes 10,1000,100000] [--families list,zset] [--times 200]

import { connect, type Socket } from "node:net";
import { parseArgs } from "node:util";

import type { Bytes } from "../src/base/bytes.ts";
import { ReplyReader } from "../src/resp/reader.ts";
import { ErrorReply, type Reply } from "../src/resp/reply.ts";
import { print } from "./measure.ts";
import { residentBytes, startKept, startRedis, type Target } from "./server-process.ts";

const KEY = "collection";
const BURST = 100;
const MB = 1024 * 1024;

type Words = readonly string[];

interface Operation {
  readonly name: string;
  /** The command of one round; leaves the size of the collection about as it is. */
  readonly command: (size: number, round: number) => Words;
  /** Fewer rounds, for what Redis too does in O(N). */
  readonly isLinear?: boolean;
}

interface Family {
  readonly name: string;
  /** Adds the elements from `from` up to `to`. */
  readonly fill: (from: number, to: number) => Words;
  readonly operations: readonly Operation[];
}

const MIDDLE = (size: number): number => Math.floor(size / 2);

const LIST: Family = {
  name: "list",
  fill: (from, to) => ["RPUSH", KEY, ...elements(from, to)],
  operations: [
    { name: "RPUSH", command: () => ["RPUSH", KEY, "pushed"] },
    { name: "LPOP", command: () => ["LPOP", KEY] },
    { name: "LINDEX middle", command: (size, at) => ["LINDEX", KEY, `${MIDDLE(size) - at}`] },
    {
      name: "LRANGE 100 middle",
      command: (size) => ["LRANGE", KEY, `${MIDDLE(size)}`, `${MIDDLE(size) + 99}`],
    },
    { name: "LSET middle", command: (size, at) => ["LSET", KEY, `${MIDDLE(size)}`, `set${at}`] },
    {
      name: "LINSERT middle",
      command: (size) => ["LINSERT", KEY, "BEFORE", `e${MIDDLE(size) + 5}`, "new"],
      isLinear: true,
    },
    { name: "LPOS absent", command: () => ["LPOS", KEY, "nowhere"], isLinear: true },
  ],
};

const SORTED_SET: Family = {
  name: "zset",
  fill: (from, to) => ["ZADD", KEY, ...elements(from, to).flatMap((name) => [scoreOf(name), name])],
  operations: [
    { name: "ZADD new", command: (_, at) => ["ZADD", KEY, `${at * 7}`, `new${serial++}`] },
    { name: "ZADD another score", command: (size) => ["ZADD", KEY, `${serial++}`, anyOf(size)] },
    { name: "ZREM", command: (size) => ["ZREM", KEY, anyOf(size)] },
    { name: "ZSCORE", command: (size) => ["ZSCORE", KEY, anyOf(size)] },
    {
      name: "ZRANGE 10 middle",
      command: (size) => ["ZRANGE", KEY, `${MIDDLE(size)}`, `${MIDDLE(size) + 9}`],
    },
    {
      name: "ZRANGEBYSCORE 10",
      command: (size) => ["ZRANGEBYSCORE", KEY, `${MIDDLE(size)}`, "+inf", "LIMIT", "0", "10"],
    },
    { name: "ZRANK", command: (size) => ["ZRANK", KEY, anyOf(size)] },
    { name: "ZCOUNT half", command: (size) => ["ZCOUNT", KEY, "-inf", `${MIDDLE(size)}`] },
    { name: "ZPOPMIN", command: () => ["ZPOPMIN", KEY] },
    { name: "ZSCAN step", command: () => ["ZSCAN", KEY, "0"] },
  ],
};

const SET: Family = {
  name: "set",
  fill: (from, to) => ["SADD", KEY, ...elements(from, to)],
  operations: [
    { name: "SADD new", command: () => ["SADD", KEY, `new${serial++}`] },
    { name: "SREM", command: (size) => ["SREM", KEY, anyOf(size)] },
    { name: "SISMEMBER", command: (size) => ["SISMEMBER", KEY, anyOf(size)] },
    { name: "SRANDMEMBER", command: () => ["SRANDMEMBER", KEY] },
    { name: "SPOP", command: () => ["SPOP", KEY] },
    { name: "SSCAN step", command: () => ["SSCAN", KEY, "0"] },
  ],
};

const HASH: Family = {
  name: "hash",
  fill: (from, to) => ["HSET", KEY, ...elements(from, to).flatMap((name) => [name, name])],
  operations: [
    { name: "HSET new", command: () => ["HSET", KEY, `new${serial++}`, "value"] },
    { name: "HSET", command: (size) => ["HSET", KEY, anyOf(size), `${serial++}`] },
    { name: "HGET", command: (size) => ["HGET", KEY, anyOf(size)] },
    { name: "HDEL", command: (size) => ["HDEL", KEY, anyOf(size)] },
    { name: "HRANDFIELD", command: () => ["HRANDFIELD", KEY] },
    { name: "HSCAN step", command: () => ["HSCAN", KEY, "0"] },
  ],
};

let serial = 0;

/** Members by chance, the same in each run. */
function anyOf(size: number): string {
  return `e${(serial++ * 7_919_003) % size}`;
}

/** Scattered over as many numbers as there are members. */
function scoreOf(name: string): string {
  return `${(Number(name.slice(1)) * 7_919) % 1_000_003}`;
}

const FAMILIES: readonly Family[] = [LIST, SORTED_SET, SET, HASH];

function elements(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `e${from + index}`);
}

/** One connection: a burst of commands, and its replies. */
class Client {
  readonly #socket: Socket;
  readonly #reader = new ReplyReader();
  #wanted = 0;
  #replies: Reply[] = [];
  #resolve: (replies: Reply[]) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(target: Target) {
    this.#socket = connect(target.port, target.host);
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#reject(error));
  }

  #read(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
      if (reply instanceof ErrorReply) this.#reject(new Error(reply.text));
      this.#replies.push(reply);
    }
    if (this.#replies.length >= this.#wanted) this.#resolve(this.#replies);
  }

  say(...commands: readonly Words[]): Promise<Reply[]> {
    return new Promise((resolve, reject) => {
      this.#wanted = commands.length;
      this.#replies = [];
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(commands.map(encoded).join(""), "latin1");
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

function encoded(words: Words): Bytes {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}

async function filled(client: Client, family: Family, size: number): Promise<void> {
  for (let from = 0; from < size;) {
    const commands: Words[] = [];
    for (; commands.length < BURST && from < size; from += BURST) {
      commands.push(family.fill(from, Math.min(from + BURST, size)));
    }
    // oxlint-disable-next-line no-await-in-loop -- one burst after the other bounds what waits
    await client.say(...commands);
  }
}

/** Microseconds of a command, the median of `times`. */
async function timed(
  client: Client,
  times: number,
  command: (at: number) => Words,
): Promise<number> {
  const each: number[] = [];
  for (let round = 0; round < times; round++) {
    const started = process.hrtime.bigint();
    // oxlint-disable-next-line no-await-in-loop -- one at a time is what is measured
    await client.say(command(round));
    each.push(Number(process.hrtime.bigint() - started) / 1000);
  }
  each.sort((a, b) => a - b);
  return each[Math.floor(each.length / 2)] ?? Number.NaN;
}

interface Row {
  readonly name: string;
  readonly microseconds: number;
}

async function measured(target: Target, family: Family, how: { size: number; times: number }) {
  const { size, times } = how;
  const client = new Client(target);
  const rows: Row[] = [];
  try {
    rows.push({ name: "PING", microseconds: await timed(client, times, () => ["PING"]) });
    const started = performance.now();
    await filled(client, family, size);
    const each = ((performance.now() - started) * 1000) / size;
    rows.push({ name: "filling, an element", microseconds: each });
    for (const { name, command, isLinear } of family.operations) {
      const rounds = isLinear === true && size > 100_000 ? 3 : times;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const microseconds = await timed(client, rounds, (at) => command(size, at % 4));
      rows.push({ name, microseconds });
    }
    const memory = target.processId === null ? 0 : residentBytes(target.processId) / MB;
    rows.push({ name: "DEL", microseconds: await timed(client, 1, () => ["DEL", KEY]) });
    return { rows, memory };
  } finally {
    client.close();
  }
}

async function compared(family: Family, size: number, times: number): Promise<void> {
  const targets = [await startKept(process.cwd(), "none", []), await startRedis("none")];
  const columns = [];
  for (const target of targets) {
    if (target === null) continue;
    try {
      // oxlint-disable-next-line no-await-in-loop -- never at the same time
      columns.push(await measured(target, family, { size, times }));
    } finally {
      // oxlint-disable-next-line no-await-in-loop -- never at the same time
      await target.stop();
    }
  }
  print(`\n${family.name} of ${size}: microseconds on Kept, on redis-server`);
  const [kept, redis] = columns;
  for (const [index, { name, microseconds }] of (kept?.rows ?? []).entries()) {
    const theirs = redis?.rows[index]?.microseconds ?? Number.NaN;
    print(
      `  ${name.padEnd(22)} ${microseconds.toFixed(1).padStart(12)} ${theirs.toFixed(1).padStart(12)}`,
    );
  }
  const memory = columns.map((column) => column.memory.toFixed(0).padStart(12)).join(" ");
  print(`  ${"resident MB".padEnd(22)} ${memory}`);
}

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "10,1000,100000,1000000" },
    families: { type: "string", default: "list,zset" },
    times: { type: "string", default: "200" },
  },
});
for (const family of FAMILIES) {
  if (!values.families.split(",").includes(family.name)) continue;
  for (const size of values.sizes.split(",").map(Number)) {
    // oxlint-disable-next-line no-await-in-loop -- never at the same time
    await compared(family, size, Number(values.times));
  }
}
