// LATENCY: when the server was slow, and how long commands take. What is kept is in
// observe/latency.ts; the histograms are in the command table.

import type { Bytes } from "../base/bytes.ts";
import { CommandError } from "../resp/errors.ts";
import { MapReply, Verbatim, type Reply } from "../resp/reply.ts";
import { string } from "./argument-specs.ts";
import { helpRow } from "./help.ts";
import type { Command } from "./lookup.ts";
import type { LatencyPort, ServerPort } from "./ports.ts";
import { at, NO_KEYS, type Args, type CommandRows, type ServerCommand } from "./table.ts";

type Event = NonNullable<ReturnType<LatencyPort["event"]>>;

const COLUMNS_MAX = 80;
const ROW_COUNT = 4;

const common = {
  flags: ["admin", "noscript", "loading", "stale"],
  keys: NO_KEYS,
  group: "server",
  since: "2.8.13",
} as const satisfies Partial<ServerCommand>;

export const latencyCommands: CommandRows = {
  LATENCY: {
    kind: "container",
    arity: -2,
    flags: [],
    keys: NO_KEYS,
    group: "server",
    since: "2.8.13",
    summary: "When the server was slow, and why.",
    complexity: "Depends on the subcommand",
    subcommands: {
      LATEST: {
        ...common,
        kind: "server",
        arity: 2,
        summary: "Shows for every event when it last was slow, how slow, and the worst.",
        complexity: "O(1)",
        run: (server) =>
          server.latency.events.map((event) => {
            const last = event.samples.at(-1);
            return [event.name, last?.atSeconds ?? 0, last?.milliseconds ?? 0, event.worstMs];
          }),
      },
      HISTORY: {
        ...common,
        kind: "server",
        arity: 3,
        summary: "Shows the samples of one event, oldest first.",
        complexity: "O(1)",
        arguments: [string("event")],
        run(server, args) {
          const samples = server.latency.event(at(args, 2))?.samples ?? [];
          return samples.map(({ atSeconds, milliseconds }) => [atSeconds, milliseconds]);
        },
      },
      RESET: {
        ...common,
        kind: "server",
        arity: -2,
        summary: "Forgets the samples of some events, or of all.",
        complexity: "O(1)",
        arguments: [{ name: "event", type: "string", optional: true, multiple: true }],
        run: (server, args) => server.latency.reset(args.slice(2)),
      },
      GRAPH: {
        ...common,
        kind: "server",
        arity: 3,
        summary: "Draws the samples of one event.",
        complexity: "O(1)",
        arguments: [string("event")],
        run: graph,
      },
      DOCTOR: {
        ...common,
        kind: "server",
        arity: 2,
        summary: "Tells in words what was slow.",
        complexity: "O(1)",
        run: (server) => new Verbatim("txt", report(server)),
      },
      HISTOGRAM: {
        ...common,
        kind: "server",
        arity: -2,
        since: "7.0.0",
        summary: "Shows how often commands took how many microseconds, added up.",
        complexity: "O(N), N being the number of commands shown",
        arguments: [{ name: "command", type: "string", optional: true, multiple: true }],
        run: histogram,
      },
      HELP: helpRow(
        "LATENCY",
        [
          ["DOCTOR", "Tells in words what was slow."],
          ["GRAPH <event>", "Draws the samples of an event."],
          ["HISTOGRAM [<command> ...]", "Shows how long commands take."],
          ["HISTORY <event>", "Shows the samples of an event as time and milliseconds."],
          ["LATEST", "Shows the newest sample and the worst of every event."],
          ["RESET [<event> ...]", "Forgets the samples of some events, or of all."],
        ],
        { group: "server", since: "2.8.13" },
      ),
    },
  },
};

function graph(server: ServerPort, args: Args): Reply {
  const name = at(args, 2);
  const event = server.latency.event(name);
  if (event === null) throw new CommandError(`ERR No samples available for event '${name}'`);
  const nowSeconds = Math.floor(server.nowMs() / 1000);
  return new Verbatim("txt", drawn(event, nowSeconds));
}

/** A column a sample, newest right, and under each how long ago it was. */
function drawn(event: Event, nowSeconds: number): Bytes {
  const samples = event.samples.slice(-COLUMNS_MAX);
  const times = samples.map(({ milliseconds }) => milliseconds);
  const [low, high] = [Math.min(...times), Math.max(...times)];
  const span = Math.max(1, high - low);
  const heights = times.map((time) => 1 + Math.round(((time - low) / span) * (ROW_COUNT - 1)));
  const ages = samples.map(({ atSeconds }) => shortAge(nowSeconds - atSeconds));
  const lines = [
    `${event.name} - high ${high} ms, low ${low} ms (all time high ${event.worstMs} ms)`,
  ];
  lines.push("-".repeat(COLUMNS_MAX));
  for (let row = ROW_COUNT; row >= 1; row--) {
    lines.push(heights.map((height) => (height >= row ? "#" : " ")).join(""));
  }
  lines.push("");
  const ageLength = Math.max(...ages.map((age) => age.length));
  for (let index = 0; index < ageLength; index++) {
    lines.push(ages.map((age) => age[index] ?? " ").join(""));
  }
  return `${lines.join("\n")}\n`;
}

function shortAge(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

function report({ latency }: ServerPort): Bytes {
  if (latency.thresholdMs === 0) {
    return (
      "Latency is not watched. CONFIG SET latency-monitor-threshold <milliseconds> " +
      "notes whatever takes that long.\n"
    );
  }
  const { events } = latency;
  if (events.length === 0) {
    return `Nothing has taken ${latency.thresholdMs} ms or more since the last reset.\n`;
  }
  const lines = events.map((event, index) => {
    const total = event.samples.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    const average = Math.round(total / event.samples.length);
    const count = event.samples.length === 1 ? "1 spike" : `${event.samples.length} spikes`;
    return `${index + 1}. ${event.name}: ${count}, ${average} ms on average, ${event.worstMs} ms at worst.`;
  });
  lines.push("", "What can be done:");
  if (events.some(({ name }) => name.endsWith("command"))) {
    lines.push("- SLOWLOG GET shows the commands that took long; look for O(N) ones on big keys.");
  }
  lines.push("- Look whether the disk or the processors were busy with something else.");
  return `${lines.join("\n")}\n`;
}

function histogram(server: ServerPort, args: Args): Reply {
  const wanted = args.length > 2 ? args.slice(2).flatMap((name) => named(server, name)) : null;
  const commands = wanted ?? server.commands.all.flatMap(withSubcommands);
  const shown = new Set(commands.filter(({ stats }) => stats.calls > 0));
  return new MapReply(
    [...shown].flatMap((command) => {
      const steps = command.stats.histogram.cumulative();
      const facts = [
        "calls",
        command.stats.calls,
        "histogram_usec",
        new MapReply(steps.flatMap(({ bound, count }) => [bound, count])),
      ];
      return [command.name, new MapReply(facts)];
    }),
  );
}

/** A container stands for its subcommands; what is unknown for nothing. */
function named(server: ServerPort, name: Bytes): Command[] {
  const command = server.commands.byFullName(name);
  return command === null ? [] : withSubcommands(command);
}

function withSubcommands(command: Command): Command[] {
  const found = [command, ...command.subcommands.values()];
  return command.bare === null ? found : [command.bare, ...found];
}
