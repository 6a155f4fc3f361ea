// A background error and the way back: the engine loses its directory while it flushes.
//
// Method: the directory is renamed away, so that the next file cannot be made. RocksDB calls that
// fatal (the error's severity says so), which `resume` does not mend: a new open does. A full disk,
// which it would mend, is not made here: RocksDB as Debian builds it aborts on /dev/full.

import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import test from "node:test";
import { Database, RocksDBError, type DatabaseEvent } from "@kept/rocksdb";
import { put, waitFor, withDatabase } from "./helpers.ts";

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
