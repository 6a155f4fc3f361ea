// The command line of kept-server, by redis-server's conventions:
//
//   kept-server [config-file | -] [--directive value ...]... [-]
//
// The directives of the command line come after those of the file and so win over them. Each is made
// a line of a configuration file and parsed as one. Nothing is read or printed here: files and
// standard input come in as functions, what to say goes out as a value.

import { bytesOfText } from "../base/bytes.ts";
import { Config } from "../config/config.ts";
import { ConfigError, readFile, readText, type Directive, type ReadFile } from "../config/parse.ts";
import { settingNamed } from "../config/table.ts";
import { joinWords } from "../config/words.ts";

export type Invocation =
  | { readonly kind: "serve"; readonly config: Config; readonly configFile: string | null }
  /** For standard output; the process ends well. */
  | { readonly kind: "say"; readonly text: string }
  /** For standard error; the process ends with 1. */
  | { readonly kind: "refuse"; readonly text: string };

export interface World {
  readonly version: string;
  readonly readFile: ReadFile;
  /** All of standard input; called only when asked for by "-". */
  readonly readStdin: ReadFile;
}

export const USAGE = `Usage: kept-server [config-file] [--directive value ...]... [-]
       kept-server -                 (read the configuration from standard input)
       kept-server -v or --version
       kept-server -h or --help

Examples:
       kept-server                   (defaults: 127.0.0.1:6379, data in ./kept-data)
       kept-server kept.conf
       kept-server --port 7777 --dir data
       kept-server kept.conf --appendfsync always --save ""
       echo "port 7777" | kept-server -

All directives with their defaults: kept.conf and docs/configuration.md.
`;

const REFUSED: Readonly<Record<string, string>> = {
  "--test-memory": "kept-server does not test memory: use memtester or your firmware's test.\n",
  "--check-system": "kept-server does not check the system.\n",
  "--sentinel": "Kept is no sentinel.\n",
};

/** What the command line asks for; `args` without the program's own name. */
export function readArguments(args: readonly string[], world: World): Invocation {
  const [first = ""] = args;
  if (first === "-v" || first === "--version") {
    return { kind: "say", text: `Kept server v=${world.version}\n` };
  }
  if (first === "-h" || first === "--help") return { kind: "say", text: USAGE };
  const refused = args.find((arg) => REFUSED[arg] !== undefined);
  if (refused !== undefined) return { kind: "refuse", text: REFUSED[refused] ?? "" };
  try {
    return serve(args, world);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { kind: "refuse", text: error.report(world.version) };
  }
}

function serve(args: readonly string[], world: World): Invocation {
  const rest = [...args];
  const hasFile = rest[0] !== undefined && !rest[0].startsWith("-");
  const configFile = hasFile ? (rest.shift() ?? null) : null;
  const readsStdin = rest[0] === "-" || rest.at(-1) === "-";
  if (rest[0] === "-") rest.shift();
  else if (readsStdin) rest.pop();

  const directives: Directive[] = [];
  if (configFile !== null) directives.push(...readFile(configFile, world.readFile));
  if (readsStdin) directives.push(...readStdin(world));
  const lines = directiveLines(rest).join("\n");
  directives.push(...readText(lines, "the command line", world.readFile));
  return { kind: "serve", config: Config.of(directives), configFile };
}

function readStdin(world: World): Directive[] {
  const got = world.readStdin("-");
  if ("problem" in got) throw new ConfigError(`can't read standard input: ${got.problem}`, null);
  return readText(got.content, "the standard input", world.readFile);
}

/**
 * A line for each directive. A word that starts with "--" opens the next one, unless the directive
 * before it still waits for the only value it takes: a password may look like an option.
 */
function directiveLines(args: readonly string[]): string[] {
  const lines: string[] = [];
  let current: { readonly name: string; readonly words: string[] } | null = null;
  const close = (): void => {
    if (current === null) return;
    const { name, words } = current;
    // As redis-server has it, a bare --save means no snapshots.
    const isBareSave = name.toLowerCase() === "save" && words.length === 0;
    lines.push(`${name} ${joinWords(isBareSave ? [""] : words)}`.trimEnd());
  };
  for (const arg of args) {
    const bytes = bytesOfText(arg);
    if (current !== null && (!arg.startsWith("--") || waitsForValue(current))) {
      current.words.push(bytes);
      continue;
    }
    close();
    // "--port 7777" may be one argument; what is no option becomes a directive nobody knows.
    current = { name: arg.startsWith("--") ? bytes.slice(2) : bytes, words: [] };
  }
  close();
  return lines;
}

function waitsForValue(directive: { readonly name: string; readonly words: string[] }): boolean {
  const found = settingNamed(directive.name);
  return found !== null && !found.setting.type.takesMany && directive.words.length === 0;
}
