// The program as users start it, in a process of its own: what it says, what it refuses, how it ends.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";

import { KEPT_VERSION } from "../../src/base/version.ts";
import { rocksdbVersion } from "../../src/engine/rocksdb.ts";
import { INVALID_DB_INDEX } from "../../src/resp/errors.ts";
import { OK } from "../../src/resp/reply.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { until } from "../engine/until.ts";
import { KeptProcess } from "../support/kept-process.ts";

test("at start it says version, RocksDB's version, dir, durability and port", async () => {
  using folder = new TemporaryDirectory();
  const dir = folder.join("data");
  await using server = await KeptProcess.start(["--dir", dir, "--appendfsync", "always"]);
  const greeting = server.stdout.split("\n").find((line) => line.includes(" Kept "));
  assert.ok(greeting !== undefined, server.stdout);
  for (const fact of [
    KEPT_VERSION,
    `RocksDB ${rocksdbVersion}`,
    dir,
    "appendfsync always",
    `port ${server.port}`,
  ]) {
    assert.ok(greeting.includes(fact), `${fact} in: ${greeting}`);
  }
  assert.ok(server.port > 0);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} ends it with 0, and a restart has all that was answered`, async () => {
    using folder = new TemporaryDirectory();
    await using first = await KeptProcess.start(["--dir", folder.path]);
    using client = await first.client();
    assert.deepEqual(await client.send("SET", "key", "value"), OK);
    assert.deepEqual(await client.send("SET", "fleeting", "value", "PX", "3600000"), OK);
    first.signal(signal);
    const ended = await first.ended();
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.equal(ended.stderr, "");

    await using second = await KeptProcess.start(["--dir", folder.path]);
    using again = await second.client();
    assert.equal(await again.send("GET", "key"), "value");
    assert.equal(await again.send("DBSIZE"), 2);
  });
}

test("INFO knows the functions right after a restart", async () => {
  using folder = new TemporaryDirectory();
  const library = (name: string): string =>
    `#!lua name=${name}\nredis.register_function('${name}f', function() return 1 end)`;
  {
    await using first = await KeptProcess.start(["--dir", folder.path]);
    using client = await first.client();
    for (const name of ["a", "b"]) await client.send("FUNCTION", "LOAD", library(name));
    first.signal("SIGTERM");
    await first.ended();
  }
  await using second = await KeptProcess.start(["--dir", folder.path]);
  using again = await second.client();
  const memory = await again.send("INFO", "memory");
  assert.ok(typeof memory === "string");
  assert.match(memory, /number_of_functions:2\r\n/);
  assert.match(memory, /number_of_libraries:2\r\n/);
});

test("a configuration file, what it includes, and the command line, in this order", async () => {
  using folder = new TemporaryDirectory();
  const file = folder.join("kept.conf");
  writeFileSync(folder.join("more.conf"), "databases 3\nproto-max-bulk-len 2mb\n");
  writeFileSync(
    file,
    `# A comment.\ndir "${folder.join("data")}"\nappendfsync no\n` +
      `include ${folder.join("more.conf")}\nport 1\n`,
  );
  await using server = KeptProcess.launch([file, "--port", "0", "--appendfsync", "always"]);
  await server.saysReady();
  assert.match(server.stdout, /appendfsync always/);
  using client = await server.client();
  assert.deepEqual(await client.send("SELECT", "2"), OK);
  assert.deepEqual(await client.send("SELECT", "3"), INVALID_DB_INDEX.reply);
});

test("a dash reads the configuration from standard input", async () => {
  using folder = new TemporaryDirectory();
  const input = `port 0\nappendfsync no\ndir "${folder.join("from stdin")}"\n`;
  await using server = KeptProcess.launch(["-"], { input });
  await server.saysReady();
  assert.match(server.stdout, /appendfsync no/);
  assert.ok(existsSync(folder.join("from stdin")));
});

test("the log goes to a file when one is named", async () => {
  using folder = new TemporaryDirectory();
  const logfile = folder.join("kept.log");
  writeFileSync(logfile, "what was there\n");
  const args = ["--port", "0", "--dir", folder.join("data"), "--logfile", logfile];
  await using server = KeptProcess.launch(args);
  await until(() => readFileSync(logfile, "utf8").includes("Ready to accept"));
  assert.equal((await server.stop()).stdout, "");
  const lines = readFileSync(logfile, "utf8").trimEnd().split("\n");
  assert.equal(lines[0], "what was there");
  assert.match(lines.at(-1) ?? "", /bye/);
});

test("the version is told without starting anything", async () => {
  const ended = await KeptProcess.toItsEnd(["--version"]);
  assert.equal(ended.code, 0);
  assert.ok(ended.stdout.includes(KEPT_VERSION));
});

// Refusals: one message on standard error, exit code 1, nothing written.

async function refusal(args: readonly string[], shellSetup?: string): Promise<string> {
  const options = shellSetup === undefined ? {} : { shellSetup };
  const ended = await KeptProcess.toItsEnd(args, options);
  assert.equal(ended.code, 1, ended.stdout + ended.stderr);
  assert.doesNotMatch(ended.stdout, /Ready to accept/);
  assert.doesNotMatch(ended.stderr, /\n\s+at /, "no stack for the operator");
  return ended.stderr;
}

test("a port in use is refused before a data directory is made", async () => {
  using folder = new TemporaryDirectory();
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen({ port: 0, host: "127.0.0.1" }, resolve));
  const address = holder.address();
  assert.ok(address !== null && typeof address === "object");
  const dir = folder.join("data");
  const message = await refusal(["--port", String(address.port), "--dir", dir]);
  assert.match(message, new RegExp(`127.0.0.1:${address.port}: Address already in use`));
  assert.ok(!existsSync(dir));
  holder.close();
});

test("a second server on the same directory is refused, and the first goes on", async () => {
  using folder = new TemporaryDirectory();
  await using first = await KeptProcess.start(["--dir", folder.path]);
  const message = await refusal(["--port", "0", "--dir", folder.path]);
  assert.match(message, /in use by another server/);
  assert.ok(message.includes(folder.path));
  using client = await first.client();
  assert.deepEqual(await client.send("SET", "a", "b"), OK);
});

test("a directory with other files in it is refused, and nothing is written", async () => {
  using folder = new TemporaryDirectory();
  mkdirSync(folder.join("db"));
  writeFileSync(folder.join("db/thesis.txt"), "mine");
  const message = await refusal(["--port", "0", "--dir", folder.path]);
  assert.match(message, /holds other files \(thesis\.txt\)/);
  assert.deepEqual(readdirSync(folder.path), ["db"]);
  assert.deepEqual(readdirSync(folder.join("db")), ["thesis.txt"]);
});

test("a damaged database is refused, and stays as it was", async () => {
  using folder = new TemporaryDirectory();
  mkdirSync(folder.join("db"));
  writeFileSync(folder.join("db/CURRENT"), "MANIFEST-000042\n");
  writeFileSync(folder.join("db/MANIFEST-000042"), "no manifest at all");
  const message = await refusal(["--port", "0", "--dir", folder.path]);
  assert.match(message, /damaged|cannot be opened/);
  assert.deepEqual(readdirSync(folder.join("db")).sort(), ["CURRENT", "MANIFEST-000042"]);
});

test("a directory that cannot be made is refused by name", async () => {
  using folder = new TemporaryDirectory();
  writeFileSync(folder.join("file"), "");
  const dir = folder.join("file/data");
  const message = await refusal(["--port", "0", "--dir", dir]);
  assert.ok(message.includes(dir), message);
});

test("no space at start is refused, and the data is as it was", async () => {
  using folder = new TemporaryDirectory();
  await using first = await KeptProcess.start(["--dir", folder.path]);
  using client = await first.client();
  const value = randomBytes(600_000).latin1Slice();
  assert.deepEqual(await client.send("SET", "key", value), OK);
  first.signal("SIGKILL");
  await first.ended();

  // A limit on the size of files is the full disk that a test can have without a disk.
  const message = await refusal(["--port", "0", "--dir", folder.path], "ulimit -f 64");
  assert.ok(message.includes(folder.path), message);

  await using second = await KeptProcess.start(["--dir", folder.path]);
  using again = await second.client();
  assert.equal(await again.send("GET", "key"), value);
});

test("an unknown directive is refused with its file and line", async () => {
  using folder = new TemporaryDirectory();
  const file = folder.join("kept.conf");
  writeFileSync(file, "port 0\n\nno-such-directive 1\n");
  const message = await refusal([file, "--dir", folder.join("data")]);
  assert.ok(message.includes(`${file}, at line 3`), message);
  assert.ok(message.includes("no-such-directive 1"));
  assert.ok(!existsSync(folder.join("data")));
});

test("a bad value is refused with its place", async () => {
  const message = await refusal(["--port", "many"]);
  assert.match(message, /port/);
  assert.match(await refusal(["--appendfsync", "sometimes"]), /appendfsync/);
});

test("a configuration file that cannot be read is refused by name", async () => {
  using folder = new TemporaryDirectory();
  const file = folder.join("missing.conf");
  assert.ok((await refusal([file])).includes(file));
});

test("a log file that cannot be opened is refused by name", async () => {
  using folder = new TemporaryDirectory();
  const logfile = folder.join("no/such/folder/kept.log");
  const dir = folder.join("data");
  assert.ok((await refusal(["--port", "0", "--dir", dir, "--logfile", logfile])).includes(logfile));
  assert.ok(!existsSync(dir));
});

test("a setting that RocksDB refuses is told in its words", async () => {
  using folder = new TemporaryDirectory();
  const args = ["--port", "0", "--dir", folder.path, "--rocksdb.compression", "no-such"];
  assert.match(await refusal(args), /compression/);
});
