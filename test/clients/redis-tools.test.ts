// Debian's redis-cli and redis-benchmark against Kept: no complaint, no error line, right answers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { request } from "../support/raw-client.ts";
import { runTool, runToolWell } from "../support/tool.ts";

let server: ServerProcess;
let directory: TemporaryDirectory;

before(async () => {
  directory = new TemporaryDirectory();
  server = await ServerProcess.start({ dir: directory.path });
});

after(async () => {
  await server.stop();
  directory[Symbol.dispose]();
});

function cli(...args: string[]): Promise<string> {
  return runToolWell("redis-cli", ["-p", String(server.port), ...args]);
}

async function emptied(): Promise<void> {
  assert.equal(await cli("FLUSHALL"), "OK\n");
}

test("redis-cli: commands as arguments, from standard input, in RESP3, repeated", async () => {
  await emptied();
  assert.equal(await cli("SET", "key", "some value"), "OK\n");
  assert.equal(await cli("GET", "key"), "some value\n");
  assert.equal(await cli("--no-raw", "GET", "key"), '"some value"\n');
  assert.equal(await cli("--no-raw", "GET", "missing"), "(nil)\n");
  assert.equal(await cli("-3", "--no-raw", "INCR", "n"), "(integer) 1\n");
  assert.equal(await cli("-n", "5", "SET", "other", "db"), "OK\n");
  assert.equal(await cli("-r", "3", "INCR", "n"), "2\n3\n4\n");
  assert.equal(await cli("DBSIZE"), "2\n");
  const port = ["-p", String(server.port)];
  const lines = 'SET "quoted key" "a\\x00b"\nSTRLEN "quoted key"\nMULTI\nINCR n\nGET n\nEXEC\n';
  const said = await runToolWell("redis-cli", port, lines);
  assert.equal(said, "OK\n3\nOK\nQUEUED\nQUEUED\n5\n5\n");
  const piped = await runToolWell("redis-cli", [...port, "-x", "SET", "stdin"], "all of it");
  assert.equal(piped, "OK\n");
  assert.equal(await cli("GET", "stdin"), "all of it\n");
});

test("redis-cli: an error is shown and makes the exit code of -e", async () => {
  await emptied();
  await cli("SET", "text", "x");
  const args = ["-p", String(server.port), "-e", "INCR", "text"];
  const { code, stdout, stderr } = await runTool("redis-cli", args);
  assert.equal(code, 1);
  assert.match(stdout + stderr, /ERR value is not an integer or out of range/);
});

test("redis-cli --pipe, --scan, --bigkeys and --memkeys", async () => {
  await emptied();
  let input = "";
  for (let index = 0; index < 10_000; index++) {
    input += request("SET", `key:${index}`, "x".repeat(index % 100));
  }
  input += request("SET", "the-big-one", "x".repeat(5000));
  const piped = await runToolWell("redis-cli", ["-p", String(server.port), "--pipe"], input);
  assert.match(piped, /errors: 0, replies: 10001\n/);

  const scanned = await cli("--scan", "--pattern", "key:*");
  assert.equal(new Set(scanned.trim().split("\n")).size, 10_000);
  const big = await cli("--bigkeys");
  assert.match(big, /Sampled 10001 keys in the keyspace!/);
  assert.match(big, /Biggest string found '"the-big-one"' has 5000 bytes/);
  const memory = await cli("--memkeys");
  assert.match(memory, /Sampled 10001 keys in the keyspace!/);
  assert.match(memory, /Biggest string found '"the-big-one"' has \d+ bytes/);
});

test("redis-cli: INFO, CONFIG GET and COMMAND DOCS, which it reads for its hints", async () => {
  const info = await cli("INFO");
  for (const section of ["# Server", "# Clients", "# Memory", "# Stats", "# Keyspace"]) {
    assert.ok(info.includes(section), `INFO has no ${section}`);
  }
  assert.match(await cli("CONFIG", "GET", "appendfsync"), /^appendfsync\neverysec\n$/);
  assert.match(await cli("COMMAND", "DOCS", "get"), /summary/);
  assert.match(await cli("--latency", "-i", "1", "--raw"), /^\d+ \d+ \d+\.\d+ \d+\n/);
});

for (const pipeline of ["1", "16"]) {
  test(`redis-benchmark -t set,get,incr,mset -P ${pipeline} runs without an error line`, async () => {
    await emptied();
    const what = `-t set,get,incr,mset -P ${pipeline} -n 20000 -r 1000 -d 64 --csv`;
    const args = ["-p", String(server.port), ...what.split(" ")];
    const { code, stdout, stderr } = await runTool("redis-benchmark", args);
    assert.equal(code, 0, stdout + stderr);
    assert.equal(stderr, "");
    const [header = "", ...rows] = stdout.trim().split("\n");
    assert.match(header, /^"test","rps"/);
    const names = rows.map((row) => row.split(",")[0]?.replaceAll('"', ""));
    assert.deepEqual(names, ["SET", "GET", "INCR", "MSET (10 keys)"]);
    for (const row of rows) {
      const perSecond = Number(row.split(",")[1]?.replaceAll('"', ""));
      assert.ok(perSecond > 0, `a row without a rate: ${row}`);
    }
    const client = await server.client();
    const size = await client.send("DBSIZE");
    // key:, counter: and mset's keys are drawn from the same thousand.
    assert.ok(typeof size === "number" && size > 1000 && size <= 3000, `${Number(size)} keys`);
  });
}
