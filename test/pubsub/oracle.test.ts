// Several connections do the same to Kept and to Debian's redis-server, where that is installed; each
// must hear the same from both, step by step. After every step each connection sends a PING of its
// own, so that what a step leads to is known to be complete.
//
// Not here: who publishes to himself. Redis 7.0, Debian's, pushes the message before the answer, and
// into the middle of an EXEC's; 7.2 after it, as we do.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";

import { parseNotifyFlags } from "../../src/pubsub/notify-flags.ts";
import { isOracleInstalled, startOracle } from "../conversations/oracle.ts";
import { startKept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";
import { heard, type Step } from "../support/side-by-side.ts";

const CONNECTIONS = 3;

const PROGRAMS: Readonly<Record<string, readonly Step[]>> = {
  "counts of confirmations": [
    [0, "SUBSCRIBE a b a"],
    [0, "PSUBSCRIBE x* a*"],
    [0, "SSUBSCRIBE s t"],
    [0, "UNSUBSCRIBE nothing a a"],
    [0, "PUNSUBSCRIBE x*"],
    [0, "SUNSUBSCRIBE s"],
    [0, "PUNSUBSCRIBE"],
    [0, "UNSUBSCRIBE"],
    [0, "UNSUBSCRIBE"],
    [0, "PUNSUBSCRIBE"],
    [0, "SUNSUBSCRIBE"],
    [0, "SUNSUBSCRIBE"],
    [0, "SUBSCRIBE"],
    [0, "GET k"],
  ],
  "messages to channels, patterns and shard channels": [
    [0, "SUBSCRIBE a"],
    [0, "PSUBSCRIBE ?"],
    [1, "HELLO 3"],
    [1, "SSUBSCRIBE a"],
    [1, "PSUBSCRIBE [a-c]"],
    [2, "PUBLISH a 1"],
    [2, "SPUBLISH a 2"],
    [2, "PUBLISH b 3"],
    [2, "PUBLISH zz 4"],
    [2, "PUBSUB CHANNELS"],
    [2, "PUBSUB NUMSUB a b"],
    [2, "PUBSUB NUMPAT"],
    [2, "PUBSUB SHARDCHANNELS"],
    [2, "PUBSUB SHARDNUMSUB a b"],
  ],
  "what a RESP2 subscriber may say": [
    [0, "SUBSCRIBE a"],
    [0, "GET k"],
    [0, "PUBLISH a 1"],
    [0, "MULTI"],
    [0, "PUBSUB NUMPAT"],
    [0, "PING a b"],
    [0, "RESET"],
    [0, "GET k"],
    [1, "PUBLISH a 1"],
  ],
  "messages and writes of an EXEC": [
    [0, "PSUBSCRIBE *"],
    [1, "MULTI"],
    [1, "PUBLISH a 2"],
    [1, "SET k v"],
    [1, "PUBLISH a 3"],
    [1, "INCR k"],
    [1, "UNSUBSCRIBE a"],
    [1, "EXEC"],
    [1, "GET k"],
    [1, "MULTI"],
    [1, "SUBSCRIBE b"],
    [1, "PUBLISH a 4"],
    [1, "EXEC"],
    [0, "RESET"],
    [0, "PUBLISH b 5"],
  ],
  "keyspace events, in their order": [
    [0, "PSUBSCRIBE __key*"],
    [1, "SET k v"],
    [1, "MULTI"],
    [1, "APPEND k w"],
    [1, "EXPIRE k 100"],
    [1, "RENAME k l"],
    [1, "EXEC"],
    [1, "GET missing"],
    [1, "SELECT 3"],
    [1, "INCR n"],
    [1, "PEXPIRE n -1"],
    [2, "MSET a 1 b 2"],
    [2, "DEL a b c"],
    [2, "SETEX t 10 v"],
    [2, "GETDEL t"],
    [2, "SET n x"],
    [2, "INCR n"],
    [2, "SETBIT bits 7 1"],
    [2, "SETRANGE r 3 abc"],
    [2, "COPY r q"],
    [2, "PERSIST q"],
    [2, "GETEX q EX 100"],
    [2, "PERSIST q"],
    [2, "MOVE q 1"],
  ],
  "events of streams and their groups": [
    [0, "PSUBSCRIBE __key*"],
    [1, "XADD x 1-1 f v"],
    [1, "XADD x MAXLEN 1 2-1 f v"],
    [1, "XADD x NOMKSTREAM 3-1 f v"],
    [1, "XADD none NOMKSTREAM 3-1 f v"],
    [1, "XADD x 1-1 f v"],
    [1, "XGROUP CREATE x g 0"],
    [1, "XGROUP CREATE x g 0"],
    [1, "XGROUP CREATE y g $ MKSTREAM"],
    [1, "XGROUP CREATECONSUMER x g c"],
    [1, "XGROUP CREATECONSUMER x g c"],
    [1, "XREADGROUP GROUP g new COUNT 1 STREAMS x >"],
    [1, "XREADGROUP GROUP g new COUNT 1 STREAMS x 0"],
    [1, "XREADGROUP GROUP g c NOACK STREAMS x >"],
    [1, "XACK x g 2-1"],
    [1, "XGROUP SETID x g 0"],
    [1, "XREADGROUP GROUP g c STREAMS x >"],
    [1, "XCLAIM x g other 0 2-1"],
    [1, "XCLAIM x g other 0 9-9"],
    [1, "XAUTOCLAIM x g third 0 0"],
    [1, "XGROUP DELCONSUMER x g third"],
    [1, "XGROUP DELCONSUMER x g third"],
    [1, "XDEL x 2-1"],
    [1, "XDEL x 2-1"],
    [1, "XTRIM x MAXLEN 0"],
    [1, "XTRIM x MAXLEN 0"],
    [1, "XSETID x 20-1"],
    [1, "XADD x MINID 30 25-1 f v"],
    [1, "XREAD STREAMS x 0"],
    [1, "XGROUP DESTROY x g"],
    [1, "XGROUP DESTROY x g"],
    [1, "MULTI"],
    [1, "XADD x * f v"],
    [1, "XDEL x 25-1"],
    [1, "DEL x"],
    [1, "DISCARD"],
    [1, "DEL x y"],
  ],
};

if (isOracleInstalled()) {
  for (const [name, steps] of Object.entries(PROGRAMS)) {
    test(`as redis-server does it: ${name}`, async () => {
      await using oracle = await startOracle();
      await oracle.target.send(["CONFIG", "SET", "notify-keyspace-events", "AKEnm"]);
      await using kept = await startKept({
        limits: { notifyMask: parseNotifyFlags("AKEnm") ?? 0 },
      });
      const ours: RawClient[] = [];
      const theirs: RawClient[] = [];
      for (let count = 0; count < CONNECTIONS; count++) {
        ours.push(await kept.client());
        theirs.push(new RawClient(connect(oracle.socketPath)));
      }
      const expected = await heard(theirs, steps);
      for (const client of theirs) client[Symbol.dispose]();
      assert.deepEqual(await heard(ours, steps), expected);
    });
  }
}
