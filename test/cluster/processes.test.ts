// A server of several processes as operators know it: how it starts and is refused, how it ends, what becomes of a process
// that is killed, and what passes between them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { until } from "../engine/until.ts";
import { Certificates } from "../support/certificates.ts";
import { freePortsInARow } from "../support/free-ports.ts";
import { KeptProcess } from "../support/kept-process.ts";
import { ManyProcesses } from "../support/many-processes.ts";
import { RawClient } from "../support/raw-client.ts";
import { textOfReply } from "../support/reply-text.ts";

const LIMIT = { timeout: 120_000 };

async function ask(client: RawClient, line: string): Promise<string> {
  return textOfReply(await client.say(line));
}

async function refused(args: readonly string[]): Promise<string> {
  const { code, stderr } = await KeptProcess.toItsEnd(args);
  assert.equal(code, 1);
  return stderr;
}

/** The line of CLUSTER NODES about a process, as another one sees it. */
async function nodeLine(client: RawClient, port: number): Promise<string> {
  const lines = (await ask(client, "CLUSTER NODES")).split("\n");
  return lines.find((line) => line.includes(`:${port}@`)) ?? "";
}

test(
  "kill -9 of a process: the others serve, it comes back, nothing acknowledged is lost",
  LIMIT,
  async () => {
    using folder = new TemporaryDirectory();
    await using many = await ManyProcesses.start(folder.path);
    using other = await many.client(0);
    using writer = await many.client(1);
    const pid = await many.pidOf(1);
    const acknowledged: string[] = [];
    for (let index = 0; index < 500; index++) {
      if (index === 400) process.kill(pid, "SIGKILL");
      const key = `{a}${index}`;
      try {
        await writer.send("SET", key, String(index));
        acknowledged.push(key);
      } catch {
        break;
      }
    }
    assert.ok(acknowledged.length >= 400 && acknowledged.length < 500);
    const port = many.ports[1] ?? 0;
    await until(async () =>
      (await nodeLine(other, port)).includes(" master,fail - 0 0 2 disconnected"),
    );
    assert.equal(await ask(other, "SET b served"), "OK");
    assert.match(await ask(other, "CLUSTER INFO"), /cluster_state:ok[^]*cluster_slots_fail:8192/);
    assert.equal(await ask(other, "GET a"), `MOVED 15495 127.0.0.1:${port}`);
    await many.first.says(/Process 1 is up again/);
    await until(async () => (await nodeLine(other, port)).includes(" master - 0 0 2 connected"));
    using reader = await many.client(1);
    for (const key of acknowledged) assert.equal(await ask(reader, `GET ${key}`), key.slice(3));
    assert.notEqual(await many.pidOf(1), pid);
    // It is reached by messages again.
    await reader.say("SUBSCRIBE news");
    await until(async () => (await ask(other, "CLUSTER INFO")).includes("cluster_known_nodes:2"));
    await until(async () => {
      await other.say("PUBLISH news again");
      return reader.unreadCount > 0;
    });
    assert.deepEqual((await many.stop()).code, 0);
  },
);

test("SIGTERM to one process alone starts it again", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  await using many = await ManyProcesses.start(folder.path);
  process.kill(await many.pidOf(0), "SIGTERM");
  await many.first.says(/Process 0 \(pid \d+\) has ended by code 0: it is started again/);
  await many.first.says(/Process 0 is up again/);
  using client = await many.client(0);
  assert.equal(await ask(client, "SET b 1"), "OK");
});

test("SHUTDOWN of one process ends all, and the data are there again", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  const pidFile = folder.join("pid");
  {
    await using many = await ManyProcesses.start(folder.path, { args: ["--pidfile", pidFile] });
    await until(() => existsSync(pidFile));
    assert.equal(readFileSync(pidFile, "latin1"), `${many.first.pid}\n`);
    using first = await many.client(0);
    using second = await many.client(1);
    assert.equal(await ask(first, "SET b 1"), "OK");
    assert.equal(await ask(second, "SET a 2"), "OK");
    second.write("SHUTDOWN\r\n");
    const { code, stdout } = await many.first.ended();
    assert.equal(code, 0);
    assert.match(stdout, /All processes are down, bye/);
    assert.ok(!existsSync(pidFile));
  }
  const nodes = readFileSync(folder.join("nodes.kept"), "latin1");
  await using again = await ManyProcesses.start(folder.path);
  assert.equal(readFileSync(folder.join("nodes.kept"), "latin1"), nodes);
  using first = await again.client(0);
  using second = await again.client(1);
  assert.equal(await ask(first, "GET b"), "1");
  assert.equal(await ask(second, "GET a"), "2");
  assert.ok(nodes.includes(await ask(first, "CLUSTER MYID")));
});

test("when the first process is killed, the others stop in order", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  await using many = await ManyProcesses.start(folder.path);
  const pids = [await many.pidOf(0), await many.pidOf(1)];
  many.first.signal("SIGKILL");
  await until(() => pids.every((pid) => !isThere(pid)));
  await using again = await ManyProcesses.start(folder.path);
  assert.equal(again.ports.length, 2);
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("settings from standard input reach every process", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  const input = "timeout 77\ncluster-announce-ip 10.1.2.3\n";
  await using many = await ManyProcesses.start(folder.path, { args: ["-"], input });
  for (const index of [0, 1]) {
    using client = await many.client(index);
    assert.deepEqual(await client.say("CONFIG GET timeout"), ["timeout", "77"]);
  }
  using client = await many.client(0);
  const second = many.ports[1] ?? 0;
  assert.equal(await ask(client, "GET a"), `MOVED 15495 10.1.2.3:${second}`);
  await client.say("CONFIG SET cluster-announce-ip 10.9.9.9");
  assert.equal(await ask(client, "GET a"), `MOVED 15495 10.9.9.9:${second}`);
});

test("what would change the map or the ports is refused", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  await using many = await ManyProcesses.start(folder.path);
  using client = await many.client(0);
  const fixed =
    "ERR the processes of this server share out the slots when it starts, for good: see the setting processes";
  for (const line of [
    "ADDSLOTS 1",
    "ADDSLOTSRANGE 1 2",
    "DELSLOTS 1",
    "DELSLOTSRANGE 1 2",
    "FLUSHSLOTS",
    "SETSLOT 1 STABLE",
    "MEET 127.0.0.1 1",
    "FORGET x",
    "FAILOVER",
    "REPLICATE x",
    "RESET",
    "BUMPEPOCH",
    "SET-CONFIG-EPOCH 7",
  ]) {
    assert.equal(await ask(client, `CLUSTER ${line}`), fixed, line);
  }
  const ports = "the ports of a server of several processes change with a restart";
  for (const name of ["port", "tls-port"]) {
    assert.equal(
      await ask(client, `CONFIG SET ${name} 12345`),
      `ERR CONFIG SET failed (possibly related to argument '${name}') - ${ports}`,
    );
  }
  assert.match(
    await ask(client, "INFO server"),
    new RegExp(`redis_mode:cluster[^]*tcp_port:${many.ports[0]}\r`),
  );
});

test(
  "messages reach the other processes after their commit; keyspace events do not",
  LIMIT,
  async () => {
    using folder = new TemporaryDirectory();
    await using many = await ManyProcesses.start(folder.path, {
      count: 3,
      args: ["--notify-keyspace-events", "KEA"],
    });
    using sender = await many.client(0);
    using named = await many.client(1);
    using pattern = await many.client(2);
    await until(async () => {
      const links = await sender.say("CLUSTER LINKS");
      return Array.isArray(links) && links.length === 4;
    });
    await named.say("SUBSCRIBE news");
    await pattern.say("PSUBSCRIBE *");
    assert.equal(await sender.say("PUBLISH news one"), 0);
    await sender.say("MULTI");
    await sender.say("SET b 1");
    await sender.say("PUBLISH news two");
    await sender.say("PUBLISH other three");
    await sender.say("EXEC");
    await sender.say("SPUBLISH b shard");
    const long = "x".repeat(3_000_000);
    await sender.send("PUBLISH", "news", long);
    const messages = ["one", "two", long].map((text) => ["message", "news", text]);
    assert.deepEqual((await named.readReplies(3)).map(itemsOf), messages);
    const heard = [
      ["news", "one"],
      ["news", "two"],
      ["other", "three"],
      ["news", long],
    ];
    assert.deepEqual(
      (await pattern.readReplies(4)).map(itemsOf),
      heard.map(([channel, text]) => ["pmessage", "*", channel, text]),
    );
    assert.match(await ask(sender, "CLUSTER INFO"), /messages_sent:8\r[^]*messages_received:0\r/);
    named.expectNothingUnread();
    pattern.expectNothingUnread();
  },
);

test("what a refused commit would have published is heard at no process", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  await using many = await ManyProcesses.start(folder.path, {
    args: ["--enable-debug-command", "yes"],
  });
  using sender = await many.client(0);
  using listener = await many.client(1);
  await until(async () => {
    const links = await sender.say("CLUSTER LINKS");
    return Array.isArray(links) && links.length === 2;
  });
  await listener.say("SUBSCRIBE news");
  assert.equal(await ask(sender, "DEBUG STORAGE-FAULT refuse-commit"), "OK");
  for (const line of ["MULTI", "SET b 1", "PUBLISH news refused"]) await sender.say(line);
  assert.match(JSON.stringify(await sender.say("EXEC")), /EXECABORT/);
  assert.equal(await ask(sender, "DEBUG STORAGE-FAULT off"), "OK");
  for (const line of ["MULTI", "SET b 1", "PUBLISH news committed", "EXEC"]) await sender.say(line);
  const [heard] = await listener.readReplies(1);
  assert.deepEqual(itemsOf(heard), ["message", "news", "committed"]);
  listener.expectNothingUnread();
});

test("CONFIG REWRITE of a process leaves what all of them share as it is", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  const file = folder.join("kept.conf");
  const dir = folder.join("data");
  writeFileSync(file, `port 0\nprocesses 2\ndir ${dir}\ntimeout 5\n`);
  await using many = await ManyProcesses.withFile(file);
  using client = await many.client(1);
  assert.equal(await ask(client, "CONFIG SET timeout 6"), "OK");
  assert.equal(await ask(client, "CONFIG REWRITE"), "OK");
  assert.equal(readFileSync(file, "latin1"), `port 0\nprocesses 2\ndir ${dir}\ntimeout 6\n`);
});

function itemsOf(reply: unknown): unknown {
  return typeof reply === "object" && reply !== null && "items" in reply ? reply.items : reply;
}

test("clients that come by TLS are sent to TLS", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  const made = await Certificates.make(folder.path);
  const { certificate, key } = await made.issue("server");
  const port = await freePortsInARow(4);
  const tlsPort = port + 2;
  // prettier-ignore
  const args = [
    "--tls-port", String(tlsPort), "--tls-cert-file", certificate, "--tls-key-file", key,
    "--tls-ca-cert-file", made.authority.certificate, "--tls-auth-clients", "no",
  ];
  await using many = await ManyProcesses.start(folder.join("data"), { port, args });
  assert.deepEqual(many.ports, [port, port + 1]);
  const socket = connectTls({ port: tlsPort, host: "127.0.0.1", rejectUnauthorized: false });
  using client = new RawClient(socket);
  assert.equal(await ask(client, "GET a"), `MOVED 15495 127.0.0.1:${tlsPort + 1}`);
  using plain = await many.client(0);
  assert.equal(await ask(plain, "GET a"), `MOVED 15495 127.0.0.1:${port + 1}`);
  const text = JSON.stringify(await plain.say("CLUSTER SHARDS"));
  assert.ok(text.includes(`"port",${port},"tls-port",${tlsPort}`), text);
});

test("a directory is for the number of processes that it was first used with", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  await using many = await ManyProcesses.start(folder.path);
  assert.equal((await many.stop()).code, 0);
  const at = ["--port", "0", "--dir", folder.path];
  assert.match(
    await refused([...at, "--processes", "3"]),
    /shared out among 2 processes, and processes is 3: see/,
  );
  assert.match(await refused(at), /shared out among 2 processes, and processes is 1: see/);
  const nodes = folder.join("nodes.kept");
  writeFileSync(nodes, readFileSync(nodes, "latin1").replace("8192-", "8193-"));
  assert.match(
    await refused([...at, "--processes", "2"]),
    /nodes.kept' cannot be used: the slots of process 1 do not/,
  );
});

test("the directory of one process is not for several", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  const at = ["--port", "0", "--dir", folder.path];
  await using single = await KeptProcess.start(at);
  assert.equal((await single.stop()).code, 0);
  assert.match(
    await refused([...at, "--processes", "2"]),
    /are those of one process, and processes is 2: see/,
  );
  assert.ok(!existsSync(folder.join("nodes.kept")));
});

test("what cannot work is refused before anything is made", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  const dir = folder.join("data");
  const at = ["--dir", dir, "--processes", "4"];
  assert.match(
    await refused([...at, "--port", "0", "--unixsocket", folder.join("socket")]),
    /unixsocket cannot be used with more than one process/,
  );
  assert.match(await refused([...at, "--port", "65533"]), /there are no ports from 65533 to 65536/);
  assert.match(
    await refused([...at, "--port", "7000", "--tls-port", "7003"]),
    /port and tls-port are too near for 4 processes/,
  );
  assert.match(await refused([...at, "--processes", "129"]), /argument must be between 1 and 128/);
});

test("a directory that cannot be made is told", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  writeFileSync(folder.join("file"), "");
  const words = await refused([
    "--port",
    "0",
    "--processes",
    "2",
    "--dir",
    folder.join("file/data"),
  ]);
  assert.match(words, /Can't (read|make or enter)/);
});

test("one that cannot start ends all of them", LIMIT, async () => {
  using folder = new TemporaryDirectory();
  mkdirSync(folder.join("data"));
  const first = await freePortsInARow(2);
  const port = first + 1;
  const taken = createServer().listen(port, "127.0.0.1");
  await once(taken, "listening");
  const args = ["--port", String(first), "--processes", "2", "--dir", folder.join("data")];
  const { code, stdout, stderr } = await KeptProcess.toItsEnd(args);
  taken.close();
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(`Could not create server TCP listening socket 127.0.0.1:${port}`),
  );
  assert.match(stdout, /could not start: stopping the others[^]*All processes are down/);
});
