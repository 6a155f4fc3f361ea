import assert from "node:assert/strict";
import { test } from "node:test";

import { CommandTable } from "../commands/lookup.ts";
import { COMMANDS } from "../commands/registry.ts";
import { NO_KEYS, type CommandRow } from "../commands/table.ts";
import { AclLog, type AclEvent } from "./log.ts";
import { denialOf, sortRefusal } from "./permission.ts";
import { User, type Realm } from "./user.ts";
import { Users, WRONG_PASS } from "./users.ts";

const SORT: CommandRow = {
  kind: "data",
  arity: -2,
  flags: ["write"],
  keys: NO_KEYS,
  group: "generic",
  since: "1.0.0",
  summary: "Stands in for SORT.",
  complexity: "O(1)",
  run: () => null,
};

const commands = new CommandTable({ ...COMMANDS, SORT });
const realm: Realm = { commands, newAllChannels: false };

function user(...rules: string[]): User {
  const made = new User("u", realm);
  for (const rule of rules) made.apply(rule);
  return made;
}

function denied(who: User, line: string): string | null {
  const args = line.split(" ");
  const denial = denialOf(who, commands.find(args), args);
  return denial === null ? null : `${denial.reason} ${denial.object}`;
}

test("a rule drops the earlier ones that it makes superfluous", () => {
  const rules = ["+get", "+@read", "-@read", "+config|get", "+config|set", "+client|id", "-config"];
  assert.equal(user(...rules).selectors[0].commandRules, "-@all +get -@read +client|id -config");
  assert.equal(user("+@read", "+@all", "-get", "+get").selectors[0].commandRules, "+@all +get");
});

test("a user is unrestricted only when one selector allows everything", () => {
  assert.ok(user("+@all", "~*", "&*").isUnrestricted);
  assert.ok(!user("+@all", "~*", "&*", "-get", "+get").isUnrestricted);
  assert.ok(!user("+@all", "(~* &*)").isUnrestricted);
  assert.ok(user("-@all", "(+@all ~* &*)").isUnrestricted);
});

test("what the selector that got furthest forbids is told", () => {
  const who = user("+get", "~a", "(+set ~b)", "(+mget ~x ~y)");
  assert.equal(denied(who, "GET a"), null);
  assert.equal(denied(who, "GET b"), "key b");
  assert.equal(denied(who, "DEL a"), "command del");
  assert.equal(denied(who, "MGET x y z"), "key z");
});

test("SORT by foreign keys wants the right to read every key", () => {
  const sort = commands.find(["SORT", "a"]);
  const refusal = (who: User, line: string): string | null =>
    sortRefusal(who, sort, line.split(" "))?.message ?? null;
  const narrow = user("+sort", "~a");
  assert.equal(refusal(narrow, "SORT a BY nosort LIMIT 0 1 STORE a"), null);
  assert.match(refusal(narrow, "SORT a BY w_* ALPHA") ?? "", /^ERR BY option of SORT denied/);
  assert.match(refusal(narrow, "SORT a LIMIT 0 1 GET #") ?? "", /^ERR GET option of SORT denied/);
  assert.equal(refusal(user("+sort", "%R~*"), "SORT a BY w_* GET o_*"), null);
  assert.match(refusal(user("+sort", "%W~*"), "SORT a BY w_*") ?? "", /^ERR BY/);
});

test("passwords let in, and a user who is off stays out", () => {
  const users = new Users(commands);
  users.setDefaultPassword("\xff secret");
  assert.equal(users.isOpen, false);
  assert.equal(users.authenticate(null, "\xff secret"), users.default);
  for (const password of ["", "secret", "\xff secret ", "\xff Secret"]) {
    assert.throws(() => users.authenticate("default", password), WRONG_PASS);
  }
  users.setDefaultPassword("");
  assert.equal(users.isOpen, true);
  assert.throws(() => users.authenticate(null, "any"), /without any password configured/);
  users.adopt(users.draft("u", ["on", ">one", ">two", "<one"]));
  assert.throws(() => users.authenticate("u", "one"), WRONG_PASS);
  assert.equal(users.authenticate("u", "two").name, "u");
  users.adopt(users.draft("u", ["off"]));
  assert.throws(() => users.authenticate("u", "two"), WRONG_PASS);
});

test("a file is taken as a whole or not at all", () => {
  const users = new Users(commands);
  users.adopt(users.draft("old", ["on"]));
  assert.match(users.load("user new on\nuser bad +nosuch\n", "f") ?? "", /^f:2: .*no change/);
  assert.deepEqual(
    users.all.map(({ name }) => name),
    ["default", "old"],
  );
  assert.equal(users.load("  user new on  ~a\r\n\n", "f"), null);
  assert.equal(
    users.fileText,
    "user default on nopass sanitize-payload ~* &* +@all\n" +
      "user new on sanitize-payload ~a resetchannels -@all\n",
  );
  assert.equal(users.load(users.fileText, "f"), null);
});

test("repetitions within a minute are one entry of the log, the newest first", () => {
  const log = new AclLog(2);
  const event: AclEvent = {
    reason: "key",
    context: "toplevel",
    object: "a",
    userName: "u",
    client: "",
  };
  log.add(event, 0);
  log.add({ ...event, object: "b" }, 1000);
  log.add(event, 60_000);
  log.add(event, 60_001);
  const told = log.newest(10).map(({ id, count, object }) => `${id} ${count} ${object}`);
  assert.deepEqual(told, ["2 1 a", "0 2 a"]);
});
