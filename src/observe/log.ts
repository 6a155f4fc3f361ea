// The server's log: one line an entry, in the form redis-server uses, which log shippers know:
//
//   <pid>:M <day> <month> <year> <hour>:<minute>:<second>.<ms> <mark> <text>
//
// marks: . debug, - verbose, * notice, # warning. Times are UTC.

export type LogLevel = "debug" | "verbose" | "notice" | "warning";

const LEVELS: readonly LogLevel[] = ["debug", "verbose", "notice", "warning"];
const MARKS: Readonly<Record<LogLevel, string>> = {
  debug: ".",
  verbose: "-",
  notice: "*",
  warning: "#",
};
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export interface LogParts {
  readonly write: (line: string) => void;
  readonly nowMs: () => number;
  readonly processId: number;
}

export class Log {
  level: LogLevel = "notice";
  readonly #parts: LogParts;

  constructor(parts: LogParts) {
    this.#parts = parts;
  }

  debug(text: string): void {
    this.#put("debug", text);
  }

  verbose(text: string): void {
    this.#put("verbose", text);
  }

  notice(text: string): void {
    this.#put("notice", text);
  }

  warning(text: string): void {
    this.#put("warning", text);
  }

  #put(level: LogLevel, text: string): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.level)) return;
    const { write, nowMs, processId } = this.#parts;
    // One entry stays one line, whatever a client put into the text.
    const line = text.replaceAll(/[\r\n]+/g, " ");
    write(`${processId}:M ${timestamp(nowMs())} ${MARKS[level]} ${line}\n`);
  }
}

function timestamp(atMs: number): string {
  const at = new Date(atMs);
  const day = two(at.getUTCDate());
  const month = MONTHS[at.getUTCMonth()] ?? "";
  const time = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(":");
  const ms = String(at.getUTCMilliseconds()).padStart(3, "0");
  return `${day} ${month} ${at.getUTCFullYear()} ${time}.${ms}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
