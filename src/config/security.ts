// Settings of passwords, access control, and of commands that are locked away.

import { immutable, runtime } from "./setting.ts";
import { keptLines, renamings } from "./special-types.ts";
import { choice, integer, MOST, path, text } from "./value-types.ts";

export const securitySettings = {
  requirepass: runtime(
    text,
    "",
    "Password of the default user, in clear; empty lets everybody in (see protected-mode).",
    { secret: true },
  ),
  user: immutable(
    keptLines,
    [],
    "A line of access control: a user and its rules, as ACL LIST shows them. Repeatable; not together with aclfile.",
    { fileOnly: true, secret: true },
  ),
  aclfile: immutable(
    path,
    "",
    "File of such lines, read at the start and by ACL LOAD, written by ACL SAVE.",
  ),
  "acl-pubsub-default": runtime(
    choice("allchannels", "resetchannels"),
    "resetchannels",
    "Channels a new user may use.",
  ),
  "acllog-max-len": runtime(integer(0, MOST), 128, "Entries ACL LOG holds."),
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
