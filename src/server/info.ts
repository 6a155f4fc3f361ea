// INFO: what the server knows about itself, in Redis's sections and fields, so that tools that read them
// work; what Kept alone has stands in the sections `kept` and `rocksdb` and in a few fields of its
// own. A field that means nothing here is 0.

import type { Bytes } from "../base/bytes.ts";
import type { Command } from "../commands/lookup.ts";
import { reports, type InfoParts } from "./info-reports.ts";
import { number, type Fields } from "./info-fields.ts";

/** In the order they are told in. */
const SECTIONS = [
  "server",
  "clients",
  "memory",
  "persistence",
  "stats",
  "replication",
  "cpu",
  "modules",
  "commandstats",
  "errorstats",
  "latencystats",
  "cluster",
  "keyspace",
  "kept",
  "rocksdb",
] as const;

type Section = (typeof SECTIONS)[number];

const TITLES: Readonly<Record<Section, string>> = {
  server: "Server",
  clients: "Clients",
  memory: "Memory",
  persistence: "Persistence",
  stats: "Stats",
  replication: "Replication",
  cpu: "CPU",
  modules: "Modules",
  commandstats: "Commandstats",
  errorstats: "Errorstats",
  latencystats: "Latencystats",
  cluster: "Cluster",
  keyspace: "Keyspace",
  kept: "Kept",
  rocksdb: "RocksDB",
};

const UNASKED: ReadonlySet<Section> = new Set<Section>([
  "server",
  "clients",
  "memory",
  "persistence",
  "stats",
  "replication",
  "cpu",
  "modules",
  "errorstats",
  "cluster",
  "keyspace",
  "kept",
]);

export class Info {
  readonly #parts: InfoParts;

  constructor(parts: InfoParts) {
    this.#parts = parts;
  }

  /** The sections named, in whatever case; null for what is shown unasked. */
  text(names: readonly string[] | null): Bytes {
    const wanted = chosen(names);
    const told: string[] = [];
    for (const section of SECTIONS) {
      if (!wanted.has(section)) continue;
      let text = `# ${TITLES[section]}\r\n`;
      for (const [name, value] of this.#fields(section)) text += `${name}:${value}\r\n`;
      told.push(text);
    }
    return told.join("\r\n");
  }

  #fields(section: Section): Fields {
    return REPORTS[section](this.#parts);
  }
}

const REPORTS: Readonly<Record<Section, (parts: InfoParts) => Fields>> = {
  ...reports,
  commandstats: commandStats,
  errorstats: errorStats,
  latencystats: latencyStats,
};

function chosen(names: readonly string[] | null): ReadonlySet<Section> {
  if (names === null) return UNASKED;
  const wanted = new Set<Section>();
  for (const name of names.map((text) => text.toLowerCase())) {
    if (name === "default") for (const section of UNASKED) wanted.add(section);
    for (const section of SECTIONS) {
      const isInAll = name === "everything" || (name === "all" && section !== "modules");
      if (isInAll || name === section) wanted.add(section);
    }
  }
  return wanted;
}

function* calledCommands({ core }: InfoParts): Generator<Command> {
  for (const command of core.commands.all) {
    for (const one of [command, ...command.subcommands.values()]) {
      const { calls, rejectedCalls, failedCalls } = one.stats;
      if (calls + rejectedCalls + failedCalls > 0) yield one;
    }
  }
}

function commandStats(parts: InfoParts): Fields {
  const fields: [string, string][] = [];
  for (const { name, stats } of calledCommands(parts)) {
    const { calls, microseconds, rejectedCalls, failedCalls } = stats;
    const each = calls === 0 ? 0 : microseconds / calls;
    fields.push([
      `cmdstat_${name}`,
      `calls=${calls},usec=${Math.floor(microseconds)},usec_per_call=${number(each, 2)},` +
        `rejected_calls=${rejectedCalls},failed_calls=${failedCalls}`,
    ]);
  }
  return fields;
}

function errorStats({ errorCounts }: InfoParts): Fields {
  return [...errorCounts].map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

function latencyStats(parts: InfoParts): Fields {
  if (!parts.config.get("latency-tracking")) return [];
  const percentiles = parts.config.get("latency-tracking-info-percentiles");
  const fields: [string, string][] = [];
  for (const { name, stats } of calledCommands(parts)) {
    const values = percentiles.map(
      (percent) => `p${percent}=${number(stats.histogram.percentile(percent), 3)}`,
    );
    fields.push([`latency_percentiles_usec_${name}`, values.join(",")]);
  }
  return fields;
}
