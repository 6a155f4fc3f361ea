// The program kept-server: command line to configuration, configuration to a running server, and the
// ways it ends. SIGTERM, SIGINT and SHUTDOWN settle what is written and end with 0; a second signal
// ends at once. A bug of ours ends with 1 and touches no data: what is committed is on disk.
//
// With more than one of `processes` the program only starts others, itself with a role, and ends with them.

import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";

import { machineClock } from "../base/clock.ts";
import { seedKeyTables } from "../base/key-table.ts";
import { SeededRandom } from "../base/random.ts";
import { KEPT_VERSION } from "../base/version.ts";
import type { Config } from "../config/config.ts";
import { Log } from "../observe/log.ts";
import {
  decodeNews,
  decodeRole,
  ROLE_VARIABLE,
  type FromNode,
  type NodeRole,
} from "../server/node-role.ts";
import { Processes } from "../server/processes.ts";
import { StartFailed, startServer, type RunningServer } from "../server/start.ts";
import { readArguments, type Invocation } from "./arguments.ts";
import { boundHeap, boundYoung } from "./heap.ts";

type Serve = Extract<Invocation, { kind: "serve" }>;
type Got = { readonly content: string } | { readonly problem: string };

/** For standard input: the descriptor every process has it at. */
const STDIN = 0;

/**
 * On two processors the threads that help with the collection of young objects only take turns with the
 * event loop, which waits for them: a SET or INCR at P=16 costs a twentieth less without.
 */
const FEW_PROCESSORS = 2;
const FEW_PROCESSORS_FLAGS = "--no-parallel-scavenge";

/** What came by standard input: the processes of a server of several read it again. */
let input: string | null = null;

async function main(): Promise<void> {
  seedKeyTables(randomBytes(4).readInt32LE());
  boundYoung();
  const role = takeRole();
  const processors = Math.floor(availableParallelism() / (role?.nodes.length ?? 1));
  if (processors <= FEW_PROCESSORS) setFlagsFromString(FEW_PROCESSORS_FLAGS);
  const invocation = readArguments(process.argv.slice(2), {
    version: KEPT_VERSION,
    readFile: (path) => readBytes(path),
    readStdin: () => {
      const got = readBytes(STDIN);
      if ("content" in got) input = got.content;
      return got;
    },
  });
  switch (invocation.kind) {
    case "say":
      process.stdout.write(invocation.text);
      return;
    case "refuse":
      process.stderr.write(invocation.text);
      process.exitCode = 1;
      return;
    case "serve":
      if (role === null && invocation.config.get("processes") > 1) await serveByMany(invocation);
      else await serve(invocation, role);
  }
}

/** Of one of several; null for the only process, and for the one that starts several. */
function takeRole(): NodeRole | null {
  const text = process.env[ROLE_VARIABLE];
  Reflect.deleteProperty(process.env, ROLE_VARIABLE);
  return text === undefined || process.send === undefined ? null : decodeRole(text);
}

function readBytes(file: string | number): Got {
  try {
    return { content: readFileSync(file, "latin1") };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { problem: error.message };
  }
}

/** Starts the processes, and starts those again that die. */
async function serveByMany({ config }: Serve): Promise<void> {
  const log = openLog(config);
  if (log === null) return;
  try {
    const processes = await Processes.prepare({
      config,
      log,
      program: process.argv[1] ?? "",
      args: process.argv.slice(2),
      input,
      onEnd: (isWell) => {
        log.notice("All processes are down, bye.");
        process.exit(isWell ? 0 : 1);
      },
    });
    obeySignals(processes, log);
    await processes.start();
    log.notice(
      `All ${processes.ports.length} processes are up, at ports ${processes.ports.join(" ")}`,
    );
  } catch (error) {
    refuseToStart(error, log);
  }
  const pidFile = config.get("pidfile");
  if (pidFile !== "") keepPidFile(pidFile, log);
}

function obeySignals(processes: Processes, log: Log): void {
  let isAsked = false;
  const stop = (name: string): void => {
    if (isAsked) {
      log.warning(`Received ${name} again: killing the processes.`);
      processes.kill();
      process.exit(1);
    }
    isAsked = true;
    log.notice(`Received ${name}: shutting down all processes.`);
    processes.stop();
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGHUP", () => log.verbose("SIGHUP has no meaning here."));
}

/** What one of several tells the one that started it, and hears from it. */
function keepTouch(running: RunningServer, end: End): void {
  const tell = (message: FromNode): void => {
    process.send?.(message);
  };
  process.on("message", (message) => {
    const news = decodeNews(message);
    if (news !== null) running.bus?.setUp(news.index, news.isUp);
  });
  tell("ready");
  // Nobody would start us again, or stop us.
  process.on("disconnect", () => end.abandoned());
}

async function serve({ config, configFile }: Serve, role: NodeRole | null): Promise<void> {
  const log = openLog(config);
  if (log === null) return;
  boundHeap(config.get("object-cache-size"));
  const end = new End(log, role !== null);
  if (configFile === null && role === null)
    log.notice("No configuration file given: defaults are in use.");
  try {
    end.running = await startServer(config, {
      clock: machineClock,
      random: new SeededRandom(randomBytes(4).readUInt32LE()),
      log,
      configFile,
      node: role,
      onShutdown: () => {
        if (role === null) end.stop();
        else process.send?.("shutdown" satisfies FromNode);
      },
      onBug: (error) => end.bug(error),
    });
  } catch (error) {
    refuseToStart(error, log);
  }
  if (role !== null && end.running !== null) {
    keepTouch(end.running, end);
    return;
  }
  const pidFile = config.get("pidfile");
  if (pidFile !== "") keepPidFile(pidFile, log);
}

function refuseToStart(error: unknown, log: Log): never {
  if (!(error instanceof StartFailed)) throw error;
  log.warning(error.message);
  // Where there is a log file, whoever started us by hand looks at the terminal.
  process.stderr.write(`kept-server: ${error.message}\n`);
  process.exit(1);
}

/** Written once the server is up, so that a second one that is refused leaves it alone. */
function keepPidFile(path: string, log: Log): void {
  const content = `${process.pid}\n`;
  try {
    writeFileSync(path, content);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    log.warning(`Failed to write the pidfile: ${error.message}`);
    return;
  }
  process.on("exit", () => {
    try {
      // Another server may have been given the same one meanwhile.
      if (readFileSync(path, "latin1") === content) unlinkSync(path);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  });
}

/** Null when the log file cannot be written: that has been said, and the exit code is set. */
function openLog(config: Config): Log | null {
  const path = config.get("logfile");
  if (path === "") return newLog(config, writeToStdout);
  try {
    closeSync(openSync(path, "a"));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    process.stderr.write(`kept-server: can't open the log file: ${error.message}\n`);
    process.exitCode = 1;
    return null;
  }
  // Opened anew for each line, as redis-server does it: a rotated log needs no signal.
  return newLog(config, (line) => {
    try {
      appendFileSync(path, line);
    } catch (error) {
      // A full disk must not stop the server; what it says is lost.
      if (!isSystemError(error)) throw error;
    }
  });
}

function newLog(config: Config, write: (line: string) => void): Log {
  const log = new Log({ write, nowMs: () => machineClock.nowMs(), processId: process.pid });
  log.level = config.get("loglevel");
  config.onChange("loglevel", (level) => {
    log.level = level;
  });
  return log;
}

const STDOUT = 1;

/** At once, so that the last words before an exit are not lost. */
function writeToStdout(line: string): void {
  try {
    writeSync(STDOUT, line);
  } catch (error) {
    // Nobody reads the log any more, or not fast enough: the server goes on.
    if (!isSystemError(error)) throw error;
  }
}

/** How the process ends. */
class End {
  running: RunningServer | null = null;
  readonly #log: Log;
  #isStopping = false;

  constructor(log: Log, isOneOfMany: boolean) {
    this.#log = log;
    process.on("SIGTERM", () => this.#signalled("SIGTERM"));
    // A terminal sends it to all processes: the one that started us will tell us.
    process.on("SIGINT", () => {
      if (!isOneOfMany) this.#signalled("SIGINT");
    });
    // The terminal is gone; the log may still be a file.
    process.on("SIGHUP", () => log.verbose("SIGHUP has no meaning here."));
    process.on("uncaughtException", (error) => this.bug(error));
    process.on("unhandledRejection", (error) => this.bug(error));
  }

  bug(error: unknown): never {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log.warning("A bug in Kept: stopping at once, without touching the data. The error:");
    for (const line of words.split("\n")) this.#log.warning(line);
    process.exit(1);
  }

  #signalled(name: string): void {
    if (this.#isStopping) {
      this.#log.warning(`Received ${name} again: exiting at once.`);
      process.exit(1);
    }
    this.#log.notice(`Received ${name}: shutting down.`);
    this.stop();
  }

  /** The process that has started this one is gone. */
  abandoned(): void {
    if (this.#isStopping) return;
    this.#log.warning("The process that started this one is gone: shutting down.");
    this.stop();
  }

  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    // Before the server is up nothing has been answered: there is nothing to settle.
    const stopped = this.running === null ? Promise.resolve() : this.running.stop();
    stopped.then(
      () => {
        this.#log.notice("Kept is down, bye.");
        process.exit(0);
      },
      (error: unknown) => this.bug(error),
    );
  }
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "code" in error;
}

await main();
