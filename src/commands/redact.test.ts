import assert from "node:assert/strict";
import { test } from "node:test";

import { Command } from "./lookup.ts";
import { redacted } from "./redact.ts";
import { COMMANDS } from "./registry.ts";

function shown(name: string, line: string): string {
  const row = COMMANDS["PING"];
  assert.ok(row !== undefined);
  return redacted(new Command(name, row, null, { next: 0 }), line.split(" ")).join(" ");
}

test("passwords are never shown, the rest always", () => {
  assert.equal(shown("auth", "AUTH pass"), "AUTH (redacted)");
  assert.equal(shown("auth", "AUTH user pass"), "AUTH (redacted) (redacted)");
  assert.equal(
    shown("hello", "HELLO 3 SETNAME auth AUTH user pass"),
    "HELLO 3 SETNAME auth AUTH (redacted) (redacted)",
  );
  assert.equal(shown("hello", "HELLO 3 AUTH user"), "HELLO 3 AUTH (redacted)");
  assert.equal(
    shown("config|set", "CONFIG SET port 1 RequirePass x masterauth y"),
    "CONFIG SET port 1 RequirePass (redacted) masterauth (redacted)",
  );
  assert.equal(
    shown("config|set", "CONFIG SET proc-title-template requirepass"),
    "CONFIG SET proc-title-template requirepass",
  );
  assert.equal(
    shown("migrate", "MIGRATE h 1 k 0 9 REPLACE AUTH pass KEYS AUTH a"),
    "MIGRATE h 1 k 0 9 REPLACE AUTH (redacted) KEYS AUTH a",
  );
  assert.equal(
    shown("migrate", "MIGRATE h 1 k 0 9 auth2 user pass COPY"),
    "MIGRATE h 1 k 0 9 auth2 (redacted) (redacted) COPY",
  );
  assert.equal(
    shown("acl|setuser", "ACL SETUSER bob on >pass"),
    "ACL SETUSER (redacted) (redacted) (redacted)",
  );
  assert.equal(shown("set", "SET requirepass x"), "SET requirepass x");
});
