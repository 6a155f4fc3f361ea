// What changes of users mean for those who are connected, and what ACL LOG and INFO tell of denials.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Config } from "../../src/config/config.ts";
import { ErrorReply, MapReply, OK, QUEUED, type Reply } from "../../src/resp/reply.ts";
import { format } from "../conversations/notation.ts";
import { startKept } from "../support/kept.ts";

test("who is deleted is cut off, who deletes himself after his answer", async () => {
  await using kept = await startKept();
  const admin = await kept.client();
  const other = await kept.client();
  for (const name of ["a", "b"]) await admin.say(`ACL SETUSER ${name} on nopass ~* +@all`);
  assert.deepEqual(await other.say("AUTH a x"), OK);
  assert.equal(await admin.say("ACL DELUSER a nobody"), 1);
  await other.expectClosed();
  assert.deepEqual(await admin.say("AUTH b x"), OK);
  assert.equal(await admin.say("ACL DELUSER b"), 1);
  await admin.expectClosed();
});

test("a subscriber is cut off when he loses a channel, and only then", async () => {
  await using kept = await startKept();
  const admin = await kept.client();
  await admin.say("ACL SETUSER s on nopass +@all &a* &b &p*");
  const [byName, byPattern, idle] = [await kept.client(), await kept.client(), await kept.client()];
  for (const client of [byName, byPattern, idle]) await client.say("AUTH s x");
  await byName.say("SUBSCRIBE ab");
  await byPattern.say("PSUBSCRIBE p*");
  await admin.say("ACL SETUSER s resetchannels &ab &p*");
  assert.equal(format(await byName.say("PING")), '[ "pong", "" ]');
  await admin.say("ACL SETUSER s resetchannels &* ");
  assert.equal(format(await byPattern.say("PING")), '[ "pong", "" ]');
  await admin.say("ACL SETUSER s resetchannels &ab &p?");
  await byPattern.expectClosed();
  assert.equal(format(await byName.say("PING")), '[ "pong", "" ]');
  await admin.say("ACL SETUSER s resetchannels");
  await byName.expectClosed();
  assert.ok((await idle.say("PUBLISH a b")) instanceof ErrorReply);
});

test("requirepass is the default user's password, and who is logged in stays so", async () => {
  await using kept = await startKept();
  const first = await kept.client();
  await first.say("CONFIG SET requirepass secret");
  assert.equal(await first.say("ACL WHOAMI"), "default");
  const second = await kept.client();
  assert.equal(format(await second.say("GET a")), "-NOAUTH Authentication required.");
  assert.deepEqual(await second.say("AUTH secret"), OK);
  await first.say("ACL SETUSER default >other");
  const third = await kept.client();
  assert.deepEqual(await third.say("AUTH other"), OK);
  await third.send("CONFIG", "SET", "requirepass", "");
  const fourth = await kept.client();
  assert.equal(await fourth.say("ACL WHOAMI"), "default");
  await fourth.say("ACL SETUSER default off");
  const fifth = await kept.client();
  assert.equal(format(await fifth.say("PING")), "-NOAUTH Authentication required.");
  assert.equal(await fourth.say("ACL WHOAMI"), "default");
});

interface Entry {
  readonly [field: string]: Reply;
}

function entries(reply: Reply): Entry[] {
  assert.ok(Array.isArray(reply));
  return (reply as readonly Reply[]).map((entry) => {
    assert.ok(entry instanceof MapReply);
    const pairs: [string, Reply][] = [];
    for (let index = 0; index < entry.flat.length; index += 2) {
      pairs.push([
        format(entry.flat[index] ?? null).replaceAll('"', ""),
        entry.flat[index + 1] ?? null,
      ]);
    }
    return Object.fromEntries(pairs);
  });
}

function summary({ count, reason, context, object, username }: Entry): string {
  const fields = [count, reason, context, object, username];
  return fields.map((field) => format(field ?? null).replaceAll('"', "")).join(" ");
}

test("ACL LOG and INFO tell what was denied; repetitions are one entry", async () => {
  await using kept = await startKept();
  const admin = await kept.client();
  const client = await kept.client();
  await admin.say("HELLO 3");
  await admin.say("ACL SETUSER u on >pw ~a +@all -acl -incr resetchannels");
  for (const line of ["AUTH u no", "HELLO 3 AUTH who no", "AUTH u no", "AUTH u pw"]) {
    await client.say(line);
  }
  for (const line of ["GET b", "INCR a", "GET b", "PUBLISH c m", "ACL LIST"])
    await client.say(line);
  await client.say("MULTI");
  await client.say("GET b");
  await client.say("DISCARD");
  const log = entries(await admin.say("ACL LOG"));
  assert.deepEqual(log.map(summary), [
    "1 key multi b u",
    "1 command toplevel acl|list u",
    "1 channel toplevel c u",
    "2 key toplevel b u",
    "1 command toplevel incr u",
    "2 auth toplevel AUTH u",
    "1 auth toplevel HELLO who",
  ]);
  assert.deepEqual(
    log.map((entry) => entry["entry-id"]),
    [6, 5, 4, 2, 3, 0, 1],
  );
  assert.match(format(log[0]?.["client-info"] ?? null), /^"id=\d+ addr=.* user=u .*lib-ver="$/);
  assert.equal(entries(await admin.say("ACL LOG 2")).length, 2);
  const info = format(await admin.say("INFO stats"));
  assert.match(info, /acl_access_denied_auth:3/);
  assert.match(info, /acl_access_denied_cmd:2/);
  assert.match(info, /acl_access_denied_key:3/);
  assert.match(info, /acl_access_denied_channel:1/);
  await admin.say("CONFIG SET acllog-max-len 1");
  assert.equal(entries(await admin.say("ACL LOG")).length, 1);
  assert.deepEqual(await admin.say("ACL LOG RESET"), OK);
  assert.deepEqual(entries(await admin.say("ACL LOG")), []);
});

test("acl-pubsub-default is what new users begin with", async () => {
  const config = new Config();
  await using kept = await startKept({ config });
  const admin = await kept.client();
  await admin.say("CONFIG SET acl-pubsub-default allchannels");
  await admin.say("ACL SETUSER u");
  assert.match(format(await admin.say("ACL LIST")), /user u off sanitize-payload &\* -@all/);
  await admin.say("ACL SETUSER u reset resetchannels");
  await admin.say("CONFIG SET acl-pubsub-default resetchannels");
  await admin.say("ACL SETUSER u reset");
  assert.match(format(await admin.say("ACL LIST")), /user u off sanitize-payload resetchannels/);
});

test("GENPASS makes as many digits as it takes, never the same", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  const first = format(await client.say("ACL GENPASS"));
  assert.match(first, /^"[0-9a-f]{64}"$/);
  assert.notEqual(format(await client.say("ACL GENPASS")), first);
  assert.match(format(await client.say("ACL GENPASS 5")), /^"[0-9a-f]{2}"$/);
  assert.match(format(await client.say("ACL GENPASS 1")), /^"[0-9a-f]"$/);
});

test("passwords are neither in the slow log nor shown to monitors", async () => {
  await using kept = await startKept({ session: { slowUs: 0 } });
  const [client, monitor] = [await kept.client(), await kept.client()];
  kept.core.setSlow({ slowlogUs: 0, latencyMs: 0 });
  await monitor.say("MONITOR");
  await client.say("ACL SETUSER u on >hidden");
  await client.say("AUTH u hidden");
  await client.say("AUTH default x");
  const log = format(await client.say("SLOWLOG GET"));
  assert.match(log, /"ACL", "SETUSER", "\(redacted\)", "\(redacted\)", "\(redacted\)"/);
  assert.doesNotMatch(log, /hidden/);
  await client.say("PING end");
  const [seen] = [await monitor.readReplies(2)];
  assert.doesNotMatch(format(seen), /hidden/);
});

test("a queued ACL SETUSER takes effect on what is queued behind it", async () => {
  await using kept = await startKept();
  const client = await kept.client();
  await client.say("ACL SETUSER u on nopass ~* +@all");
  await client.say("AUTH u x");
  await client.say("MULTI");
  for (const line of ["SET a 1", "ACL SETUSER u -get", "GET a", "SET a 2"]) {
    assert.deepEqual(await client.say(line), QUEUED);
  }
  const reply = format(await client.say("EXEC"));
  assert.match(reply, /^\[ OK, OK, -NOPERM ACLs rules changed .*subcommand, OK \]$/);
});
