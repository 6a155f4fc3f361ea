// TLS, with a server of its own process and certificates made by openssl: redis-cli and ioredis speak
// it, clients show certificates or are sent away, certificates are renewed without a restart, and what
// goes out is encrypted to the last byte.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectPlain, createServer, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

import { Redis } from "ioredis";

import { ErrorReply, OK } from "../../src/resp/reply.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { Certificates, type Certificate } from "../support/certificates.ts";
import { KeptProcess } from "../support/kept-process.ts";
import { RawClient, until } from "../support/raw-client.ts";
import { runTool } from "../support/tool.ts";

const LIMIT = { timeout: 60_000 };
let folder: TemporaryDirectory;
let certificates: Certificates;
let server: Certificate;
let client: Certificate;
let stranger: Certificate;

before(async () => {
  folder = new TemporaryDirectory();
  mkdirSync(folder.path, { recursive: true });
  certificates = await Certificates.make(folder.path);
  server = await certificates.issue("server");
  client = await certificates.issue("client");
  stranger = await certificates.selfMade("stranger");
});

after(() => folder[Symbol.dispose]());

/** A port that was free a moment ago: there is no "any free one" for TLS. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const taken = createServer().listen(0, "127.0.0.1", () => {
      const address = taken.address();
      assert.ok(address !== null && typeof address === "object");
      taken.close(() => resolve(address.port));
    });
  });
}

interface Started extends AsyncDisposable {
  readonly kept: KeptProcess;
  readonly port: number;
}

type Directives = Readonly<Record<string, string>>;

function usual(): Directives {
  return {
    "tls-cert-file": server.certificate,
    "tls-key-file": server.key,
    "tls-ca-cert-file": certificates.authority.certificate,
  };
}

async function argumentsFor(settings: Directives, dir: string): Promise<[number, string[]]> {
  const port = await freePort();
  const args = ["--port", "0", "--tls-port", String(port), "--dir", dir];
  for (const [name, value] of Object.entries(settings)) args.push(`--${name}`, value);
  return [port, args];
}

async function start(settings: Directives = {}): Promise<Started> {
  const data = new TemporaryDirectory();
  const [port, args] = await argumentsFor({ ...usual(), ...settings }, data.path);
  const kept = await KeptProcess.start(args);
  return {
    kept,
    port,
    async [Symbol.asyncDispose]() {
      const { code, stdout } = await kept.stop();
      assert.equal(code, 0, stdout);
      data[Symbol.dispose]();
    },
  };
}

function identity({ certificate, key }: Certificate): ConnectionOptions {
  return { cert: readFileSync(certificate), key: readFileSync(key) };
}

function trusting(): ConnectionOptions {
  return { ca: readFileSync(certificates.authority.certificate) };
}

function secured(port: number, options: ConnectionOptions = identity(client)): Promise<TLSSocket> {
  const whole = { port, host: "127.0.0.1", ...trusting(), ...options };
  return new Promise((resolve, reject) => {
    const socket = connect(whole, () => resolve(socket));
    socket.once("error", reject);
  });
}

async function talker(
  port: number,
  options: ConnectionOptions = identity(client),
): Promise<RawClient> {
  return new RawClient(await secured(port, options));
}

/** Whether a PING is answered; a refusal of TLS 1.3 comes only after the client thinks it is in. */
async function isServed(port: number, options: ConnectionOptions): Promise<boolean> {
  try {
    using one = await talker(port, options);
    one.write("PING\r\n");
    await until("an answer or the end", () => one.unreadCount > 0 || one.isClosed);
    return one.unreadCount > 0;
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error, String(error));
    return false;
  }
}

const ANONYMOUS: ConnectionOptions = {};

test("redis-cli --tls and ioredis are served, with port 0 and TLS alone", LIMIT, async () => {
  await using started = await start();
  const { port } = started;
  const { authority } = certificates;
  const files = ["--cacert", authority.certificate, "--cert", client.certificate];
  const cli = ["--tls", "-p", String(port), ...files, "--key", client.key];
  const said = await runTool("redis-cli", [...cli, "SET", "by", "redis-cli"]);
  assert.equal(said.stdout, "OK\n", said.stderr);
  const redis = new Redis(port, "127.0.0.1", {
    tls: { ...trusting(), ...identity(client) },
  });
  assert.equal(await redis.get("by"), "redis-cli");
  assert.deepEqual(await redis.multi().set("a", "1").incr("a").exec(), [
    [null, "OK"],
    [null, 2],
  ]);
  assert.match(String(await redis.client("LIST")), /addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+/);
  const info = await redis.info("server");
  assert.match(info, new RegExp(`tcp_port:${port}\r\n`));
  assert.match(info, new RegExp(`listener0:name=tls,bind=127.0.0.1,port=${port}\r\n`));
  assert.doesNotMatch(info, /name=tcp/);
  assert.match(started.kept.stdout, /Ready to accept connections tls/);
  redis.disconnect();
});

test("nothing goes around the encryption: all that comes is TLS records", LIMIT, async () => {
  await using started = await start();
  const seen: Buffer[] = [];
  using tap = await tapBefore(started.port, (chunk) => seen.push(chunk));
  const socket = await secured(tap.port);
  using one = new RawClient(socket);
  const value = "in-clear-it-would-be-seen".repeat(4000);
  assert.deepEqual(await one.send("SET", "secret", value), OK);
  const bytes = Array.from({ length: 40 }, () => "GET secret\r\n").join("");
  for (const reply of await one.pipeline(bytes, 40)) assert.equal(reply, value);
  const all = Buffer.concat(seen);
  assert.ok(all.length > value.length * 40);
  assert.ok(!all.includes("in-clear"));
  for (let at = 0; at < all.length; at += 5 + all.readUInt16BE(at + 3)) {
    assert.ok(all.readUInt8(at) >= 20 && all.readUInt8(at) <= 23, `no TLS record at ${at}`);
    assert.equal(all.readUInt8(at + 1), 3);
  }
});

/** A port that leads to another, where what comes back is looked at. */
function tapBefore(
  port: number,
  see: (chunk: Buffer) => void,
): Promise<Disposable & { readonly port: number }> {
  const sockets: Socket[] = [];
  const tap = createServer((near) => {
    const far = connectPlain({ port, host: "127.0.0.1" });
    sockets.push(near, far);
    far.on("data", see);
    near.pipe(far);
    far.pipe(near);
  });
  return new Promise((resolve) => {
    tap.listen(0, "127.0.0.1", () => {
      const address = tap.address();
      assert.ok(address !== null && typeof address === "object");
      resolve({
        port: address.port,
        [Symbol.dispose]() {
          for (const socket of sockets) socket.destroy();
          tap.close();
        },
      });
    });
  });
}

test("plain text at the TLS port is closed, and the server goes on", LIMIT, async () => {
  await using started = await start();
  using plain = await RawClient.connect(started.port);
  plain.write("PING\r\nPING\r\nPING\r\nPING\r\n");
  await until("it is closed", () => plain.isClosed || plain.failure !== null);
  assert.equal(plain.unreadCount, 0);
  using one = await talker(started.port);
  assert.equal(await one.send("ECHO", "here"), "here");
});

test("tls-auth-clients: who must show a certificate, and whose counts", LIMIT, async () => {
  await using started = await start();
  const { port } = started;
  const all = async (): Promise<boolean[]> => [
    await isServed(port, identity(client)),
    await isServed(port, ANONYMOUS),
    await isServed(port, identity(stranger)),
  ];
  assert.deepEqual(await all(), [true, false, false], "yes");
  using operator = await talker(port);
  assert.deepEqual(await operator.say("CONFIG SET tls-auth-clients optional"), OK);
  assert.deepEqual(await all(), [true, true, false], "optional");
  assert.deepEqual(await operator.say("CONFIG SET tls-auth-clients no"), OK);
  assert.deepEqual(await all(), [true, true, true], "no");
  assert.equal(await operator.send("ECHO", "still here"), "still here");
});

function serialOf(socket: TLSSocket): string {
  return socket.getPeerCertificate().serialNumber;
}

test("a renewed certificate behind the same name is loaded without a restart", LIMIT, async () => {
  const live = { certificate: `${folder.path}/live.crt`, key: `${folder.path}/live.key` };
  copyFileSync(server.certificate, live.certificate);
  copyFileSync(server.key, live.key);
  await using started = await start({
    "tls-cert-file": live.certificate,
    "tls-key-file": live.key,
  });
  const { port } = started;
  const socket = await secured(port);
  const first = serialOf(socket);
  using operator = new RawClient(socket);
  const renewed = await certificates.issue("renewed");
  copyFileSync(renewed.certificate, live.certificate);
  copyFileSync(renewed.key, live.key);
  const again = `CONFIG SET tls-cert-file ${live.certificate} tls-key-file ${live.key}`;
  assert.deepEqual(await operator.say(again), OK);
  const later = await secured(port);
  assert.notEqual(serialOf(later), first);
  later.destroy();

  // What makes no sense is refused as Redis refuses it, and the one that works stays.
  writeFileSync(live.certificate, "no certificate");
  const refused = await operator.say(again);
  assert.ok(refused instanceof ErrorReply);
  assert.match(
    refused.text,
    /^ERR CONFIG SET failed \(possibly related to argument 'tls-cert-file'\) - Unable to update TLS configuration\. Check server logs\.$/,
  );
  await started.kept.says(/Failed to configure TLS: .*What worked before stays\./);
  assert.ok(await isServed(port, identity(client)));
  const absent = await operator.say("CONFIG SET tls-ca-cert-file /absent/file");
  assert.ok(absent instanceof ErrorReply);
  assert.deepEqual(await operator.say("CONFIG GET tls-ca-cert-file"), [
    "tls-ca-cert-file",
    certificates.authority.certificate,
  ]);
  // And when it makes sense again it is taken, with the same words.
  copyFileSync(renewed.certificate, live.certificate);
  assert.deepEqual(await operator.say(again), OK);
});

test("versions, ciphers and suites are those that are named", LIMIT, async () => {
  await using started = await start({ "tls-protocols": "TLSv1.2" });
  const { port } = started;
  assert.equal(await isServed(port, { ...identity(client), minVersion: "TLSv1.3" }), false);
  using operator = await talker(port);
  const cipher = "ECDHE-ECDSA-AES128-GCM-SHA256";
  assert.deepEqual(await operator.say(`CONFIG SET tls-ciphers ${cipher}`), OK);
  const older = await secured(port);
  assert.equal(older.getCipher().name, cipher);
  older.destroy();
  assert.deepEqual(await operator.send("CONFIG", "SET", "tls-protocols", "TLSv1.2 TLSv1.3"), OK);
  const suite = "TLS_CHACHA20_POLY1305_SHA256";
  assert.deepEqual(await operator.say(`CONFIG SET tls-ciphersuites ${suite}`), OK);
  const newer = await secured(port);
  assert.equal(newer.getProtocol(), "TLSv1.3");
  assert.equal(newer.getCipher().name, suite);
  newer.destroy();
  const refused = ["CONFIG SET tls-protocols SSLv3", "CONFIG SET tls-ciphers no-such-cipher"];
  for (const line of refused) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.ok((await operator.say(line)) instanceof ErrorReply, line);
  }
  assert.ok(await isServed(port, identity(client)));
});

test("sessions are resumed, unless tls-session-caching is off", LIMIT, async () => {
  await using started = await start({ "tls-protocols": "TLSv1.2" });
  const { port } = started;
  const isResumed = async (): Promise<boolean> => {
    const first = await secured(port);
    const session = first.getSession();
    assert.ok(session !== undefined);
    first.destroy();
    const second = await secured(port, { ...identity(client), session });
    const resumed = second.isSessionReused();
    second.destroy();
    return resumed;
  };
  assert.equal(await isResumed(), true);
  using operator = await talker(port);
  assert.deepEqual(await operator.say("CONFIG SET tls-session-caching no"), OK);
  assert.equal(await isResumed(), false);
});

test(
  "a key that is locked is opened with tls-key-file-pass; authorities may be in a folder",
  LIMIT,
  async () => {
    const locked = await certificates.issue("locked", "open sesame");
    const dir = `${folder.path}/authorities`;
    mkdirSync(`${dir}/a-folder`, { recursive: true });
    copyFileSync(certificates.authority.certificate, `${dir}/one.pem`);
    writeFileSync(`${dir}/README`, "not a certificate");
    await using started = await start({
      "tls-cert-file": locked.certificate,
      "tls-key-file": locked.key,
      "tls-key-file-pass": "open sesame",
      "tls-ca-cert-file": "",
      "tls-ca-cert-dir": dir,
    });
    assert.equal(await isServed(started.port, identity(client)), true);
    assert.equal(await isServed(started.port, identity(stranger)), false);
    assert.ok(!started.kept.stdout.includes("sesame"));
  },
);

test("a server whose TLS cannot be had does not start, and says why", LIMIT, async () => {
  const bad: readonly (readonly [Directives, RegExp])[] = [
    [{ "tls-cert-file": "" }, /Failed to configure TLS: no tls-cert-file is given/],
    [{ "tls-cert-file": "/absent/file" }, /Failed to configure TLS: tls-cert-file: ENOENT/],
    [{ "tls-ca-cert-file": "" }, /either tls-ca-cert-file or tls-ca-cert-dir must be given/],
    [{ "tls-key-file": client.key }, /Failed to configure TLS: .*(mismatch|key values)/],
    [{ "tls-protocols": "SSLv3" }, /invalid tls-protocols 'SSLv3'/],
  ];
  for (const [settings, words] of bad) {
    using data = new TemporaryDirectory();
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const [, args] = await argumentsFor({ ...usual(), ...settings }, data.path);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { code, stderr } = await KeptProcess.toItsEnd(args);
    assert.equal(code, 1);
    assert.match(stderr, words);
  }
});

test(
  "who connects and says nothing holds nobody up, nor the server when it stops",
  LIMIT,
  async () => {
    await using started = await start();
    const silent = await RawClient.connect(started.port);
    assert.ok(await isServed(started.port, identity(client)));
    await started.kept.stop();
    await until("it is closed", () => silent.isClosed);
  },
);

test("a client that ends its side is answered what it asked, over TLS too", LIMIT, async () => {
  await using started = await start();
  const halfOpen = { ...identity(client), allowHalfOpen: true };
  using one = await talker(started.port, halfOpen);
  one.write("SET a b\r\nGET a\r\n");
  one.end();
  assert.deepEqual(await one.readUntilClosed(), [OK, "b"]);
});

// What Redis's own suite asks of TLS (unit/tls), where the tests above do not ask it.

test(
  "tls-port and port change places while the server runs; who is there stays",
  LIMIT,
  async () => {
    await using started = await start();
    const { port } = started;
    using operator = await talker(port);
    assert.deepEqual(await operator.say("CONFIG SET tls-port 0"), OK);
    assert.equal(await isServed(port, identity(client)), false);
    assert.deepEqual(await operator.say(`CONFIG SET port ${port}`), OK);
    using plain = await RawClient.connect(port);
    assert.equal(await plain.send("ECHO", "in the clear"), "in the clear");
    const other = await freePort();
    assert.deepEqual(await plain.say(`CONFIG SET tls-port ${other}`), OK);
    assert.equal(await isServed(other, identity(client)), true);
    assert.deepEqual(await plain.say("CONFIG SET port 0"), OK);
    const late = await RawClient.connect(port).catch(() => null);
    if (late !== null) await until("it is refused", () => late.isClosed || late.failure !== null);
    assert.deepEqual(await plain.say(`CONFIG SET tls-port ${port}`), OK);
    assert.equal(await isServed(port, identity(client)), true);
    assert.equal(await isServed(other, identity(client)), false);
    assert.equal(await operator.send("ECHO", "still here"), "still here");
    assert.equal(await plain.send("ECHO", "still here"), "still here");
  },
);

test("a tls-port that cannot be had leaves what is there", LIMIT, async () => {
  await using started = await start();
  await using other = await start();
  using operator = await talker(started.port);
  const taken = await operator.say(`CONFIG SET tls-port ${other.port}`);
  assert.ok(taken instanceof ErrorReply);
  assert.match(taken.text, /'tls-port'\) - Unable to listen on this port\. Check server logs\.$/);
  assert.equal(await isServed(started.port, identity(client)), true);

  using data = new TemporaryDirectory();
  const kept = await KeptProcess.start(["--port", "0", "--dir", data.path]);
  using plain = await kept.client();
  const free = await freePort();
  const refused = await plain.say(`CONFIG SET tls-port ${free}`);
  assert.ok(refused instanceof ErrorReply);
  assert.match(
    refused.text,
    /'tls-port'\) - Unable to update TLS configuration\. Check server logs\.$/,
  );
  for (const [name, value] of Object.entries(usual())) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    assert.deepEqual(await plain.send("CONFIG", "SET", name, value), OK);
  }
  assert.deepEqual(await plain.say(`CONFIG SET tls-port ${free}`), OK);
  assert.equal(await isServed(free, identity(client)), true);
  await kept.stop();
});

test("bind moves TLS as it moves TCP", LIMIT, async () => {
  await using started = await start();
  using operator = await talker(started.port);
  // The certificate names the address of before.
  const checkServerIdentity = (): undefined => undefined;
  const moved = { ...identity(client), host: "127.0.0.2", checkServerIdentity };
  assert.deepEqual(await operator.say("CONFIG SET bind 127.0.0.2"), OK);
  assert.equal(await isServed(started.port, identity(client)), false);
  assert.equal(await isServed(started.port, moved), true);
  const failed = await operator.say("CONFIG SET bind 192.0.2.1");
  assert.ok(failed instanceof ErrorReply);
  assert.equal(await isServed(started.port, moved), true);
});

test("tls-prefer-server-ciphers: whose order counts", LIMIT, async () => {
  const [first, second] = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"];
  await using started = await start({
    "tls-protocols": "TLSv1.2",
    "tls-ciphers": `${first}:${second}`,
  });
  const wish = { ...identity(client), ciphers: `${second}:${first}` };
  const chosen = async (): Promise<string> => {
    const socket = await secured(started.port, wish);
    const { name } = socket.getCipher();
    socket.destroy();
    return name;
  };
  assert.equal(await chosen(), second);
  using operator = await talker(started.port);
  assert.deepEqual(await operator.say("CONFIG SET tls-prefer-server-ciphers yes"), OK);
  assert.equal(await chosen(), first);
});

test(
  "a locked key is refused without its words, and taken with them, while the server runs",
  LIMIT,
  async () => {
    const locked = await certificates.issue("locked-later", "open sesame");
    await using started = await start();
    using operator = await talker(started.port);
    const both = `CONFIG SET tls-cert-file ${locked.certificate} tls-key-file ${locked.key}`;
    const refused = await operator.say(both);
    assert.ok(refused instanceof ErrorReply);
    assert.match(refused.text, /Unable to update TLS configuration/);
    assert.ok(await isServed(started.port, identity(client)));
    assert.deepEqual(await operator.send("CONFIG", "SET", "tls-key-file-pass", "open sesame"), OK);
    assert.deepEqual(await operator.say(both), OK);
    assert.ok(await isServed(started.port, identity(client)));
  },
);
