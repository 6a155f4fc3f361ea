// Settings of connections and of the process, on real sockets and in a process of its own.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { test } from "node:test";

import { Redis } from "ioredis";

import { machineClock, ManualClock, type Clock } from "../../src/base/clock.ts";
import { allSettings, Config } from "../../src/config/config.ts";
import { ErrorReply, OK, PONG, type Reply } from "../../src/resp/reply.ts";
import { rocksSettings } from "../../src/server/engine-settings.ts";
import { liveSettings } from "../../src/server/live-settings.ts";
import { isDeniedByProtectedMode } from "../../src/server/protected-mode.ts";
import { SilenceWatcher } from "../../src/server/silence.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { KeptProcess } from "../support/kept-process.ts";
import { startKept, type Kept } from "../support/kept.ts";
import { configOf, otherWord } from "../support/other-values.ts";
import { RawClient, request, until } from "../support/raw-client.ts";

// timeout

/** The machine's clock, with the wall clock put forward by hand. */
function movable(): { clock: Clock; advance: (ms: number) => void } {
  let aheadMs = 0;
  return {
    clock: { ...machineClock, nowMs: () => machineClock.nowMs() + aheadMs },
    advance: (ms) => {
      aheadMs += ms;
    },
  };
}

const TIMEOUT_MS = 10_000;

async function keptWithTimeout(clock: Clock): Promise<Kept> {
  const kept = await startKept({ clock });
  kept.server.limits.silenceMsMax = TIMEOUT_MS;
  return kept;
}

test("who is silent for longer than timeout is closed, who speaks meanwhile is not", async () => {
  const { clock, advance } = movable();
  await using kept = await keptWithTimeout(clock);
  const [silent, talking] = [await kept.client(), await kept.client()];
  for (const client of [silent, talking]) assert.deepEqual(await client.say("PING"), PONG);
  advance(TIMEOUT_MS / 2);
  kept.server.closeSilent();
  assert.deepEqual(await talking.say("PING"), PONG);
  advance(TIMEOUT_MS / 2 + 1000);
  kept.server.closeSilent();
  await silent.expectClosed();
  assert.deepEqual(await talking.say("PING"), PONG);
});

test("timeout leaves subscribers and monitors alone, and everybody when it is 0", async () => {
  const { clock, advance } = movable();
  await using kept = await keptWithTimeout(clock);
  const [subscriber, monitor, client] = [
    await kept.client(),
    await kept.client(),
    await kept.client(),
  ];
  await subscriber.say("SUBSCRIBE news");
  assert.deepEqual(await monitor.say("MONITOR"), OK);
  await client.say("PING");
  kept.server.limits.silenceMsMax = 0;
  advance(2 * TIMEOUT_MS);
  kept.server.closeSilent();
  assert.equal(kept.server.connections.size, 3);
  kept.server.limits.silenceMsMax = TIMEOUT_MS;
  kept.server.closeSilent();
  await client.expectClosed();
  await until("one is gone", () => kept.server.connections.size === 2);
  await monitor.readReply();
  advance(2 * TIMEOUT_MS);
  kept.server.closeSilent();
  assert.equal(kept.server.connections.size, 2);
});

test("who waits for an answer is not silent, and has time again once it is given", async () => {
  const { clock, advance } = movable();
  await using kept = await keptWithTimeout(clock);
  const [admin, waiting] = [await kept.client(), await kept.client()];
  assert.deepEqual(await admin.say("CLIENT PAUSE 3600000 WRITE"), OK);
  waiting.write(request("SET", "a", "1"));
  const isHeld = () => [...kept.server.connections.values()].some((one) => one.isWaiting);
  await until("the write is held", isHeld);
  advance(2 * TIMEOUT_MS);
  assert.deepEqual(await admin.say("PING"), PONG);
  kept.server.closeSilent();
  assert.deepEqual(await admin.say("CLIENT UNPAUSE"), OK);
  assert.deepEqual(await waiting.readReply(), OK);
  kept.server.closeSilent();
  assert.equal(await waiting.say("GET a"), "1");
});

test("the watcher looks about once a second until it is stopped", async () => {
  await using kept = await startKept();
  let rounds = 0;
  kept.server.closeSilent = () => void rounds++;
  const clock = new ManualClock(0);
  const watcher = new SilenceWatcher(kept.server, clock);
  watcher.start();
  clock.advance(5000);
  assert.equal(rounds, 5);
  watcher.stop();
  clock.advance(5000);
  assert.equal(rounds, 5);
});

test("CONFIG SET timeout and protected-mode reach the server", async () => {
  const config = new Config();
  const { server } = liveSettings(config);
  assert.deepEqual([server.silenceMsMax, server.isProtected], [0, true]);
  const asker = { isLocal: true };
  const assignments = [
    ["timeout", "7"],
    ["protected-mode", "no"],
  ] as const;
  assert.equal(config.set(assignments, asker), null);
  assert.deepEqual([server.silenceMsMax, server.isProtected], [7000, false]);
});

test("a server that runs closes silent connections by itself", async () => {
  using folder = new TemporaryDirectory();
  await using server = await KeptProcess.start(["--dir", folder.path]);
  using silent = await server.client();
  assert.deepEqual(await silent.say("CONFIG SET timeout 1"), OK);
  await silent.expectClosed();
});

// tcp-keepalive

test("tcp-keepalive is told to new connections, and to those that are there when it changes", async () => {
  await using kept = await startKept();
  const { server } = kept;
  const told: string[] = [];
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    socket.setKeepAlive = (isOn = false, delayMs = 0) => {
      told.push(`${isOn} ${delayMs}`);
      return socket;
    };
    server.accept(socket, null);
  });
  const port = await listen(listener);
  server.limits.keepAliveSeconds = 300;
  using client = await RawClient.connect(port);
  assert.deepEqual(await client.say("PING"), PONG);
  assert.deepEqual(told, ["true 300000"]);
  server.keepAlive(0);
  server.keepAlive(7);
  assert.deepEqual(told.slice(1), ["false 0", "true 7000"]);
  using later = await RawClient.connect(port);
  assert.deepEqual(await later.say("PING"), PONG);
  assert.deepEqual(told.slice(3), ["true 7000"]);
  listener.close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1" }, resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

// protected-mode

test("protected mode denies those from afar while there is no password", () => {
  const denied = (address: string | null) =>
    isDeniedByProtectedMode({ isProtected: true, isOpen: true, address });
  for (const address of ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", null]) {
    assert.ok(!denied(address), String(address));
  }
  // prettier-ignore
  const afar = [
    "10.0.0.1", "192.168.127.1", "1.127.0.0", "127.evil", "::ffff:10.0.0.1", "fe80::1",
    "2001:db8::1", "::", "",
  ];
  for (const address of afar) {
    assert.ok(denied(address), address);
    assert.ok(!isDeniedByProtectedMode({ isProtected: false, isOpen: true, address }), address);
    assert.ok(!isDeniedByProtectedMode({ isProtected: true, isOpen: false, address }), address);
  }
});

test("a denied connection is told why and closed; one from this machine is served", async () => {
  await using kept = await startKept();
  assert.deepEqual(await (await kept.client()).say("PING"), PONG);
  // The sockets of a test come from this machine: the next one claims another origin.
  const { server } = kept;
  const strangers = createServer({ allowHalfOpen: true }, (socket) => {
    Object.defineProperty(socket, "remoteAddress", { value: "192.0.2.7" });
    server.accept(socket, null);
  });
  const port = await listen(strangers);
  using denied = await RawClient.connect(port);
  const [reply, ...more] = await denied.readUntilClosed();
  assert.deepEqual(more, []);
  assert.ok(reply instanceof ErrorReply);
  assert.match(reply.text, /^DENIED .*requirepass.*protected-mode no/);
  assert.equal(kept.core.stats.rejectedConnections, 1);
  server.limits.isProtected = false;
  using stranger = await RawClient.connect(port);
  assert.deepEqual(await stranger.say("PING"), PONG);
  strangers.close();
});

// enable-debug-command

function textOf(reply: Reply): string {
  return reply instanceof ErrorReply ? reply.text : JSON.stringify(reply);
}

for (const [who, here, afar] of [
  ["no", false, false],
  ["yes", true, true],
  ["local", true, false],
] as const) {
  test(`enable-debug-command ${who}: who may use DEBUG, also in EXEC`, async () => {
    const config = configOf(`enable-debug-command ${who}\n`);
    await using kept = await startKept({ config });
    const { server } = kept;
    server.limits.isProtected = false;
    const strangers = createServer({ allowHalfOpen: true }, (socket) => {
      Object.defineProperty(socket, "remoteAddress", { value: "192.0.2.7" });
      server.accept(socket, null);
    });
    using stranger = await RawClient.connect(await listen(strangers));
    using neighbour = await kept.client();
    for (const [client, isAllowed] of [
      [neighbour, here],
      [stranger, afar],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const plain = await client.say("DEBUG SLEEP 0");
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      if (isAllowed) assert.deepEqual(plain, OK);
      else assert.match(textOf(plain), /^ERR DEBUG command not allowed\. /);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await client.say("MULTI");
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      assert.equal((await client.say("DEBUG SLEEP 0")) instanceof ErrorReply, !isAllowed);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      assert.equal((await client.say("EXEC")) instanceof ErrorReply, !isAllowed);
    }
    strangers.close();
  });
}

// unixsocket

test("a Unix socket serves clients, has its permissions, and goes with the server", async () => {
  using folder = new TemporaryDirectory();
  const path = folder.join("kept.sock");
  const args = ["--dir", folder.join("data"), "--unixsocket", path, "--unixsocketperm", "600"];
  const withPort = ["--port", String(await freePort()), ...args];
  await using server = await KeptProcess.start(withPort);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const client = new Redis({ path });
  try {
    assert.equal(await client.set("a", "1"), "OK");
    const list = String(await client.client("LIST"));
    assert.ok(list.includes(` addr=${path}:0 laddr=${path}:0 `), list);
    using tcp = await server.client();
    assert.equal(await tcp.say("GET a"), "1");
    assert.ok(server.stdout.includes(`Ready to accept connections unix at ${path}`));
  } finally {
    client.disconnect();
  }
  assert.equal((await server.stop()).code, 0);
  assert.ok(!existsSync(path));
});

test("with port 0 there is the Unix socket only", async () => {
  using folder = new TemporaryDirectory();
  const path = folder.join("kept.sock");
  const args = ["--dir", folder.join("data"), "--unixsocket", path];
  await using server = await KeptProcess.start(args);
  assert.doesNotMatch(server.stdout, /connections tcp/);
  assert.equal(server.port, 0);
  const client = new Redis({ path });
  try {
    assert.match(await client.info("server"), /tcp_port:0\r/);
  } finally {
    client.disconnect();
  }
});

test("the socket of a killed server is replaced, a living one's or a file is not", async () => {
  using folder = new TemporaryDirectory();
  const path = folder.join("kept.sock");
  const args = (dir: string) => ["--dir", folder.join(dir), "--unixsocket", path];
  await using first = await KeptProcess.start(args("one"));
  const refused = await KeptProcess.toItsEnd(["--port", "0", ...args("two")]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Failed opening Unix socket .*: Address already in use/);
  assert.ok(!existsSync(folder.join("two")), "no directory is made");
  first.signal("SIGKILL");
  await first.ended();
  assert.ok(existsSync(path));
  await using second = await KeptProcess.start(args("one"));
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ path }, () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
  assert.equal((await second.stop()).code, 0);
  writeFileSync(path, "a thesis");
  const third = await KeptProcess.toItsEnd(["--port", "0", ...args("one")]);
  assert.equal(third.code, 1);
  assert.equal(readFileSync(path, "utf8"), "a thesis");
});

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// RocksDB

/** Sections of the file in which RocksDB notes what it was opened with. */
function openedWith(dir: string): string {
  const name = readdirSync(`${dir}/db`)
    .sort()
    .findLast((one) => one.startsWith("OPTIONS-"));
  return readFileSync(`${dir}/db/${name ?? ""}`, "utf8");
}

function isNoted(noted: string, option: string, value: string): boolean {
  const values = [...noted.matchAll(new RegExp(`^ *${option}=(.*)$`, "gm"))];
  // Some numbers are noted with six decimals.
  const isSame = (one = "") => one === value || (value !== "" && Number(one) === Number(value));
  return values.length > 0 && values.every((match) => isSame(match[1]));
}

test("every setting of RocksDB is noted by it as it was given", async () => {
  using folder = new TemporaryDirectory();
  const rows = allSettings().filter(({ setting }) => {
    const isOpening = ["db", "family", "table"].includes(setting.rocksdb?.scope ?? "");
    return isOpening && setting.noEffect === undefined;
  });
  assert.ok(rows.length > 20);
  // RocksDB holds no fewer than 20 files open.
  const word = (name: string) => (name === "rocksdb.max_open_files" ? "50" : otherWord(name));
  const lines = rows.map(({ name }) => `${name} ${word(name)}\n`).join("");
  const input = `port 0\ndir "${folder.path}"\n${lines}`;
  await using server = KeptProcess.launch(["-"], { input });
  await server.saysReady();
  const noted = openedWith(folder.path);
  const { database, family, table } = rocksSettings(configOf(lines));
  const lost = Object.entries({ ...database, ...family, ...table })
    .filter(([option, value]) => !isNoted(noted, option, value))
    // The engine has the last word on this one, and its row says so.
    .filter(([option]) => option !== "enable_pipelined_write");
  assert.deepEqual(lost, []);
  assert.ok(!isNoted(noted, "write_buffer_size", String(64 * 1024 ** 2)), "the default is seen");
});

// pidfile, loglevel, paths

test("pidfile holds the process id while the server runs, and only then", async () => {
  using folder = new TemporaryDirectory();
  const pidfile = folder.join("kept.pid");
  const args = ["--dir", folder.join("data"), "--pidfile", pidfile];
  await using server = await KeptProcess.start(args);
  await until("the file is there", () => existsSync(pidfile));
  assert.equal(readFileSync(pidfile, "utf8"), `${server.pid}\n`);
  // The directory is in use: the second one is refused, and the file stays the first one's.
  const second = await KeptProcess.toItsEnd(["--port", "0", ...args]);
  assert.equal(second.code, 1);
  assert.equal(readFileSync(pidfile, "utf8"), `${server.pid}\n`);
  assert.equal((await server.stop()).code, 0);
  assert.ok(!existsSync(pidfile));
});

test("a pidfile that cannot be written is told, and the server goes on", async () => {
  using folder = new TemporaryDirectory();
  const pidfile = folder.join("no-such-folder/kept.pid");
  const args = ["--dir", folder.join("data"), "--pidfile", pidfile];
  await using server = await KeptProcess.start(args);
  await server.says(/Failed to write the pidfile: .*ENOENT/);
  using client = await server.client();
  assert.deepEqual(await client.say("PING"), PONG);
});

test("a pidfile that another server has taken over is left to it", async () => {
  using folder = new TemporaryDirectory();
  const pidfile = folder.join("kept.pid");
  const args = ["--dir", folder.join("data"), "--pidfile", pidfile];
  await using server = await KeptProcess.start(args);
  await until("the file is there", () => existsSync(pidfile));
  writeFileSync(pidfile, "1\n");
  await server.stop();
  assert.equal(readFileSync(pidfile, "utf8"), "1\n");
});

test("CONFIG SET loglevel changes how much the log tells from then on", async () => {
  using folder = new TemporaryDirectory();
  await using server = await KeptProcess.start(["--dir", folder.path]);
  using client = await server.client();
  assert.deepEqual(await client.say("CONFIG SET loglevel verbose"), OK);
  // Told of at the level verbose; the end is a notice.
  server.signal("SIGHUP");
  await server.says(/ - SIGHUP has no meaning here/);
  const before = server.stdout;
  assert.deepEqual(await client.say("CONFIG SET loglevel warning"), OK);
  server.signal("SIGTERM");
  assert.equal((await server.ended()).stdout, before);
});

test("dir and logfile may have names that are not ASCII", async () => {
  using folder = new TemporaryDirectory();
  mkdirSync(folder.join("journal d'été"));
  const logfile = folder.join("journal d'été/kept.log");
  const dir = folder.join("données");
  await using server = KeptProcess.launch(["--port", "0", "--dir", dir, "--logfile", logfile]);
  await until("it is up", () => existsSync(logfile) && /Ready/.test(readFileSync(logfile, "utf8")));
  assert.ok(existsSync(`${dir}/db/CURRENT`));
  assert.ok(readFileSync(logfile, "utf8").includes(`data in ${dir}`));
  assert.equal((await server.stop()).code, 0);
});
