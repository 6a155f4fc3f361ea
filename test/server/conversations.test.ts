// The transcripts of test/conversations on a whole server, through a socket. Transcripts that need a
// command which is not there yet (RPUSH, to have a key of the wrong type) wait for it.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";

import { COMMANDS } from "../../src/commands/registry.ts";
import { readNamed, replayFile, transcriptNames } from "../conversations/run.ts";
import { WireTarget } from "../conversations/wire.ts";
import { startKept } from "../support/kept.ts";

for (const name of transcriptNames()) {
  if (readNamed(name).includes("> RPUSH") && COMMANDS["RPUSH"] === undefined) continue;
  test(`${name}: the server answers as written`, async () => {
    await using kept = await startKept({ engine: "rocksdb" });
    const target = new WireTarget(connect({ port: kept.port, host: "127.0.0.1" }));
    const complaints = await replayFile(target, name);
    target.close();
    assert.deepEqual(complaints, [], complaints.join("\n"));
  });
}
