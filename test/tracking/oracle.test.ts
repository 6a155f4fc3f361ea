// Client-side caching: several connections do the same to Kept and to Debian's redis-server; each must
// hear the same invalidations from both, step by step.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";

import { format } from "../conversations/notation.ts";
import { isOracleInstalled, startOracle } from "../conversations/oracle.ts";
import { startKept } from "../support/kept.ts";
import { RawClient } from "../support/raw-client.ts";
import { heard, type Step } from "../support/side-by-side.ts";

const CONNECTIONS = 3;

/** "$1" stands for the id of connection 1. */
const PROGRAMS: Readonly<Record<string, readonly Step[]>> = {
  "what has been read is told of once": [
    [0, "HELLO 3"],
    [0, "CLIENT TRACKING ON"],
    [0, "GET a"],
    [0, "MGET b c a"],
    [1, "SET a 1"],
    [1, "SET a 2"],
    [1, "MSET b 1 d 1 c 1"],
    [0, "EXISTS d"],
    [1, "DEL d e"],
    [0, "STRLEN a"],
    [0, "SET a own"],
    [0, "GET a"],
    [1, "SELECT 3"],
    [1, "SET a other-database"],
    [0, "GET a"],
    [0, "CLIENT TRACKINGINFO"],
    [0, "CLIENT GETREDIR"],
    [0, "CLIENT TRACKING OFF"],
    [1, "SELECT 0"],
    [1, "SET a 3"],
    [0, "CLIENT TRACKINGINFO"],
    [0, "CLIENT GETREDIR"],
  ],
  "transactions and failures": [
    [0, "HELLO 3"],
    [0, "CLIENT TRACKING ON"],
    [1, "SET s text"],
    [0, "MULTI"],
    [0, "GET a"],
    [0, "GET b"],
    [0, "EXEC"],
    [1, "MULTI"],
    [1, "SET a 1"],
    [1, "INCR s"],
    [1, "EXEC"],
    [0, "GET s"],
    [1, "INCR s"],
    [1, "SET s x NX"],
    [1, "SET s y GET"],
    [0, "GET b"],
    [0, "MULTI"],
    [0, "SET b mine"],
    [0, "EXEC"],
    [1, "SET b x"],
    [0, "GET b"],
    [1, "SET b y"],
  ],
  "NOLOOP leaves out what one changes oneself": [
    [0, "HELLO 3"],
    [0, "CLIENT TRACKING ON NOLOOP"],
    [0, "GET a"],
    [0, "SET a own"],
    [1, "SET a other"],
    [0, "GET a"],
    [1, "SET a other"],
    [0, "CLIENT TRACKINGINFO"],
  ],
  "OPTIN tracks what it is told to": [
    [0, "HELLO 3"],
    [0, "CLIENT CACHING YES"],
    [0, "CLIENT TRACKING ON OPTIN"],
    [0, "CLIENT CACHING NO"],
    [0, "CLIENT CACHING MAYBE"],
    [0, "GET a"],
    [1, "SET a 1"],
    [0, "CLIENT CACHING YES"],
    [0, "CLIENT TRACKINGINFO"],
    [0, "GET a"],
    [0, "GET b"],
    [1, "MSET a 1 b 1"],
    [0, "CLIENT CACHING YES"],
    [0, "MULTI"],
    [0, "GET a"],
    [0, "GET b"],
    [0, "EXEC"],
    [0, "GET c"],
    [1, "MSET a 2 b 2 c 2"],
    [0, "CLIENT TRACKING ON OPTOUT"],
  ],
  "OPTOUT tracks what it is not told not to": [
    [0, "HELLO 3"],
    [0, "CLIENT TRACKING ON OPTOUT"],
    [0, "GET a"],
    [0, "CLIENT CACHING YES"],
    [0, "CLIENT CACHING NO"],
    [0, "GET b"],
    [0, "GET c"],
    [1, "MSET a 1 b 1 c 1"],
    [0, "CLIENT TRACKINGINFO"],
    [0, "CLIENT TRACKING ON OPTIN"],
  ],
  "BCAST tells of prefixes": [
    [0, "HELLO 3"],
    [0, "CLIENT TRACKING ON BCAST PREFIX user: PREFIX item:"],
    [2, "HELLO 3"],
    [2, "CLIENT TRACKING ON BCAST NOLOOP"],
    [1, "SET user:1 x"],
    [1, "SET other x"],
    [1, "MSET user:3 a user:2 b item:1 c zz d"],
    [0, "SET user:9 own"],
    [2, "SET user:8 own"],
    [0, "CLIENT TRACKINGINFO"],
    [0, "CLIENT TRACKING ON BCAST PREFIX use"],
    [0, "CLIENT TRACKING ON BCAST PREFIX user:1"],
    [0, "CLIENT TRACKING ON BCAST PREFIX x PREFIX xy"],
    [0, "CLIENT TRACKING ON BCAST PREFIX more:"],
    [0, "CLIENT TRACKINGINFO"],
    [1, "SET more:1 x"],
    [0, "CLIENT TRACKING ON"],
    [0, "CLIENT TRACKING OFF"],
    [1, "SET more:1 x"],
  ],
  "what cannot be asked for": [
    [0, "CLIENT TRACKING"],
    [0, "CLIENT TRACKING MAYBE"],
    [0, "CLIENT TRACKING ON FOO"],
    [0, "CLIENT TRACKING ON REDIRECT"],
    [0, "CLIENT TRACKING ON REDIRECT x"],
    [0, "CLIENT TRACKING ON REDIRECT 123456789"],
    [0, "CLIENT TRACKING ON REDIRECT $1 REDIRECT $2"],
    [0, "CLIENT TRACKING ON PREFIX a"],
    [0, "CLIENT TRACKING ON BCAST OPTIN"],
    [0, "CLIENT TRACKING ON BCAST OPTOUT"],
    [0, "CLIENT TRACKING ON OPTIN OPTOUT"],
    [0, "CLIENT TRACKING ON BCAST PREFIX a PREFIX a"],
    [0, "CLIENT TRACKING ON PREFIX"],
    [0, "CLIENT CACHING YES"],
    [0, "CLIENT CACHING"],
    [0, "CLIENT TRACKINGINFO"],
  ],
  "RESP2 hears on another connection that subscribes": [
    [1, "SUBSCRIBE __redis__:invalidate"],
    [0, "CLIENT TRACKING ON REDIRECT $1"],
    [0, "CLIENT GETREDIR"],
    [0, "CLIENT TRACKINGINFO"],
    [0, "GET a"],
    [2, "SET a 1"],
    [0, "GET a"],
    [0, "SET a own"],
    [0, "MGET a b"],
    [2, "MSET a 1 b 1"],
    [2, "FLUSHALL"],
    [0, "CLIENT TRACKING OFF"],
    [0, "CLIENT TRACKING ON BCAST REDIRECT $1"],
    [2, "MSET x 1 y 2"],
    [1, "UNSUBSCRIBE"],
    [2, "SET x 1"],
  ],
  "RESP3 hears on another connection, which may go": [
    [0, "HELLO 3"],
    [1, "HELLO 3"],
    [0, "CLIENT TRACKING ON REDIRECT $1"],
    [0, "GET a"],
    [2, "SET a 1"],
    [0, "GET a"],
    [1, "QUIT"],
    [2, "SET a 2"],
    [0, "CLIENT TRACKINGINFO"],
    [0, "CLIENT GETREDIR"],
    [0, "CLIENT TRACKING ON"],
    [0, "CLIENT TRACKINGINFO"],
  ],
  "RESP2 without another connection hears nothing": [
    [0, "CLIENT TRACKING ON"],
    [0, "GET a"],
    [1, "SET a 1"],
    [0, "CLIENT TRACKINGINFO"],
  ],
  "everything is forgotten with a flush": [
    [0, "HELLO 3"],
    [0, "CLIENT TRACKING ON NOLOOP"],
    [2, "HELLO 3"],
    [2, "CLIENT TRACKING ON BCAST PREFIX a"],
    [1, "SET a 1"],
    [0, "GET a"],
    [1, "FLUSHDB"],
    [1, "SET a 1"],
    [0, "FLUSHALL"],
  ],
  "RESET ends it": [
    [0, "HELLO 3"],
    [0, "CLIENT TRACKING ON"],
    [0, "GET a"],
    [0, "RESET"],
    [1, "SET a 1"],
    [0, "CLIENT TRACKINGINFO"],
  ],
  "keys that expire": [
    [0, "HELLO 3"],
    [0, "CLIENT TRACKING ON"],
    [1, "SET a 1"],
    [0, "GET a"],
    [1, "EXPIRE a 1000"],
    [0, "TTL a"],
    [1, "PERSIST a"],
    [0, "GET a"],
    [1, "PEXPIRE a -1"],
    [0, "GET a"],
    [1, "SET a 1 PX 100000"],
  ],
};

async function ids(clients: readonly RawClient[]): Promise<string[]> {
  const found: string[] = [];
  for (const client of clients) found.push(format(await client.say("CLIENT ID")));
  return found;
}

async function told(clients: readonly RawClient[], steps: readonly Step[]): Promise<string[]> {
  const known = await ids(clients);
  const spoken = steps.map(([connection, line]): Step => [
    connection,
    line.replaceAll(/\$(\d)/g, (_, index: string) => known[Number(index)] ?? ""),
  ]);
  const log = await heard(clients, spoken, 2);
  // Numbers of connections differ.
  return log.map((line) =>
    known.reduce(
      (text, id, index) => text.replaceAll(new RegExp(`\\b${id}\\b`, "g"), `$${index}`),
      line,
    ),
  );
}

if (isOracleInstalled()) {
  for (const [name, steps] of Object.entries(PROGRAMS)) {
    test(`as redis-server does it: ${name}`, async () => {
      await using oracle = await startOracle();
      await using kept = await startKept();
      // Numbers that do not stand for anything else.
      for (let count = 0; count < 1000; count++) kept.core.takeSessionId();
      const ours: RawClient[] = [];
      const theirs: RawClient[] = [];
      for (let count = 0; count < CONNECTIONS; count++) {
        ours.push(await kept.client());
        theirs.push(new RawClient(connect(oracle.socketPath)));
      }
      const expected = await told(theirs, steps);
      for (const client of theirs) client[Symbol.dispose]();
      assert.deepEqual(await told(ours, steps), expected);
    });
  }
}
