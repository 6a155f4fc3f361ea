// A disk that fails in every way a disk fails, beneath a real server on a real RocksDB: writes that are
// refused, done by half or torn, fsyncs that fail and forget what they were to keep, tables, manifests and
// logs that cannot be made. While it lasts, reads go on and writes are told the truth; when it is over,
// writes are taken again without a restart; what was acknowledged is there then, and after kill -9, and
// what was refused is not. An fsync that failed is never taken for one that succeeded when it is tried again.

import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { describe, test } from "node:test";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { Ledger } from "../crash/ledger.ts";
import { ServerProcess } from "../support/process.ts";
import { untilTaken } from "../support/queries.ts";
import { Patience } from "../support/patience.ts";
import { until, WAIT_MS_MAX } from "../support/raw-client.ts";
import { FaultyDisk, type DiskFault } from "./faults.ts";

/** Small, so that a few pipelines meet flushes and merges too. */
const SETTINGS = {
  "rocksdb.write_buffer_size": "1",
  "rocksdb.level0_file_num_compaction_trigger": "2",
  "unknown-outcome-timeout": "1000",
};
const VALUE = "v".repeat(8192);
const ROUNDS_MAX = 20;

type Faults = Readonly<Record<string, readonly DiskFault[]>>;

/** These strike so many times and no more. */
const PASSING: Faults = {
  "one fsync of the log fails, and what it was to keep is gone": [
    { call: "sync", pattern: "*.log", effect: "lost", count: 1 },
  ],
  "three fsyncs of the log fail": [{ call: "sync", pattern: "*.log", effect: "lost", count: 3 }],
  "the log takes half a record": [
    { call: "write", pattern: "*.log", effect: "torn", skip: 3, count: 1 },
  ],
  "the log has no space but for half a record": [
    { call: "write", pattern: "*.log", effect: "short", count: 1 },
  ],
  "a write to a table fails": [{ call: "write", pattern: "*.sst", effect: "EIO", count: 1 }],
  "three writes to tables fail": [{ call: "write", pattern: "*.sst", effect: "EIO", count: 3 }],
  "the fsync of a table fails": [{ call: "sync", pattern: "*.sst", effect: "lost", count: 1 }],
  "the manifest takes nothing": [{ call: "write", pattern: "MANIFEST-*", effect: "EIO", count: 2 }],
  "the fsync of the manifest fails": [
    { call: "sync", pattern: "MANIFEST-*", effect: "lost", count: 1 },
  ],
  "a read fails while tables are merged": [
    { call: "read", pattern: "*.sst", effect: "EIO", count: 2 },
  ],
};

/** These strike until the disk is healed. */
const LASTING: Faults = {
  "every fsync of the log fails": [{ call: "sync", pattern: "*.log", effect: "lost" }],
  "the log takes nothing": [{ call: "write", pattern: "*.log", effect: "EIO" }],
  "the log has no space": [{ call: "write", pattern: "*.log", effect: "ENOSPC" }],
  "no log can be made": [{ call: "create", pattern: "*.log", effect: "EIO" }],
  "no table can be written": [{ call: "write", pattern: "*.sst", effect: "EIO" }],
  "no table can be written for want of quota": [
    { call: "write", pattern: "*.sst", effect: "EDQUOT" },
  ],
  "no table can be made": [{ call: "create", pattern: "*.sst", effect: "EIO" }],
  "no space for tables": [{ call: "write", pattern: "*.sst", effect: "ENOSPC" }],
  "no space for the manifest": [{ call: "write", pattern: "MANIFEST-*", effect: "ENOSPC" }],
  "the manifest fails": [{ call: "sync", pattern: "MANIFEST-*", effect: "EIO" }],
  "everything fails": [
    { call: "write", pattern: "*", effect: "EIO" },
    { call: "sync", pattern: "*", effect: "lost" },
  ],
};

/** Goes on until the fault has struck and somebody was refused, or until it is plain that it hurts nobody. */
async function writeInto(
  server: ServerProcess,
  ledger: Ledger,
  disk: FaultyDisk,
): Promise<boolean> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const isTaken = await ledger.writeMore(server);
    // oxlint-disable-next-line no-await-in-loop -- reads go on
    await ledger.expectTruth(server);
    if (disk.hits > 0 && !isTaken) return true;
  }
  // What a merge meets, or one flush, is tried again in the background, and no client hears of it.
  assert.ok(disk.hits > 0, "the fault was never met");
  return false;
}

/** It is tried again in vain; writers are told so, readers are served. */
async function expectRefusal(
  server: ServerProcess,
  ledger: Ledger,
  disk: FaultyDisk,
): Promise<void> {
  const before = disk.hits;
  const patience = new Patience(WAIT_MS_MAX, server.pid);
  while (disk.hits === before) {
    assert.ok(!patience.isOver(), "nobody has tried again");
    // oxlint-disable-next-line no-await-in-loop -- until somebody has
    assert.ok(!(await ledger.writeMore(server)), "it has gone on, and the disk fails");
  }
  await ledger.expectTruth(server);
}

interface Failing extends AsyncDisposable {
  readonly server: ServerProcess;
  readonly disk: FaultyDisk;
  readonly ledger: Ledger;
  /** Starts it again on what is there; the disk is well. */
  again(): Promise<ServerProcess>;
}

/** A server whose disk has begun to fail, and has been met failing. */
async function failing(mode: string, faults: readonly DiskFault[]): Promise<Failing> {
  const directory = new TemporaryDirectory();
  const disk = new FaultyDisk(directory.path);
  const options = { dir: directory.path, settings: { ...SETTINGS, appendfsync: mode } };
  const server = await ServerProcess.start({ ...options, env: disk.env });
  const ledger = new Ledger(VALUE);
  assert.ok(await ledger.writeMore(server));
  disk.fail(...faults);
  return {
    server,
    disk,
    ledger,
    again: () => ServerProcess.start(options),
    async [Symbol.asyncDispose]() {
      disk.heal();
      await server[Symbol.asyncDispose]();
      disk[Symbol.dispose]();
      directory[Symbol.dispose]();
    },
  };
}

function syncsLog({ call, pattern }: DiskFault): boolean {
  return call === "sync" && (pattern === "*.log" || pattern === "*");
}

// They mostly wait: RocksDB sleeps between its attempts.
describe("a disk that fails", { concurrency: 4 }, () => {
  for (const mode of ["always", "everysec", "no"]) {
    for (const [what, faults] of Object.entries({ ...PASSING, ...LASTING })) {
      // Without fsyncs of its own, the log's are those of a flush.
      const isLasting = what in LASTING && !(mode === "no" && faults.every(syncsLog));
      test(`appendfsync ${mode}: ${what}: nobody is lied to, nothing is lost, and it goes on`, async (t) => {
        await using broken = await failing(mode, faults);
        const { server, disk, ledger } = broken;
        const isRefused = await writeInto(server, ledger, disk);
        if (isLasting) {
          assert.ok(isRefused);
          await expectRefusal(server, ledger, disk);
        }
        const { taken, refused, unknown } = ledger;
        t.diagnostic(
          `${disk.hits} calls failed; ${taken.length} taken, ${refused.length} refused, ` +
            `${unknown.length} unknown`,
        );
        disk.heal();
        await untilTaken(await server.client(), VALUE);
        taken.push("taken");
        assert.ok(await ledger.writeMore(server));
        await ledger.expectWholeTruth(server);
        if (faults.some(({ call, pattern }) => call === "write" && pattern === "*.sst")) {
          await server.waitForOutput(/background work has failed \d+ times so far/);
        }
        await server.kill();
        await using restarted = await broken.again();
        await ledger.expectWholeTruth(restarted);
      });
    }
  }

  for (const [what, faults] of Object.entries(LASTING)) {
    test(`${what}: the server can be stopped meanwhile, and nothing is lost`, async () => {
      await using broken = await failing("everysec", faults);
      const { server, disk, ledger } = broken;
      await writeInto(server, ledger, disk);
      await server.stop();
      disk.heal();
      await using restarted = await broken.again();
      // What an fsync has lost before the data was anywhere else is lost to a server that is stopped then.
      if (!faults.some(syncsLog)) await ledger.expectWholeTruth(restarted);
      await untilTaken(await restarted.client(), VALUE);
    });
  }
});

test("a directory that was gone for a while: reads go on, and writes once it is back", async () => {
  using directory = new TemporaryDirectory();
  const options = { dir: directory.join("data"), settings: SETTINGS };
  await using server = await ServerProcess.start(options);
  const ledger = new Ledger(VALUE);
  assert.ok(await ledger.writeMore(server));
  renameSync(options.dir, directory.join("away"));
  let isTaken = true;
  for (let round = 0; round < ROUNDS_MAX && isTaken; round++) {
    // oxlint-disable-next-line no-await-in-loop -- until no file can be made
    isTaken = await ledger.writeMore(server);
  }
  assert.ok(!isTaken, "it was never missed");
  await ledger.expectTruth(server);
  await server.waitForOutput(/The storage engine refuses writes: .*No such file or directory/);
  renameSync(directory.join("away"), options.dir);
  await untilTaken(await server.client(), VALUE);
  ledger.taken.push("taken");
  assert.ok(await ledger.writeMore(server));
  await ledger.expectWholeTruth(server);
  await server.kill();
  await using again = await ServerProcess.start(options);
  await ledger.expectWholeTruth(again);
});

test("WAITAOF does not take the second attempt of an fsync for the first one's success", async () => {
  using directory = new TemporaryDirectory();
  using disk = new FaultyDisk(directory.path);
  const options = { dir: directory.path, settings: { ...SETTINGS, appendfsync: "no" } };
  await using server = await ServerProcess.start({ ...options, env: disk.env });
  const client = await server.client();
  await client.send("SET", "waited", "for");
  disk.fail({ call: "sync", pattern: "*.log", effect: "lost", count: 1 });
  assert.deepEqual(await client.send("WAITAOF", "1", "0", "0"), [1, 0]);
  await until("an fsync has failed", () => disk.hits === 1);
  await server.kill();
  await using again = await ServerProcess.start(options);
  assert.equal(await (await again.client()).send("GET", "waited"), "for");
});

test("slow fsyncs hold up those who wait for them, and no reads", async () => {
  using directory = new TemporaryDirectory();
  using disk = new FaultyDisk(directory.path);
  const options = { dir: directory.path, settings: { ...SETTINGS, appendfsync: "always" } };
  await using server = await ServerProcess.start({ ...options, env: disk.env });
  const writer = await server.client();
  const reader = await server.client();
  await writer.send("SET", "there", "v");
  disk.fail({ call: "sync", pattern: "*.log", effect: "slow", milliseconds: 3000 });
  const written = writer.send("SET", "late", "v");
  await until("the fsync is under way", () => disk.hits > 0);
  for (let count = 0; count < 50; count++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, all before the fsync ends
    assert.equal(await reader.send("GET", "there"), "v");
  }
  assert.equal(writer.unreadCount, 0);
  assert.equal(disk.hits, 1, "the reads took longer than the fsync");
  disk.heal();
  await written;
});
