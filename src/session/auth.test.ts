import assert from "node:assert/strict";
import { test } from "node:test";

import { DefaultUserAuthenticator, WRONG_PASS } from "./auth.ts";

test("with a password only the default user with that password is let in", () => {
  const auth = new DefaultUserAuthenticator({ requirePass: "\xff secret" });
  assert.equal(auth.isOpen, false);
  assert.equal(auth.authenticate(null, "\xff secret"), "default");
  assert.equal(auth.authenticate("default", "\xff secret"), "default");
  for (const password of ["", "secret", "\xff secret ", "\xff Secret"]) {
    assert.throws(() => auth.authenticate(null, password), WRONG_PASS);
  }
  assert.throws(() => auth.authenticate("other", "\xff secret"), WRONG_PASS);
  assert.throws(() => auth.authenticate("", "\xff secret"), WRONG_PASS);
});

test("without one any password fits the default user by name, and none without", () => {
  const settings = { requirePass: "" };
  const auth = new DefaultUserAuthenticator(settings);
  assert.equal(auth.isOpen, true);
  assert.equal(auth.authenticate("default", "any"), "default");
  assert.throws(() => auth.authenticate(null, "any"), /without any password configured/);
  assert.throws(() => auth.authenticate("other", "any"), WRONG_PASS);
  settings.requirePass = "x";
  assert.equal(auth.isOpen, false);
});
