// What is secret stays so: passwords that clients and settings bring are found in no log, slow log,
// INFO, ACL LOG or monitor. And commands that are renamed away are gone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorReply, OK, type Reply } from "../../src/resp/reply.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { KeptProcess } from "../support/kept-process.ts";

const SECRET = "hunter2-the-secret";
const OTHER = "tr0ub4dor-the-other";

test("passwords are in no log, slow log, INFO, ACL LOG or monitor", async () => {
  using folder = new TemporaryDirectory();
  const settings = ["--requirepass", SECRET, "--loglevel", "debug"];
  const slow = ["--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000"];
  const args = ["--dir", folder.path, ...settings, ...slow];
  await using server = await KeptProcess.start(args);
  using monitor = await server.client();
  assert.deepEqual(await monitor.send("AUTH", SECRET), OK);
  assert.deepEqual(await monitor.send("MONITOR"), OK);
  using client = await server.client();
  const commands: readonly (readonly string[])[] = [
    ["AUTH", `${SECRET}-wrong`],
    ["AUTH", SECRET],
    ["AUTH", "default", SECRET],
    ["HELLO", "2", "AUTH", "default", SECRET, "SETNAME", "me"],
    ["HELLO", "2", "AUTH", "default", `${SECRET}-wrong`],
    ["ACL", "SETUSER", "bob", "on", `>${SECRET}`, "~*", "+@all"],
    ["AUTH", "bob", SECRET],
    ["CONFIG", "SET", "requirepass", OTHER],
    ["CONFIG", "SET", "masterauth", OTHER, "tls-key-file-pass", OTHER],
    ["MULTI"],
    ["CONFIG", "SET", "requirepass", OTHER],
    ["EXEC"],
  ];
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (const command of commands) await client.send(...command);
  const told: Reply[] = [
    await client.send("SLOWLOG", "GET", "-1"),
    await client.send("INFO", "everything"),
    await client.send("ACL", "LOG"),
    await client.send("CLIENT", "LIST"),
    await client.send("ECHO", "the end"),
  ];
  const watched: Reply[] = [];
  // oxlint-disable-next-line no-await-in-loop -- until the last command is seen
  do watched.push(await monitor.readReply());
  while (!JSON.stringify(watched.at(-1)).includes("the end"));
  assert.ok(watched.length >= 5, "the monitor has seen nothing");
  assert.match(JSON.stringify(told), /\(redacted\)/);
  const ended = await server.stop();
  assert.equal(ended.code, 0);
  const everything = JSON.stringify([told, watched]) + ended.stdout + ended.stderr;
  for (const secret of [SECRET, OTHER]) assert.ok(!everything.includes(secret), secret);
});

test("CONFIG GET shows the password to whoever may ask, as Redis does", async () => {
  using folder = new TemporaryDirectory();
  await using server = await KeptProcess.start(["--dir", folder.path, "--requirepass", SECRET]);
  using client = await server.client();
  const refused = await client.send("CONFIG", "GET", "requirepass");
  assert.ok(refused instanceof ErrorReply);
  assert.match(refused.text, /^NOAUTH /);
  assert.deepEqual(await client.send("AUTH", SECRET), OK);
  assert.deepEqual(await client.send("CONFIG", "GET", "requirepass"), ["requirepass", SECRET]);
});

test("rename-command: the new name works, the old one and what is taken away are unknown", async () => {
  using folder = new TemporaryDirectory();
  const renames = ["--rename-command", "CONFIG", "hidden", "--rename-command", "FLUSHALL", ""];
  await using server = await KeptProcess.start(["--dir", folder.path, ...renames]);
  using client = await server.client();
  for (const name of ["CONFIG", "FLUSHALL"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const reply = await client.send(name, "GET", "port");
    assert.ok(reply instanceof ErrorReply);
    assert.match(reply.text, /^ERR unknown command/);
  }
  assert.deepEqual(await client.send("HIDDEN", "GET", "maxclients"), ["maxclients", "10000"]);
});
