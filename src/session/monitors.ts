// MONITOR: connections that are shown every command as it runs, one line each.

import type { Bytes } from "../base/bytes.ts";
import type { Command } from "../commands/lookup.ts";
import { redacted } from "../commands/redact.ts";
import type { Args } from "../commands/table.ts";
import { Status } from "../resp/reply.ts";
import type { Session } from "./session.ts";

export class Monitors {
  readonly #sessions = new Set<Session>();

  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  get count(): number {
    return this.#sessions.size;
  }

  has(session: Session): boolean {
    return this.#sessions.has(session);
  }

  add(session: Session): void {
    this.#sessions.add(session);
  }

  remove(session: Session): void {
    this.#sessions.delete(session);
  }

  /** Shows a command that has just run. */
  feed(session: Session, command: Command, args: Args, how = BY_CLIENT): void {
    if (command.isHiddenFromMonitor) return;
    this.show(session, redacted(command, args), how);
  }

  /** The same for a command that is shown by another way than by having run: EVAL, before what it called. */
  show(session: Session, args: Args, { isLua } = BY_CLIENT): void {
    const { clock } = session.host;
    const nowMs = clock.nowMs();
    const seconds = Math.floor(nowMs / 1000);
    const fraction = String((nowMs % 1000) * 1000).padStart(6, "0");
    const words = shown(args);
    const from = isLua ? "lua" : session.address;
    const line = `${seconds}.${fraction} [${session.databaseIndex} ${from}] ${words}`;
    const message = new Status(line);
    for (const monitor of this.#sessions) monitor.push(message);
  }
}

const BY_CLIENT = { isLua: false };

/** So much of a command is shown: whoever watches need not hold every large value himself. */
const SHOWN_BYTES_MAX = 1024 * 1024;

function shown(args: Args): string {
  const words: string[] = [];
  let left = SHOWN_BYTES_MAX;
  for (const [index, argument] of args.entries()) {
    if (left <= 0) {
      words.push(`... (${args.length - index} more arguments)`);
      break;
    }
    const cut = argument.length - left;
    words.push(
      cut > 0 ? `${quoted(argument.slice(0, left))}... (${cut} more bytes)` : quoted(argument),
    );
    left -= argument.length + 1;
  }
  return words.join(" ");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  '"': '\\"',
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\x07": "\\a",
  "\b": "\\b",
};

/** In quotes, with everything that is not printable ASCII escaped: always one line. */
export function quoted(text: Bytes): string {
  const escaped = text.replaceAll(/[^ !#-[\]-~]/g, (char) => {
    return ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
