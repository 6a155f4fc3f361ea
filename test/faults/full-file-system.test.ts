// A file system of 24 MB that is full: for real where this process may mount one, else by a library that
// says so to every write. Reads go on, writes hear MISCONF, and service resumes without a restart once
// there is room.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { test } from "node:test";

import { Ledger } from "../crash/ledger.ts";
import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { untilTaken } from "../support/queries.ts";
import { FaultyDisk } from "./faults.ts";

const VALUE = "x".repeat(8192);
const ROUNDS_MAX = 40;
const MEGABYTE = Buffer.alloc(1024 * 1024);

interface SmallDisk extends Disposable {
  readonly path: string;
  readonly kind: "mounted" | "pretended";
  readonly env: Readonly<Record<string, string>>;
  /** From now on nothing fits any more. */
  fill(): void;
  free(): void;
}

class MountedDisk implements SmallDisk {
  readonly #directory = new TemporaryDirectory();
  readonly kind = "mounted";
  readonly env = {};
  readonly path = this.#directory.join("disk");

  constructor() {
    execFileSync("mkdir", [this.path]);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", this.path], {
      stdio: "ignore",
    });
  }

  fill(): void {
    const file = openSync(`${this.path}/ballast`, "w");
    try {
      for (;;) writeSync(file, MEGABYTE);
    } catch (error) {
      assert.ok(
        error instanceof Error && "code" in error && error.code === "ENOSPC",
        String(error),
      );
    } finally {
      fsyncSync(file);
      closeSync(file);
    }
  }

  free(): void {
    rmSync(`${this.path}/ballast`);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.path]);
    this.#directory[Symbol.dispose]();
  }
}

class PretendedDisk implements SmallDisk {
  readonly #directory = new TemporaryDirectory();
  readonly #disk = new FaultyDisk(this.#directory.path);
  readonly kind = "pretended";
  readonly env = this.#disk.env;
  readonly path = this.#directory.path;

  fill(): void {
    this.#disk.fail({ call: "write", pattern: "*", effect: "ENOSPC" });
  }

  free(): void {
    this.#disk.heal();
  }

  [Symbol.dispose](): void {
    this.#disk[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}

function smallDisk(): SmallDisk {
  try {
    return new MountedDisk();
  } catch (error) {
    // Whoever may not mount is told so by mount.
    if (!(error instanceof Error && "status" in error)) throw error;
    return new PretendedDisk();
  }
}

for (const mode of ["always", "everysec", "no"]) {
  test(`appendfsync ${mode}: a full file system stops writes only, and only while it is full`, async (t) => {
    using disk = smallDisk();
    const settings = { "rocksdb.write_buffer_size": "1", appendfsync: mode };
    const options = { dir: `${disk.path}/data`, settings };
    const ledger = new Ledger(VALUE);
    {
      await using server = await ServerProcess.start({ ...options, env: disk.env });
      assert.ok(await ledger.writeMore(server));
      disk.fill();
      let isTaken = true;
      for (let round = 0; round < ROUNDS_MAX && isTaken; round++) {
        // oxlint-disable-next-line no-await-in-loop -- until it is refused
        isTaken = await ledger.writeMore(server);
      }
      assert.ok(!isTaken, "the disk was never full");
      await ledger.expectTruth(server);
      disk.free();
      await untilTaken(await server.client(), VALUE);
      ledger.taken.push("taken");
      assert.ok(await ledger.writeMore(server));
      await ledger.expectWholeTruth(server);
      const { taken, refused, unknown } = ledger;
      t.diagnostic(
        `${disk.kind}: ${taken.length} taken, ${refused.length} refused, ${unknown.length} unknown`,
      );
      await server.kill();
    }
    await using again = await ServerProcess.start(options);
    await ledger.expectWholeTruth(again);
  });
}
