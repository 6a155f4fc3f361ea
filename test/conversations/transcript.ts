// A transcript: commands and the replies they must get. Grammar, line by line:
//
//   # anything              for the reader
//   # differs: reason       the next command's reply is Kept's; Redis 7.0 answers otherwise, and why
//   > SET a b               a command
//   OK                      its reply (notation.ts), as RESP2 shows it
//
// Blank lines part; every command has one reply.

import type { Bytes } from "../../src/base/bytes.ts";
import { asResp2, format, parse, parseCommand } from "./notation.ts";
import type { Reply } from "../../src/resp/reply.ts";

/** Whatever can be spoken to: the handlers alone, a whole server, Debian's redis-server. */
export interface Target {
  send(args: readonly Bytes[]): Promise<Reply>;
}

export interface Exchange {
  readonly lineNumber: number;
  readonly command: string;
  readonly args: readonly Bytes[];
  readonly expected: Reply;
  /** Why Redis 7.0 answers otherwise; null when it answers the same. */
  readonly differs: string | null;
}

const DIFFERS = "# differs: ";

/** Throws NotationError, and Error where the lines are out of order. */
export function readTranscript(text: string): Exchange[] {
  const exchanges: Exchange[] = [];
  let open: { lineNumber: number; command: string } | null = null;
  let differs: string | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    const lineNumber = index + 1;
    if (line.startsWith(DIFFERS)) differs = line.slice(DIFFERS.length);
    if (line === "" || line.startsWith("# ") || line === "#") continue;
    if (line.startsWith("> ")) {
      if (open !== null) throw new Error(`line ${open.lineNumber}: no reply`);
      open = { lineNumber, command: line.slice(2) };
      continue;
    }
    if (open === null) throw new Error(`line ${lineNumber}: a reply to no command`);
    const args = parseCommand(open.command);
    exchanges.push({ ...open, args, expected: parse(line), differs });
    open = null;
    differs = null;
  }
  if (open !== null) throw new Error(`line ${open.lineNumber}: no reply`);
  if (differs !== null) throw new Error(`"${DIFFERS}${differs}" stands before no command`);
  return exchanges;
}

/** Every exchange that went otherwise, as "line 3: > GET a: wanted nil, got 1". */
export async function replay(target: Target, exchanges: readonly Exchange[]): Promise<string[]> {
  const complaints: string[] = [];
  // Handlers alone answer with what either protocol is made of.
  let isResp3 = false;
  for (const exchange of exchanges) {
    const [name, version] = exchange.args;
    if (name === "HELLO") isResp3 = version === "3";
    const reply = await target.send(exchange.args);
    const got = format(isResp3 ? reply : asResp2(reply));
    const wanted = format(exchange.expected);
    if (got !== wanted) complaints.push(describe(exchange, `wanted ${wanted}, got ${got}`));
  }
  return complaints;
}

/** As `replay`, for the oracle: a reply marked as different must indeed be. */
export async function replayOnOracle(
  target: Target,
  exchanges: readonly Exchange[],
): Promise<string[]> {
  const complaints: string[] = [];
  for (const exchange of exchanges) {
    const said = format(await target.send(exchange.args));
    const wanted = format(exchange.expected);
    if (exchange.differs === null && said !== wanted) {
      complaints.push(describe(exchange, `the transcript has ${wanted}, Redis says ${said}`));
    }
    if (exchange.differs !== null && said === wanted) {
      complaints.push(describe(exchange, "marked as different, but Redis says the same"));
    }
  }
  return complaints;
}

/** The transcript with the replies that `target` gives, but for those marked as different. */
export async function rewritten(target: Target, text: string): Promise<string> {
  const lines: string[] = [];
  let isMarked = false;
  let command: string | null = null;
  const answer = async (): Promise<void> => {
    if (command !== null) lines.push(format(await target.send(parseCommand(command))));
    command = null;
  };
  for (const line of text.split("\n")) {
    const isReply = line !== "" && line !== "#" && !line.startsWith("# ") && !line.startsWith("> ");
    if (isReply && isMarked && command !== null) {
      await target.send(parseCommand(command));
      command = null;
    }
    if (isReply && !isMarked) continue;
    await answer();
    if (line.startsWith(DIFFERS)) isMarked = true;
    else if (isReply) isMarked = false;
    if (line.startsWith("> ")) command = line.slice(2);
    lines.push(line);
  }
  await answer();
  return lines.join("\n");
}

function describe(exchange: Exchange, what: string): string {
  return `line ${exchange.lineNumber}: > ${exchange.command}: ${what}`;
}
