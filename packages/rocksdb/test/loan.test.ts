// Loans: a moment of a database, read on another thread of the process, while its lender writes on, closes, or
// one of both ends.
//
// The other thread is a worker that does what it is told and answers; it walks in a loop when it is told to,
// so that whatever happens meanwhile meets it in the middle of its calls.

import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { Worker } from "node:worker_threads";
import { Database } from "@kept/rocksdb";
import { put, representationOf, withDatabase } from "./helpers.ts";

const ENTRIES = 2000;

/** The borrowing thread: answers each message with what it found, or with the code of the error. */
const SOURCE = `
  const { parentPort, workerData } = require("node:worker_threads");
  import(workerData).then(({ Database, STEP_KEYS_ONLY }) => {
    let borrowed = null;
    const tasks = {
      borrow: (loan) => { borrowed = Database.borrow(loan); return "borrowed"; },
      get: (key) => borrowed.getBinary(0, key),
      count: (family) => {
        const walk = borrowed.iterator(family, { totalOrderSeek: true });
        let count = 0;
        walk.seekToFirst();
        for (let keys = walk.nextBinary(7, 1e6, STEP_KEYS_ONLY); keys.length > 0; ) {
          count += keys.length;
          keys = walk.nextBinary(7, 1e6, STEP_KEYS_ONLY);
        }
        walk.close();
        return count;
      },
      walkForEver: () => {
        parentPort.postMessage("walking");
        for (;;) {
          borrowed.getBinary(0, "k0001");
          const left = borrowed.iterator(0);
          left.seekToFirst();
          left.nextBinary(100);
          tasks.count(0);
        }
      },
      keepWalking: () => {
        const walk = borrowed.iterator(0);
        walk.seekToFirst();
        globalThis.walk = walk;
        return walk.nextBinary(1);
      },
      goOn: () => globalThis.walk.nextBinary(1),
      close: () => { borrowed.close(); borrowed.close(); return "closed"; },
      forbidden: () => borrowed.iterator(0).nextBinaryAsync(1),
    };
    parentPort.on("message", async ([task, argument]) => {
      try {
        parentPort.postMessage(await tasks[task](argument));
      } catch (error) {
        parentPort.postMessage(error.code ?? String(error));
      }
    });
    parentPort.postMessage("ready");
  });
`;

class Borrower {
  readonly worker: Worker;

  private constructor(worker: Worker) {
    this.worker = worker;
  }

  static async start(): Promise<Borrower> {
    const worker = new Worker(SOURCE, {
      eval: true,
      workerData: import.meta.resolve("@kept/rocksdb"),
    });
    assert.deepEqual(await once(worker, "message"), ["ready"]);
    return new Borrower(worker);
  }

  async ask(task: string, argument?: unknown): Promise<unknown> {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    this.worker.postMessage([task, argument]);
    const [answer]: unknown[] = await once(this.worker, "message");
    return answer;
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}

function fill(database: Database, value: string): void {
  const records = Array.from(
    { length: ENTRIES },
    (_, index) => [0, `k${String(index).padStart(4, "0")}`, value] as const,
  );
  const bytes = representationOf(records);
  database.writeRepresentation(bytes, bytes.length);
}

test("what is borrowed shows the moment of the loan, whatever is written, flushed and compacted", async () => {
  await withDatabase({}, async (database) => {
    fill(database, "before");
    const loan = database.lend();
    fill(database, "after");
    put(database, "new", "x");
    const borrower = await Borrower.start();
    assert.equal(await borrower.ask("borrow", loan), "borrowed");
    assert.equal(await borrower.ask("get", "k0007"), "before");
    await database.flush();
    await database.compactRange(0);
    assert.equal(await borrower.ask("get", "k0007"), "before");
    assert.equal(await borrower.ask("get", "new"), null);
    assert.equal(await borrower.ask("count", 0), ENTRIES);
    assert.equal(database.getBinary(0, "k0007"), "after");
    await borrower.end();
  });
});

test("a loan is taken once, and not after it was taken back", async () => {
  await withDatabase({}, async (database) => {
    const loan = database.lend();
    assert.equal(Database.takeBack(loan), true);
    assert.equal(Database.takeBack(loan), false);
    assert.throws(() => Database.borrow(loan), { code: "ERR_ROCKSDB_CLOSED" });
    const other = database.lend();
    const borrowed = Database.borrow(other);
    assert.throws(() => Database.borrow(other), { code: "ERR_ROCKSDB_CLOSED" });
    assert.equal(Database.takeBack(other), false);
    assert.equal(borrowed.getBinary(0, "k"), null);
    borrowed.close();
    assert.throws(() => borrowed.getBinary(0, "k"), { code: "ERR_ROCKSDB_CLOSED" });
    for (const number of [0, 1e9, 2 ** 53 - 2]) {
      assert.throws(() => Database.borrow(number), { code: "ERR_ROCKSDB_CLOSED" });
    }
    for (const wrong of [-1, 1.5, Number.NaN]) {
      assert.throws(() => Database.borrow(wrong), RangeError);
    }
    await Promise.resolve();
  });
});

test("what is borrowed can be read on the loop, and nothing else", async () => {
  await withDatabase({}, async (database) => {
    fill(database, "v");
    const borrower = await Borrower.start();
    await borrower.ask("borrow", database.lend());
    assert.match(String(await borrower.ask("forbidden")), /NotSupported/);
    assert.equal(await borrower.ask("close"), "closed");
    assert.equal(await borrower.ask("get", "k0001"), "ERR_ROCKSDB_CLOSED");
    await borrower.end();
    const { native } = await import(new URL("../native.js", import.meta.url).href);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what it exports
    const calls = native as Record<string, (...any: unknown[]) => unknown>;
    const handle = calls["borrow"]?.(database.lend());
    for (const name of ["write", "snapshotCreate", "latestSequenceNumber", "lend", "batchCreate"]) {
      assert.throws(() => calls[name]?.(handle, Buffer.alloc(12), 12, 0), {
        code: "ERR_ROCKSDB_BORROWED",
      });
    }
    assert.equal(calls["release"]?.(handle, 0), true);
  });
});

test("the lender closes although somebody reads, who is then told so", async () => {
  for (let round = 0; round < 5; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await withDatabase({}, async (database) => {
      fill(database, "v");
      const borrower = await Borrower.start();
      await borrower.ask("borrow", database.lend());
      assert.equal(await borrower.ask("walkForEver"), "walking");
      const ended = once(borrower.worker, "message");
      await database.close();
      assert.deepEqual(await ended, ["ERR_ROCKSDB_CLOSED"]);
      assert.equal(await borrower.ask("close"), "closed");
      await borrower.end();
    });
  }
});

test("a walk that is half-way when the lender closes is an error, and nothing worse", async () => {
  await withDatabase({}, async (database) => {
    fill(database, "v");
    const borrower = await Borrower.start();
    await borrower.ask("borrow", database.lend());
    assert.deepEqual(await borrower.ask("keepWalking"), ["k0000", "v"]);
    await database.close();
    assert.equal(await borrower.ask("goOn"), "ERR_ROCKSDB_CLOSED");
    assert.equal(await borrower.ask("count", 0), "ERR_ROCKSDB_CLOSED");
    await borrower.end();
  });
});

test("a thread that ends in the middle of a walk gives back what it had", async () => {
  await withDatabase({}, async (database) => {
    fill(database, "v");
    for (let round = 0; round < 5; round++) {
      const borrower = await Borrower.start();
      await borrower.ask("borrow", database.lend());
      await borrower.ask("walkForEver");
      await borrower.end();
      assert.equal(database.intProperty(0, "rocksdb.num-snapshots"), 0);
    }
    const unborrowed = database.lend();
    assert.equal(database.intProperty(0, "rocksdb.num-snapshots"), 1);
    assert.equal(Database.takeBack(unborrowed), true);
    assert.equal(database.intProperty(0, "rocksdb.num-snapshots"), 0);
    database.lend();
    // A loan that nobody took does not stand in the way of the close either.
    await database.close();
  });
});

test("the memtables of this package are read beside their writer", async () => {
  const families = {
    default: {},
    hashed: {
      memtable: { kind: "hash-chains", bucketCount: 64 },
      options: { prefix_extractor: "fixed:1" },
    },
    trie: { memtable: "burst-trie" },
  } as const;
  const options = { families, createMissingColumnFamilies: true };
  await withDatabase(options, async (database) => {
    const ids = [0, database.family("hashed"), database.family("trie")];
    const write = (index: number): void => {
      const key = `${index % 10}${String(index).padStart(6, "0")}`;
      const bytes = representationOf(ids.map((id) => [id, key, "v".repeat(index % 50)] as const));
      database.writeRepresentation(bytes, bytes.length);
    };
    for (let index = 0; index < ENTRIES; index++) write(index);
    const borrower = await Borrower.start();
    await borrower.ask("borrow", database.lend());
    for (const [at, id] of [...ids, ...ids].entries()) {
      const told = { isDone: false };
      const count = borrower.ask("count", id).then((found) => {
        told.isDone = true;
        return found;
      });
      for (let index = ENTRIES * (at + 1); !told.isDone; index++) {
        write(index);
        // oxlint-disable-next-line no-await-in-loop -- the answer comes in between
        if (index % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      // oxlint-disable-next-line no-await-in-loop -- one family after the other
      assert.equal(await count, ENTRIES);
    }
    await borrower.end();
  });
});
