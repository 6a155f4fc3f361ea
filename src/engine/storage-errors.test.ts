// Law 9, row by row: what RocksDB says, and what that means for a write.

import assert from "node:assert/strict";
import { test } from "node:test";

import { plainError, writeError, type EngineFailure } from "./storage-errors.ts";

function failure(code: string, parts: Partial<EngineFailure> = {}): EngineFailure {
  return { code, subcode: "None", severity: "NoError", message: "its words", ...parts };
}

const rows: [EngineFailure, string, string][] = [
  [failure("Incomplete"), "stall", "refused"],
  [failure("Busy"), "stall", "refused"],
  [failure("TimedOut"), "stall", "refused"],
  [failure("TryAgain"), "stall", "refused"],
  [failure("InvalidArgument"), "too-large", "refused"],
  [failure("NotSupported"), "read-only", "refused"],
  [failure("ShutdownInProgress"), "closed", "refused"],
  [failure("IOError"), "io", "unknown"],
  [failure("IOError", { subcode: "NoSpace" }), "no-space", "unknown"],
  [failure("IOError", { subcode: "SpaceLimit" }), "no-space", "unknown"],
  [failure("IOError", { subcode: "NoSpace", severity: "HardError" }), "no-space", "refused"],
  [failure("IOError", { severity: "FatalError" }), "io", "refused"],
  [failure("Corruption"), "corruption", "unknown"],
  [failure("Corruption", { severity: "UnrecoverableError" }), "corruption", "refused"],
  [failure("Aborted"), "io", "unknown"],
  [failure("Unknown"), "io", "unknown"],
];

for (const [parts, kind, fate] of rows) {
  const { code, subcode, severity } = parts;
  test(`a write that ends in ${code}, ${subcode}, ${severity}: ${kind}, ${fate}`, () => {
    const error = writeError(parts, false);
    assert.equal(error.kind, kind);
    assert.equal(error.fate, fate);
    assert.equal(error.message, "its words");
    assert.equal(writeError(parts, true).fate, "refused");
    assert.equal(plainError(parts).fate, "refused");
  });
}
