// A background error and the way back: the engine loses its directory while it flushes.
//
// Method: the directory is renamed away, so that the next file cannot be made. That is fatal (the error's
// severity says so), which `resume` does not mend: a new open does. Any other I/O error, here files that
// may not grow any more, may pass: RocksDB goes on by itself when it has, and can be closed when not.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";
import test from "node:test";
import { Database, RocksDBError, type DatabaseEvent } from "@kept/rocksdb";
import { put, representationOf, waitFor, withDatabase } from "./helpers.ts";

/** No file of this process can grow beyond this; what it has open already neither. */
function limitFiles(bytes: number | "unlimited"): void {
  execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:unlimited`]);
}

const LIMIT_BYTES = 1000;
const TOO_LONG = "x".repeat(LIMIT_BYTES * 3);
/** Its log of messages would meet the limit first; Debian's RocksDB aborts at that. */
const OFTEN = {
  options: { bgerror_resume_retry_interval: "200000" },
  withoutMessageLog: true,
};

test("a fatal background error is told and stops writes, not reads; a new open mends it", async () => {
  const events: DatabaseEvent[] = [];
  const listener = (event: DatabaseEvent): void => {
    events.push(event);
  };
  await withDatabase({ listener }, async (database, path) => {
    put(database, "before", "1");
    renameSync(path, `${path}-away`);
    try {
      await assert.rejects(database.flush(), (error) => {
        assert.ok(error instanceof RocksDBError);
        assert.equal(error.code, "IOError");
        assert.equal(error.subcode, "PathNotFound");
        return true;
      });
      const failure = () => events.find((event) => event.type === "background-error");
      await waitFor(() => failure() !== undefined);
      // A flush begins with a new log: which of the two fails first is RocksDB's affair.
      assert.match(failure()?.reason ?? "", /^(flush|memtable)$/);
      assert.equal(failure()?.error.code, "IOError");
      assert.equal(failure()?.error.severity, "FatalError");
      assert.throws(() => put(database, "refused", "1"), { code: "IOError" });
      assert.equal(database.getBinary(0, "before"), "1");
      await assert.rejects(database.resume(), { code: "IOError", severity: "FatalError" });
    } finally {
      renameSync(`${path}-away`, path);
    }
    await database.close().catch(() => {});
    const again = await Database.open(path);
    assert.equal(again.getBinary(0, "before"), "1");
    assert.equal(again.getBinary(0, "refused"), null);
    put(again, "after", "1");
    await again.resume();
    await again.close();
  });
});

test("an I/O error stops writes, not reads, until it has passed; then RocksDB goes on by itself", async () => {
  const events: DatabaseEvent[] = [];
  const listener = (event: DatabaseEvent): void => {
    events.push(event);
  };
  await withDatabase({ listener, ...OFTEN }, async (database, path) => {
    put(database, "before", "1");
    limitFiles(LIMIT_BYTES);
    try {
      assert.throws(() => put(database, "lost", TOO_LONG), { code: "IOError" });
      await waitFor(() => events.some((event) => event.type === "background-error"));
      assert.throws(() => put(database, "refused", "1"), {
        code: "IOError",
        severity: "HardError",
      });
      assert.equal(database.getBinary(0, "before"), "1");
      await assert.rejects(database.resume(), { code: "Busy" });
    } finally {
      limitFiles("unlimited");
    }
    await waitFor(() => events.some(({ type }) => type === "recovery-end"));
    await database.resume();
    put(database, "after", "1");
    await database.flushWal(true);
    await database.close();
    const again = await Database.open(path);
    const found = await again.multiGetBinary(0, ["before", "lost", "refused", "after"]);
    assert.deepEqual(found, ["1", null, null, "1"]);
    await again.close();
  });
});

for (const [what, flushes] of [
  ["the log", false],
  ["a flush", true],
] as const) {
  test(`a database whose error has not passed can be closed: ${what}`, async () => {
    const events: DatabaseEvent[] = [];
    const listener = (event: DatabaseEvent): void => {
      events.push(event);
    };
    await withDatabase({ listener, ...OFTEN }, async (database, path) => {
      put(database, "before", "1");
      const bytes = representationOf([[0, "long", TOO_LONG]]);
      if (flushes) database.writeRepresentation(bytes, bytes.length);
      limitFiles(LIMIT_BYTES);
      try {
        if (flushes) await assert.rejects(database.flush(), { code: "IOError" });
        else assert.throws(() => put(database, "lost", TOO_LONG), { code: "IOError" });
        // It has tried in vain and sleeps: RocksDB 7.8 by itself would never close then.
        await waitFor(() => events.filter(({ type }) => type === "background-error").length > 2);
        await database.close().catch(() => {});
      } finally {
        limitFiles("unlimited");
      }
      const again = await Database.open(path);
      assert.equal(again.getBinary(0, "before"), "1");
      assert.equal(again.getBinary(0, "long"), flushes ? TOO_LONG : null);
      await again.close();
    });
  });
}
