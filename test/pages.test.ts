// What the hand-written pages print must be true. Method: sessions of redis-cli are played on a real
// server and compared line by line, those marked `stalled` while RocksDB refuses writes; programs are
// run by node as a reader would run them, on a server whose first transaction is refused by the disk;
// files and settings that a page names must be there.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { SETTINGS } from "../src/config/table.ts";
import { MemoryEngine } from "../src/engine/memory.ts";
import { ErrorReply } from "../src/resp/reply.ts";
import { isOracleInstalled, startOracle } from "./conversations/oracle.ts";
import { PERMANENT_STALL } from "./stall/recipes.ts";
import { flood, startByRecipe, type StalledServer } from "./stall/stalled-server.ts";
import { startKept } from "./support/kept.ts";
import { untilTaken } from "./support/queries.ts";
import { runTool, runToolWell } from "./support/tool.ts";

const OPERATING = readdirSync("docs/operating").map((name) => `docs/operating/${name}`);
const PAGES = [
  "README.md",
  "docs/architecture.md",
  "docs/encoding.md",
  "docs/plan.md",
  ...OPERATING,
];

interface Block {
  /** What stands behind the opening fence. */
  readonly kind: string;
  readonly lines: readonly string[];
}

function blocksOf(page: string, language: string): Block[] {
  const fences = readFileSync(page, "utf8").matchAll(/^```(\w.*)\n([^]*?)^```$/gm);
  return [...fences]
    .map(([, kind = "", text = ""]) => ({ kind, lines: text.split("\n").slice(0, -1) }))
    .filter(({ kind }) => kind.split(" ")[0] === language);
}

// Sessions

/** What a terminal would show between the commands. */
async function played(port: number, commands: readonly string[]): Promise<string[]> {
  const input = commands.map((command) => `${command}\n`).join("");
  const shown = await runToolWell("redis-cli", ["--no-raw", "-p", String(port)], input);
  return shown.split("\n").slice(0, -1);
}

async function stall(started: StalledServer): Promise<void> {
  using flooder = await started.client();
  await flooder.send("CONFIG", "SET", "rocksdb.disable_auto_compactions", "yes");
  await flood(flooder, PERMANENT_STALL);
}

async function calm(started: StalledServer): Promise<void> {
  using talker = await started.client();
  const reply = await talker.send("CONFIG", "SET", "rocksdb.disable_auto_compactions", "no");
  assert.ok(!(reply instanceof ErrorReply));
  await untilTaken(talker, "calm");
}

for (const page of ["README.md", ...OPERATING]) {
  const sessions = blocksOf(page, "redis");
  if (sessions.length === 0) continue;
  test(`${page}: redis-cli shows what the page shows`, async () => {
    await using started = await startByRecipe(PERMANENT_STALL, {
      "rocksdb.write_options.no_slowdown": "no",
      "write-stall-policy": "fail",
    });
    for (const { kind, lines } of sessions) {
      // oxlint-disable-next-line no-await-in-loop -- a page is read from top to bottom
      await (kind === "redis stalled" ? stall(started) : calm(started));
      const commands = lines.filter((line) => line.startsWith("> ")).map((line) => line.slice(2));
      assert.ok(commands.length > 0, `${page}: a session without a command`);
      // oxlint-disable-next-line no-await-in-loop -- as above
      const shown = await played(started.server.port, commands);
      assert.deepEqual(
        shown,
        lines.filter((line) => !line.startsWith("> ")),
      );
    }
  });
}

test("docs/operating/stalls.md: INFO has the fields that the page explains", async () => {
  await using started = await startByRecipe(PERMANENT_STALL);
  using client = await started.client();
  const info = await client.send("INFO", "everything");
  assert.ok(typeof info === "string");
  const rows = readFileSync("docs/operating/stalls.md", "utf8").matchAll(/^\| (`[a-z].*?) \|/gm);
  const fields = [...rows].flatMap(([, cell = ""]) => cell.replaceAll("`", "").split(", "));
  assert.ok(fields.length > 10);
  assert.deepEqual(
    fields.filter((field) => !info.includes(`\r\n${field}:`)),
    [],
  );
});

// Programs

/** What it prints, and what its comments say that it prints. */
async function run(program: readonly string[], environment: Readonly<Record<string, string>>) {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const node = [process.execPath, "--input-type=module", "--eval", program.join("\n")];
  const { code, stdout, stderr } = await runTool("env", [...settings, ...node]);
  assert.equal(code, 0, stderr);
  const promised = program.filter((line) => line.startsWith("// prints "));
  return { printed: stdout, promised: promised.map((line) => `${line.slice(10)}\n`).join("") };
}

const RETRIES = "docs/operating/failure-answers.md";
const PROGRAMS = blocksOf(RETRIES, "js");

/** The same with tokens of its own. */
function afresh(program: readonly string[], name: string): string[] {
  return program.map((line) => line.replaceAll(/"order-(\d)"/g, `"${name}-$1"`));
}

for (const [index, { lines }] of PROGRAMS.entries()) {
  const title = `${RETRIES}: program ${index + 1} does what it says`;
  for (const execFailureReply of ["attributed", "every", "abort"] as const) {
    test(`${title}, also when refused at first (${execFailureReply})`, async () => {
      const engine = new MemoryEngine();
      await using kept = await startKept({ engine, session: { execFailureReply } });
      const url = { REDIS_URL: `redis://127.0.0.1:${kept.port}` };
      const plain = await run(lines, url);
      assert.notEqual(plain.promised, "");
      assert.equal(plain.printed, plain.promised);
      // The SET in front of the transaction is a commit too, and is let through.
      let commits = 0;
      kept.core.pipeline.onCommit(() => {
        if (++commits === 1) engine.refuseCommits("stall", 1);
      });
      const refused = await run(afresh(lines, "again"), url);
      assert.equal(refused.printed, plain.promised);
      assert.equal(kept.core.stats.commitsRefused, 1);
    });
  }

  test(`${title}, also when the connection breaks before EXEC is answered`, async () => {
    await using kept = await startKept();
    await using cutting = await startCuttingProxy(kept.port);
    const { printed, promised } = await run(lines, { REDIS_URL: cutting.url });
    assert.equal(cutting.cuts, 1);
    assert.equal(printed, promised);
    using client = await kept.client();
    assert.equal(await client.send("GET", "stock"), "9");
  });
}

test(`${RETRIES}: without ONCE ioredis runs such a transaction twice`, async () => {
  const [program] = PROGRAMS;
  assert.ok(program !== undefined && program.lines.some((line) => line.includes("ioredis")));
  await using kept = await startKept();
  await using cutting = await startCuttingProxy(kept.port);
  const withoutOnce = program.lines.map((line) =>
    line.replace('.call("ONCE", token)', '.call("PING")'),
  );
  const { printed } = await run(withoutOnce, { REDIS_URL: cutting.url });
  assert.equal(cutting.cuts, 1);
  assert.match(printed, /^\[ \[ null, 8 \], \[ null, '8' \] \]$/m);
});

interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  readonly cuts: number;
}

/** Cuts the first connection on which EXEC is answered, and keeps the answer. */
async function startCuttingProxy(port: number): Promise<CuttingProxy> {
  let cuts = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    let asked = "";
    let answered = "";
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client.on("data", (chunk: Buffer) => {
      asked += chunk.latin1Slice();
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      if (/\r\nexec\r\n/i.test(asked) && cuts === 0) {
        answered += chunk.latin1Slice();
        if (!/^\*/m.test(answered)) return;
        cuts++;
        cut();
      } else client.write(chunk);
    });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("close", cut);
      socket.on("error", cut);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return {
    url: `redis://127.0.0.1:${address.port}`,
    get cuts() {
      return cuts;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (isOracleInstalled()) {
  const page = "docs/operating/migrating-from-redis.md";
  test(`${page}: the program brings strings and their expiries over from redis-server`, async () => {
    await using oracle = await startOracle();
    await using kept = await startKept();
    for (const command of ["SET plain hello", "SET temp soon EX 1000", "RPUSH list a b"]) {
      // oxlint-disable-next-line no-await-in-loop -- one connection
      await oracle.target.send(command.split(" "));
    }
    const [program] = blocksOf(page, "js");
    assert.ok(program !== undefined);
    const { printed, promised } = await run(program.lines, {
      FROM_URL: oracle.socketPath,
      REDIS_URL: `redis://127.0.0.1:${kept.port}`,
    });
    assert.equal(printed, promised);
    using client = await kept.client();
    assert.equal(await client.send("GET", "plain"), "hello");
    assert.equal(await client.send("TTL", "plain"), -1);
    const left = await client.send("TTL", "temp");
    assert.ok(typeof left === "number" && left > 900 && left <= 1000);
    assert.equal(await client.send("DBSIZE"), 2);
  });
}

// Names

const SETTING = /(?:`|--)(rocksdb\.[\w.]+\w|[a-z]+(?:-[a-z]+)+)\b/g;
/** Words of the same shape. */
const NO_SETTING =
  /^(?:redis|kept|node)-|^rocksdb\.(?:ts|FixedPrefix)|^(?:refuse-commit|unknown-commit|no-space|io-error|cut-log|cluster-from|cluster-copy)$/;

for (const page of PAGES) {
  test(`${page}: what it names is there`, () => {
    const text = readFileSync(page, "utf8");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (target.startsWith("http")) continue;
      assert.ok(existsSync(join(dirname(page), target)), `a link to ${target}`);
    }
    for (const [path] of text.matchAll(/\b(?:src|test|docs|bin|bench|scripts)\/[\w./-]*\w/g)) {
      assert.ok(existsSync(path), path);
    }
    for (const [, name = ""] of text.matchAll(SETTING)) {
      if (!NO_SETTING.test(name)) assert.ok(Object.hasOwn(SETTINGS, name), `the setting ${name}`);
    }
  });
}
