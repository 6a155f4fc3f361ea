// Settings of passwords, access control, and of commands that are locked away.

import { immutable, runtime } from "./setting.ts";
import { keptLines, renamings } from "./special-types.ts";
import { choice, integer, MOST, only, path, text } from "./value-types.ts";

// What would let somebody in, or keep him out, is refused and not merely ignored.
const ONE_USER = "this build knows one user, the default one: see requirepass";
const noUsers = { noEffect: "this build knows one user, the default one" };

export const securitySettings = {
  requirepass: runtime(
    text,
    "",
    "Password of the default user, in clear; empty lets everybody in (see protected-mode).",
    { secret: true },
  ),
  user: immutable(
    only(keptLines, [], ONE_USER),
    [],
    "A line of access control: a user and its rules. Repeatable.",
    { ...noUsers, fileOnly: true, secret: true },
  ),
  aclfile: immutable(
    only(path, "", ONE_USER),
    "",
    "File of such lines, read and written by ACL LOAD and ACL SAVE.",
    noUsers,
  ),
  "acl-pubsub-default": runtime(
    choice("allchannels", "resetchannels"),
    "resetchannels",
    "Channels a new user may use.",
    noUsers,
  ),
  "acllog-max-len": runtime(integer(0, MOST), 128, "Entries ACL LOG holds.", noUsers),
  "rename-command": immutable(
    renamings,
    [],
    'Gives a command another name; the name "" takes it away. Repeatable.',
    { fileOnly: true },
  ),
  "enable-protected-configs": immutable(
    choice("no", "yes", "local"),
    "no",
    "Who may change guarded settings by CONFIG SET: nobody, all, or connections of this machine.",
  ),
  "enable-debug-command": immutable(
    choice("no", "yes", "local"),
    "no",
    "Who may use DEBUG: nobody, all, or connections of this machine.",
  ),
  "enable-module-command": immutable(choice("no", "yes", "local"), "no", "Who may use MODULE.", {
    noEffect: "there are no modules",
  }),
};
