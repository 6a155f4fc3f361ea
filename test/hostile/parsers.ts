// Targets that are functions of bytes: the protocol, dumps, what is on disk, settings, users. Each either
// takes its input or refuses it with the error it has for that; anything else is a fault.

import type { Bytes } from "../../src/base/bytes.ts";
import { parseUsers } from "../../src/acl/file.ts";
import { CommandTable } from "../../src/commands/lookup.ts";
import { COMMANDS } from "../../src/commands/registry.ts";
import { Config } from "../../src/config/config.ts";
import { ConfigError, readText } from "../../src/config/parse.ts";
import { readPage } from "../../src/encoding/directory.ts";
import { readExplodedHash, readInlineHash, hashDueMs } from "../../src/encoding/hash.ts";
import { readExplodedList, readInlineList, readNode } from "../../src/encoding/list.ts";
import {
  CorruptMeta,
  decodeCatalog,
  decodeCollectionIds,
  decodeCounts,
} from "../../src/encoding/meta.ts";
import { BadDump, decodeDump, sealed } from "../../src/encoding/rdb.ts";
import { CorruptRecord, readRecord } from "../../src/encoding/record.ts";
import { readExplodedSet, readInlineSet } from "../../src/encoding/set.ts";
import { readExploded, readInline } from "../../src/encoding/sorted-set.ts";
import { readPending } from "../../src/encoding/stream-group.ts";
import { readExplodedStream, readInlineStream } from "../../src/encoding/stream.ts";
import { Decoder } from "../../src/resp/decoder.ts";
import { ProtocolError } from "../../src/resp/errors.ts";
import { CorruptReply, thaw } from "../../src/resp/stored.ts";
import { CommandError } from "../../src/resp/errors.ts";
import * as functions from "../../src/types/function-library.ts";
import { ACL_CORPUS, COMMAND_CORPUS, CONFIG_CORPUS, dumpCorpus, STORED_CORPUS } from "./corpus.ts";
import type { Target } from "./target.ts";

const RDB_VERSION = 10;

function expected(
  action: () => unknown,
  ...refusals: readonly (new (...args: never[]) => Error)[]
) {
  try {
    action();
  } catch (error) {
    if (!refusals.some((refusal) => error instanceof refusal)) throw error;
  }
}

/** In two pieces, as a socket may give it; the place depends on the bytes. */
function decodeProtocol(input: Bytes): void {
  const decoder = new Decoder({ bulkBytesMax: 1024 * 1024 });
  const cut = input.length === 0 ? 0 : (input.charCodeAt(0) * 7) % input.length;
  for (const piece of [input.slice(0, cut), input.slice(cut)]) {
    decoder.push(Buffer.from(piece, "latin1"));
    while (decoder.next() !== null);
    decoder.keep();
    if (decoder.bufferedBytes > input.length * 4 + 64) {
      throw new Error(`${decoder.bufferedBytes} bytes are held for ${input.length}`);
    }
  }
}

const STORED: readonly ((bytes: Bytes) => unknown)[] = [
  readRecord,
  readInlineHash,
  readExplodedHash,
  hashDueMs,
  readInlineList,
  readExplodedList,
  readNode,
  readInlineSet,
  readExplodedSet,
  readInline,
  readExploded,
  readPage,
  readInlineStream,
  readExplodedStream,
  readPending,
  decodeCatalog,
  decodeCounts,
  decodeCollectionIds,
  functions.decode,
  thaw,
];

/** Each reader of stored bytes, one after the other. */
function readStored(input: Bytes): void {
  for (const read of STORED) {
    expected(() => read(input), CorruptRecord, CorruptMeta, CorruptReply);
  }
}

const NOWHERE = () => ({ problem: "there are no other files" });

export function parserTargets(): Target[] {
  const realm = { commands: new CommandTable(COMMANDS, new Map()), newAllChannels: false };
  return [
    {
      name: "protocol",
      share: 30,
      corpus: COMMAND_CORPUS,
      run: (input) => expected(() => decodeProtocol(input), ProtocolError),
    },
    {
      name: "dump",
      share: 20,
      corpus: dumpCorpus(),
      run: (input) => expected(() => decodeDump(sealed(input, RDB_VERSION)), BadDump),
    },
    { name: "stored", share: 12, corpus: STORED_CORPUS, run: readStored },
    {
      name: "libraries",
      share: 4,
      corpus: dumpCorpus(),
      run: (input) => expected(() => functions.undump(sealed(input, RDB_VERSION)), CommandError),
    },
    {
      name: "config",
      share: 10,
      corpus: CONFIG_CORPUS,
      run: (input) =>
        expected(() => Config.of(readText(input, "hostile.conf", NOWHERE)), ConfigError),
    },
    {
      name: "acl",
      share: 10,
      corpus: ACL_CORPUS,
      run: (input) => expected(() => parseUsers(input, "hostile.acl", realm)),
    },
  ];
}
