// Every transcript beside this file, on the handlers alone and on Debian's redis-server where it is
// installed: so what we promise is what Redis does, or the file says where and why not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isOracleInstalled, startOracle } from "./oracle.ts";
import { replayFile, replayFileOnOracle, transcriptNames } from "./run.ts";
import { handlersTarget } from "./targets.ts";

/** About sessions and the server; test/server replays it on a whole one. */
const NEEDS_A_SERVER = new Set([
  "acl.txt",
  "cluster.txt",
  "connection.txt",
  "resp3.txt",
  "scripts.txt",
  "server.txt",
]);

for (const name of transcriptNames()) {
  if (NEEDS_A_SERVER.has(name)) continue;
  test(`${name}: the handlers answer as written`, async () => {
    const complaints = await replayFile(handlersTarget(), name);
    assert.deepEqual(complaints, [], complaints.join("\n"));
  });
}

if (isOracleInstalled()) {
  test("Debian's redis-server answers as the transcripts say", async () => {
    await using oracle = await startOracle();
    for (const name of transcriptNames()) {
      const complaints = await replayFileOnOracle(oracle.target, name);
      assert.deepEqual(complaints, [], `${name}\n${complaints.join("\n")}`);
    }
  });
}
