// Random rules, told to Kept and to Debian's redis-server: what one refuses the other refuses in the same
// words, and afterwards the user may do the same with both. Compared is what ACL DRYRUN says of many
// calls, and what ACL GETUSER says of keys, channels and passwords; the rules about commands are shown
// otherwise by 7.0 (see test/conversations/acl.txt).

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";

import { SeededRandom } from "../../src/base/random.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import { ACL_CATEGORIES } from "../../src/commands/acl-categories.ts";
import { ErrorReply, Status, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { isOracleInstalled, startOracle } from "../conversations/oracle.ts";
import type { Target } from "../conversations/transcript.ts";
import { WireTarget } from "../conversations/wire.ts";
import { startKept } from "../support/kept.ts";

const USERS = 120;
const RULES_MAX = 7;
const seed = Number(process.env["KEPT_ACL_SEED"] ?? 20_261_127);

const KEY_PATTERNS = ["*", "a", "a*", "b?", "[ab]c", "app:*", ""];
const CHANNEL_PATTERNS = ["*", "n", "n*", "news.?", ""];
const NAMES = [
  "get",
  "SET",
  "mget",
  "config",
  "config|get",
  "client|kill",
  "acl|whoami",
  "publish",
  "select",
  "select|0",
  "hget",
  "object|encoding",
  "ping",
  "nosuch",
  "config|nosuch",
  "get|",
  "config|get|x",
];
const WORDS = [
  "on",
  "OFF",
  "nopass",
  "resetpass",
  "allkeys",
  "resetkeys",
  "allchannels",
  "resetchannels",
  "allcommands",
  "nocommands",
  "clearselectors",
  "reset",
  "sanitize-payload",
  "bogus",
  "",
  ">one",
  ">two",
  "<one",
  "#abc",
  "!2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
];

const CALLS: readonly (readonly Bytes[])[] = [
  "GET a",
  "GET bc",
  "SET a v",
  "SET ab v GET",
  "SET app:1 v EX 5",
  "MGET a bc ac",
  "MSET a 1 zz 2",
  "GETSET ac v",
  "GETDEL a",
  "APPEND bc x",
  "COPY a bc",
  "RENAME bc a",
  "DEL a app:2",
  "EXISTS zz",
  "TYPE a",
  "STRLEN bc",
  "BITOP OR a bc",
  "BITFIELD a GET u8 0",
  "BITFIELD a SET u8 0 1",
  "BITCOUNT zz",
  "HSET ac f v",
  "HGET bc f",
  "HKEYS a",
  "OBJECT ENCODING a",
  "EXPIRE a 1",
  "PING",
  "SELECT 0",
  "SELECT 1",
  "CONFIG GET x",
  "CONFIG SET a b",
  "CLIENT KILL x",
  "CLIENT ID",
  "ACL WHOAMI",
  "ACL LIST",
  "AUTH x",
  "MULTI",
  "INFO",
  "KEYS *",
  "FLUSHALL",
  "PUBLISH n m",
  "PUBLISH news.1 m",
  "SPUBLISH zz m",
  "SUBSCRIBE n news.1",
  "PSUBSCRIBE n*",
  "SSUBSCRIBE n",
  "UNSUBSCRIBE zz",
].map((line) => line.split(" "));

class Rules {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[this.#random.below(items.length)];
    assert.ok(item !== undefined);
    return item;
  }

  #plain(): Bytes {
    const sign = this.#pick(["+", "-"]);
    switch (this.#random.below(8)) {
      case 0:
        return `~${this.#pick(KEY_PATTERNS)}`;
      case 1:
        return `%${this.#pick(["R", "W", "RW", "wr", "RR", "x", ""])}~${this.#pick(KEY_PATTERNS)}`;
      case 2:
        return `&${this.#pick(CHANNEL_PATTERNS)}`;
      case 3:
      case 4:
        return sign + this.#pick(NAMES);
      case 5:
      case 6:
        return `${sign}@${this.#pick([...ACL_CATEGORIES, "all", "nosuch"])}`;
      default:
        return this.#pick(WORDS);
    }
  }

  next(): Bytes {
    if (this.#random.below(8) > 0) return this.#plain();
    const rules = Array.from({ length: this.#random.below(4) }, () => this.#plain());
    return `(${rules.join(" ")})`;
  }

  many(): Bytes[] {
    return Array.from({ length: 1 + this.#random.below(RULES_MAX) }, () => this.next());
  }
}

/** What is denied, however it is worded. */
function kindOf(reply: Reply): string {
  if (reply instanceof Status) return "allowed";
  if (typeof reply !== "string") return format(reply);
  return /to run/.test(reply) ? "command" : /channel/.test(reply) ? "channel" : "key";
}

async function rightsOf(target: Target, name: Bytes): Promise<string[]> {
  const told = await Promise.all(
    CALLS.map((call) => target.send(["ACL", "DRYRUN", name, ...call])),
  );
  return told.map((reply, index) => `${CALLS[index]?.join(" ")}: ${kindOf(reply)}`);
}

/** Keys, channels and passwords, also of the selectors. */
async function shownOf(target: Target, name: Bytes): Promise<string> {
  const user = await target.send(["ACL", "GETUSER", name]);
  assert.ok(Array.isArray(user));
  const fields = user as readonly Reply[];
  const selectors = fields[11];
  assert.ok(Array.isArray(selectors));
  const others = (selectors as readonly (readonly Reply[])[]).map((one) => [
    one[3] ?? "",
    one[5] ?? "",
  ]);
  return format([fields[3] ?? null, fields[7] ?? null, fields[9] ?? null, others]);
}

if (isOracleInstalled()) {
  test(`random rules mean the same to Redis (seed ${seed})`, async () => {
    await using oracle = await startOracle();
    await using kept = await startKept();
    const ours = new WireTarget(connect(kept.port, "127.0.0.1"));
    const rules = new Rules(new SeededRandom(seed));
    let refused = 0;
    for (let user = 0; user < USERS; user++) {
      const name = `user${user}`;
      const history: string[] = [];
      for (let step = 0; step < 3; step++) {
        const command = ["ACL", "SETUSER", name, ...rules.many()];
        history.push(command.join(" "));
        const context = history.join("\n");
        // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
        const [ourReply, theirs] = await Promise.all([
          ours.send(command),
          oracle.target.send(command),
        ]);
        assert.equal(format(ourReply), format(theirs), context);
        if (ourReply instanceof ErrorReply) refused++;
      }
      const context = history.join("\n");
      // oxlint-disable-next-line no-await-in-loop -- as above
      if ((await oracle.target.send(["ACL", "GETUSER", name])) === null) continue;
      // oxlint-disable-next-line no-await-in-loop -- as above
      assert.equal(await shownOf(ours, name), await shownOf(oracle.target, name), context);
      // oxlint-disable-next-line no-await-in-loop -- as above
      assert.deepEqual(await rightsOf(ours, name), await rightsOf(oracle.target, name), context);
    }
    ours.close();
    assert.ok(refused > USERS / 10 && refused < USERS * 3, `${refused} were refused`);
  });

  test("every category has the same commands, of those that both have", async () => {
    await using oracle = await startOracle();
    await using kept = await startKept();
    const ours = new WireTarget(connect(kept.port, "127.0.0.1"));
    const known = new Set(names(await oracle.target.send(["COMMAND", "LIST"])));
    const subcommands = new Set(names(await ours.send(["COMMAND", "LIST"])));
    for (const category of ACL_CATEGORIES) {
      // oxlint-disable-next-line no-await-in-loop -- a few
      const [mine, theirs] = await Promise.all([
        ours.send(["ACL", "CAT", category]),
        oracle.target.send(["ACL", "CAT", category]),
      ]);
      const isShared = (name: string): boolean =>
        (known.has(name) || theirsHas(theirs, name)) && subcommands.has(name);
      assert.deepEqual(
        names(mine).filter(isShared).sort(),
        names(theirs).filter(isShared).sort(),
        category,
      );
    }
    ours.close();
  });
}

function names(reply: Reply): string[] {
  assert.ok(Array.isArray(reply));
  return (reply as readonly Reply[]).map((name) => (typeof name === "string" ? name : ""));
}

function theirsHas(reply: Reply, name: string): boolean {
  return names(reply).includes(name);
}
