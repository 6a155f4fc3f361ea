// MEMORY: where memory goes. A key's data lives on disk; USAGE tells what its record takes while it is
// in the cache of decoded objects, and so what it costs to have it hot.

import type { Bytes } from "../base/bytes.ts";
import { RECORD_OVERHEAD_BYTES } from "../keyspace/record.ts";
import { memoryOf } from "../keyspace/value.ts";
import type { View } from "../keyspace/view.ts";
import { CommandError, NOT_AN_INTEGER, SYNTAX_ERROR } from "../resp/errors.ts";
import { Double, MapReply, OK, Verbatim, type Reply } from "../resp/reply.ts";
import { parseInteger } from "../types/number.ts";
import { KEY } from "./argument-specs.ts";
import { helpRow } from "./help.ts";
import type { MemoryFacts, ServerPort } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows } from "./table.ts";

const SAMPLES_NEGATIVE = new CommandError("ERR syntax error");
/** A fresh process is busy with itself: nothing can be told from it. */
const SMALL_BYTES = 64 * 1024 * 1024;
const HEAP_SHARE_HIGH = 0.85;
const RESIDENT_RATIO_HIGH = 1.6;

export const memoryCommands: CommandRows = {
  MEMORY: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "server",
    since: "4.0.0",
    summary: "Where memory goes.",
    complexity: "Depends on the subcommand",
    subcommands: {
      USAGE: {
        kind: "data",
        arity: -3,
        flags: ["readonly"],
        keys: [{ kind: "range", first: 2, last: 2, step: 1, flags: ["RO"] }],
        group: "server",
        since: "4.0.0",
        summary: "Tells what a key takes in memory while it is in the cache.",
        complexity: "O(1)",
        arguments: [KEY, { name: "count", type: "integer", token: "SAMPLES", optional: true }],
        run: usage,
      },
      STATS: {
        kind: "server",
        arity: 2,
        flags: [],
        keys: NO_KEYS,
        group: "server",
        since: "4.0.0",
        summary: "Shows what takes memory, and how much.",
        complexity: "O(1)",
        run: (server) => stats(server.memory.facts()),
      },
      DOCTOR: {
        kind: "server",
        arity: 2,
        flags: [],
        keys: NO_KEYS,
        group: "server",
        since: "4.0.0",
        summary: "Tells in words whether anything about memory is wrong.",
        complexity: "O(1)",
        run: (server) => new Verbatim("txt", diagnosis(server.memory.facts())),
      },
      "MALLOC-STATS": {
        kind: "server",
        arity: 2,
        flags: [],
        keys: NO_KEYS,
        group: "server",
        since: "4.0.0",
        summary: "Shows the heap of V8 and what lies outside it.",
        complexity: "O(1)",
        run: (server) => new Verbatim("txt", heap(server.memory.facts())),
      },
      PURGE: {
        kind: "server",
        arity: 2,
        flags: [],
        keys: NO_KEYS,
        group: "server",
        since: "4.0.0",
        summary: "Gives back memory that can be given back.",
        complexity: "O(1)",
        run: purge,
      },
      HELP: helpRow(
        "MEMORY",
        [
          ["DOCTOR", "Tells in words whether anything is wrong."],
          ["MALLOC-STATS", "Shows the heap and what lies outside it."],
          ["PURGE", "Gives back memory that can be given back."],
          ["STATS", "Shows what takes memory."],
          ["USAGE <key> [SAMPLES <count>]", "Tells what a key takes in memory."],
        ],
        { group: "server", since: "4.0.0" },
      ),
    },
  },
};

function usage(view: View, args: Args): Reply {
  if (args.length > 3) {
    const samples = args.length === 5 ? parseInteger(at(args, 4)) : null;
    if (args.length !== 5 || at(args, 3).toUpperCase() !== "SAMPLES") throw SYNTAX_ERROR;
    if (samples === null) throw NOT_AN_INTEGER;
    if (samples < 0) throw SAMPLES_NEGATIVE;
  }
  const record = view.inspect(at(args, 2));
  if (record === null) return null;
  return RECORD_OVERHEAD_BYTES + record.key.length + memoryOf(record.value);
}

function stats(facts: MemoryFacts): Reply {
  const { used, resident, keyCount } = facts;
  const dataset = facts.objectCache + facts.blockCache + facts.memtables;
  return new MapReply([
    "peak.allocated",
    facts.peak,
    "total.allocated",
    used,
    "startup.allocated",
    facts.startup,
    "replication.backlog",
    0,
    "clients.slaves",
    0,
    "clients.normal",
    facts.clients,
    "cluster.links",
    0,
    "aof.buffer",
    0,
    "lua.caches",
    0,
    "functions.caches",
    0,
    "overhead.total",
    Math.max(0, used - dataset),
    "keys.count",
    keyCount,
    "keys.bytes-per-key",
    keyCount === 0 ? 0 : Math.floor(dataset / keyCount),
    "dataset.bytes",
    dataset,
    "dataset.percentage",
    new Double(used === 0 ? 0 : (dataset * 100) / used),
    "peak.percentage",
    new Double(facts.peak === 0 ? 0 : (used * 100) / facts.peak),
    "fragmentation",
    new Double(resident / Math.max(1, used)),
    "fragmentation.bytes",
    resident - used,
    "object-cache.bytes",
    facts.objectCache,
    "block-cache.bytes",
    facts.blockCache,
    "memtables.bytes",
    facts.memtables,
    "table-readers.bytes",
    facts.tableReaders,
  ]);
}

function diagnosis(facts: MemoryFacts): Bytes {
  const { used, resident, heapUsed, heapTotal } = facts;
  if (used < SMALL_BYTES) {
    return "The server uses little memory as yet: there is nothing to be told from it.\n";
  }
  const findings: string[] = [];
  if (heapUsed / heapTotal > HEAP_SHARE_HIGH && heapUsed > SMALL_BYTES) {
    findings.push(
      "* The heap of V8 is nearly full. Should that last, lower object-cache-size: what is not there " +
        "is read from RocksDB's block cache.\n",
    );
  }
  if (resident / used > RESIDENT_RATIO_HIGH) {
    findings.push(
      "* The process holds far more memory than it uses, mostly what the allocators keep for later. " +
        "It goes back when memory is short; a restart gives it back at once.\n",
    );
  }
  if (facts.clients > used / 4) {
    findings.push(
      "* Clients hold a quarter of the memory: some send or read too slowly. See CLIENT LIST (omem, " +
        "qbuf), and client-output-buffer-limit.\n",
    );
  }
  return findings.length === 0 ? "Memory is as it should be.\n" : findings.join("");
}

function heap(facts: MemoryFacts): Bytes {
  return (
    `V8 heap used: ${facts.heapUsed}\nV8 heap reserved: ${facts.heapTotal}\n` +
    `Outside the heap: ${facts.outsideHeap}\nResident: ${facts.resident}\n`
  );
}

function purge(server: ServerPort): Reply {
  server.memory.purge();
  return OK;
}
