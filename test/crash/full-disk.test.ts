// No room for more while the server runs. A limit on the size of files is the full disk a test can
// have: the log of writes cannot grow beyond it. What the server acknowledged is there, what it refused
// is not, reads go on, it can be stopped, it takes writes again when there is room, and a restart finds
// the same.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TemporaryDirectory } from "../engine/temporary.ts";
import { ServerProcess } from "../support/process.ts";
import { untilTaken } from "../support/queries.ts";
import { runToolWell } from "../support/tool.ts";
import { Ledger } from "./ledger.ts";

/** In units of 512 bytes, as sh counts: one megabyte. The signal that comes with it is not wanted. */
const SHELL_SETUP = "trap '' XFSZ; ulimit -S -f 2048";
const SETTINGS = { "unknown-outcome-timeout": "1000" };
const VALUE = "x".repeat(4096);
const ROUNDS = 12;

async function fill(server: ServerProcess): Promise<Ledger> {
  const ledger = new Ledger(VALUE);
  for (let round = 0; round < ROUNDS; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await ledger.writeMore(server);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await ledger.expectTruth(server);
  }
  assert.ok(ledger.refused.length + ledger.unknown.length > 0, "the limit was never met");
  assert.ok(ledger.taken.length > 0);
  return ledger;
}

/** There is room: writes are taken again, and what was said before is still true. */
async function expectRecovery(server: ServerProcess, ledger: Ledger): Promise<void> {
  await untilTaken(await server.client(), VALUE);
  ledger.taken.push("taken");
  assert.ok(await ledger.writeMore(server));
  await ledger.expectWholeTruth(server);
}

for (const mode of ["always", "everysec", "no"]) {
  const settings = { ...SETTINGS, appendfsync: mode };
  const inFull = { settings, shellSetup: SHELL_SETUP };

  test(`appendfsync ${mode}: the disk is full; it can be stopped, and nothing is lost`, async (t) => {
    using directory = new TemporaryDirectory();
    await using server = await ServerProcess.start({ dir: directory.path, ...inFull });
    const ledger = await fill(server);
    const { taken, refused, unknown } = ledger;
    t.diagnostic(`${taken.length} taken, ${refused.length} refused, ${unknown.length} unknown`);
    await server.stop();
    await using again = await ServerProcess.start({ dir: directory.path, settings });
    await ledger.expectWholeTruth(again);
    await expectRecovery(again, ledger);
  });

  test(`appendfsync ${mode}: when there is room again, writes are taken without a restart`, async () => {
    using directory = new TemporaryDirectory();
    await using server = await ServerProcess.start({ dir: directory.path, ...inFull });
    const ledger = await fill(server);
    await server.waitForOutput(/The storage engine refuses writes: /);
    const limits = ["--pid", String(server.pid), "--fsize=unlimited:"];
    await runToolWell("prlimit", limits);
    await expectRecovery(server, ledger);
    await server.waitForOutput(/The storage engine has recovered: writes are taken again\./);

    await server.kill();
    await using again = await ServerProcess.start({ dir: directory.path, settings });
    await ledger.expectWholeTruth(again);
  });
}
