// Users in the configuration file and in an ACL file, at the start of a real process and while it runs.

import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import { OK, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { KeptProcess } from "../support/kept-process.ts";

const HASH_OF_PW = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4";

test("users of the configuration file are there, and CONFIG REWRITE writes them", async () => {
  using folder = new TemporaryDirectory();
  const file = folder.join("kept.conf");
  writeFileSync(
    file,
    `dir "${folder.join("data")}"\nport 0\nuser alice on >pw ~a* +@all (~b +get)\n`,
  );
  await using server = KeptProcess.launch([file]);
  await server.saysReady();
  using client = await server.client();
  const alice =
    `user alice on sanitize-payload #${HASH_OF_PW} ~a* resetchannels +@all ` +
    "(~b resetchannels -@all +get)";
  const plain = "user default on nopass sanitize-payload ~* &* +@all";
  assert.deepEqual(await client.say("ACL LIST"), [alice, plain]);
  assert.deepEqual(await client.say("AUTH alice pw"), OK);
  assert.deepEqual(await client.say("AUTH default x"), OK);
  await client.say("ACL SETUSER bob on nopass -@all +ping");
  assert.deepEqual(await client.say("CONFIG REWRITE"), OK);
  const written = readFileSync(file, "latin1");
  const lines = written.split("\n").filter((line) => line.startsWith("user "));
  assert.deepEqual(lines, [
    alice,
    "user bob on nopass sanitize-payload resetchannels -@all +ping",
    plain,
  ]);
  await server.stop();
  await using again = KeptProcess.launch([file]);
  await again.saysReady();
  using second = await again.client();
  assert.deepEqual(await second.say("ACL USERS"), ["alice", "bob", "default"]);
  const [first] = replyList(await second.say("ACL LIST"));
  assert.equal(first, alice);
});

test("a relative ACL file is looked for in dir, as Redis has entered that", async () => {
  using folder = new TemporaryDirectory();
  writeFileSync(folder.join("users.acl"), "user default on nopass ~* &* +@all\nuser zoe on\n");
  const flags = ["--dir", folder.join("."), "--aclfile", "users.acl"];
  await using server = await KeptProcess.start(flags);
  using admin = await server.client();
  assert.deepEqual(await admin.say("ACL USERS"), ["default", "zoe"]);
  assert.deepEqual(await admin.say("ACL SETUSER yan"), OK);
  assert.deepEqual(await admin.say("ACL SAVE"), OK);
  assert.match(readFileSync(folder.join("users.acl"), "latin1"), /^user yan off/m);
});

test("an ACL file is read, written and loaded, all of it or nothing", async () => {
  using folder = new TemporaryDirectory();
  const file = folder.join("users.acl");
  writeFileSync(file, "user alice on >pw ~a* +@all\n\nuser default on nopass ~* &* +@all\n");
  await using server = await KeptProcess.start(["--dir", folder.join("data"), "--aclfile", file]);
  using admin = await server.client();
  using alice = await server.client();
  using bob = await server.client();
  assert.deepEqual(await admin.say("ACL SETUSER bob on nopass +@all"), OK);
  assert.deepEqual(await alice.say("AUTH alice pw"), OK);
  assert.deepEqual(await bob.say("AUTH bob x"), OK);
  assert.deepEqual(await admin.say("ACL SAVE"), OK);
  assert.equal(statSync(file).mode & 0o777, 0o644);
  assert.equal(
    readFileSync(file, "latin1"),
    `user alice on sanitize-payload #${HASH_OF_PW} ~a* resetchannels +@all\n` +
      "user bob on nopass sanitize-payload resetchannels +@all\n" +
      "user default on nopass sanitize-payload ~* &* +@all\n",
  );
  writeFileSync(
    file,
    "user carol on +foo +bar ~a\nusr dan\nuser carol on\nuser eve <zz ~* ~a\nuser fay (+get\n",
  );
  assert.equal(
    format(await admin.say("ACL LOAD")),
    `-ERR ${file}:1: Error in applying operation '+foo': Unknown command or category name in ACL. ` +
      `${file}:1: Error in applying operation '+bar': Unknown command or category name in ACL. ` +
      `${file}:2 should start with user keyword followed by the username. ` +
      "WARNING: Duplicate user 'carol' found on line 3. " +
      `${file}:4: The password you are trying to remove from the user does not exist. ` +
      `${file}:5: Unmatched parenthesis in selector definition.` +
      "WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
  );
  assert.deepEqual(await admin.say("ACL USERS"), ["alice", "bob", "default"]);
  writeFileSync(file, "user alice on nopass ~b* +@all\n");
  assert.deepEqual(await admin.say("ACL LOAD"), OK);
  // Bob is gone; alice stays, with her new rights; the default user is as in the beginning.
  await bob.expectClosed();
  assert.deepEqual(await alice.say("SET b1 v"), OK);
  assert.match(format(await alice.say("SET a1 v")), /^-NOPERM/);
  assert.deepEqual(await admin.say("ACL LIST"), [
    "user alice on nopass sanitize-payload ~b* resetchannels +@all",
    "user default on nopass sanitize-payload ~* &* +@all",
  ]);
});

test("a server does not start with users that make no sense", async () => {
  using folder = new TemporaryDirectory();
  const acl = folder.join("users.acl");
  writeFileSync(acl, "user alice +@all\nuser bob +foo\n");
  const conf = (text: string): string => {
    const path = folder.join(`${text.length}.conf`);
    writeFileSync(path, `port 0\ndir ${folder.join("data")}\n${text}\n`);
    return path;
  };
  const cases: readonly [string, RegExp][] = [
    [`aclfile ${acl}`, /users\.acl:2: Error in applying operation '\+foo': Unknown command/],
    [`aclfile ${folder.join("none")}`, /Error loading ACLs, opening file .*ENOENT/],
    [`aclfile ${acl}\nuser carol on`, /define either an ACL file or declare users directly/],
    ["user carol on +foo", /user 'carol': Error in user declaration '\+foo': Unknown command/],
    ["user carol on\nuser carol off", /user 'carol': Duplicate user found/],
    ["user carol on (+get", /user 'carol': Unmatched parenthesis/],
    ["user", /wrong number of arguments/],
  ];
  for (const [text, expected] of cases) {
    // oxlint-disable-next-line no-await-in-loop -- one process at a time
    const ended = await KeptProcess.toItsEnd([conf(text)]);
    assert.equal(ended.code, 1, text);
    assert.match(ended.stderr, expected, text);
  }
});

function replyList(reply: Reply): readonly Reply[] {
  assert.ok(Array.isArray(reply));
  return reply;
}
