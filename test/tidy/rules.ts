// What the tidy test holds the tree to, as pure functions from a file to its violations. The doors
// (which room may import which) come in as an argument: they stand in test/tidy.test.ts.

import { dirname, join } from "node:path/posix";

import { importsOf, lineAt, type Import, type Source } from "./source.ts";

/**
 * A room of src/ and what it may import beyond itself and base. An entry is a room, or
 * `room/file.ts`: that one file, or `type room/file.ts`: that one file, for its types only.
 */
export type Doors = Readonly<Record<string, readonly string[]>>;

interface Ban {
  readonly what: RegExp;
  readonly instead: string;
  readonly reads: "code" | "comments" | "text";
  readonly applies: (path: string) => boolean;
}

const LINES_MAX = 800;
/** The engine, and the reader of what is damaged. */
const ENGINE_FILES = [
  "src/engine/rocksdb.ts",
  "src/engine/rocks-borrowed.ts",
  "src/engine/rocks-reader.ts",
];
const BINDING = "@kept/rocksdb";
const ONLY_IN_TESTS = ["fast-check", "node:test"];
const OUTSIDE_TIME = ["node:timers", "node:timers/promises", "node:perf_hooks"];

const isTest = (path: string): boolean => path.endsWith(".test.ts");
const inRooms = (path: string, ...rooms: string[]): boolean =>
  rooms.some((room) => path.startsWith(`src/${room}/`));
const runsOnASeed = (path: string): boolean =>
  path.startsWith("src/") &&
  !isTest(path) &&
  path !== "src/base/clock.ts" &&
  !inRooms(path, "server", "cli");
const inProduct = (path: string): boolean => path.startsWith("src/") && !isTest(path);

const BANS: readonly Ban[] = [
  {
    what: /\bDate\.now\b|\bnew Date\(\s*\)|\bprocess\.hrtime\b|\bperformance\.now\b/g,
    instead: "take a Clock as an argument (src/base/clock.ts), or View's nowMs",
    reads: "code",
    applies: runsOnASeed,
  },
  {
    what: /\bset(?:Timeout|Interval|Immediate)\b/g,
    instead: "take a Clock as an argument (src/base/clock.ts) and let it wake you",
    reads: "code",
    applies: runsOnASeed,
  },
  {
    what: /\bMath\.random\b/g,
    instead: "take a seeded Random as an argument (src/base)",
    reads: "code",
    applies: runsOnASeed,
  },
  {
    what: /\bconsole\./g,
    instead: "write to the logger (src/observe)",
    reads: "code",
    applies: (path) => inProduct(path) && !inRooms(path, "cli"),
  },
  {
    what: /\bprocess\.exit\s*\(/g,
    instead: "throw or return; src/cli decides how the process ends",
    reads: "code",
    applies: (path) => inProduct(path) && !inRooms(path, "cli"),
  },
  {
    what: /\bexport\s+default\b/g,
    instead: "export by name",
    reads: "code",
    applies: (path) => path.endsWith(".ts"),
  },
  {
    what: /\b(?:TODO|FIXME|XXX|HACK)\b/g,
    instead: "do it, or open an issue",
    reads: "comments",
    applies: (path) => !path.endsWith(".md"),
  },
  {
    // oxlint-disable-next-line no-control-regex -- the range is the point: all that is not ASCII
    what: /[^\x00-\x7f]+/g,
    instead: "write it as an escape: text inside the server is binary strings",
    reads: "text",
    applies: (path) => path.startsWith("src/"),
  },
  {
    what: /\b(?:registry|deb|security|archive|mirrors?)\.(?:[a-z0-9-]+\.)+(?:org|com|net|io|dev)\b/g,
    instead: "name the package; where it comes from is the machine's affair",
    reads: "text",
    applies: () => true,
  },
  {
    what: /(?<![\w.~}*-])\/(?:work|root)\/[\w.]+/g,
    instead: "no path of one machine: os.tmpdir(), or relative to the tree",
    reads: "text",
    applies: () => true,
  },
];

/** Every violation in one file, each as `path:line: what, and what to do instead`. */
export function violations(source: Source, doors: Doors): string[] {
  const found = [...banned(source), ...tooLong(source)];
  if (!source.path.endsWith(".ts")) return found;
  for (const one of importsOf(source)) {
    const complaint = complaintAbout(one, source.path, doors);
    if (complaint !== null) found.push(`${source.path}:${one.line}: ${complaint}`);
  }
  if (source.path.startsWith("src/") && doors[roomOf(source.path)] === undefined) {
    found.push(`${source.path}:1: "${roomOf(source.path)}" is no room of the table of doors`);
  }
  return found;
}

/** A way round through the doors, as a list of rooms that ends where it began; null if none. */
export function circle(doors: Doors): string[] | null {
  const settled = new Set<string>();
  const walk = (room: string, path: readonly string[]): string[] | null => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room];
    if (settled.has(room)) return null;
    for (const door of doors[room] ?? []) {
      const found = walk(roomOfDoor(door), [...path, room]);
      if (found !== null) return found;
    }
    settled.add(room);
    return null;
  };
  for (const room of Object.keys(doors)) {
    const found = walk(room, []);
    if (found !== null) return found;
  }
  return null;
}

/** The rooms that some door names and the table does not have. */
export function unknownRooms(doors: Doors): string[] {
  return Object.values(doors)
    .flat()
    .map(roomOfDoor)
    .filter((room) => doors[room] === undefined);
}

function banned(source: Source): string[] {
  const found: string[] = [];
  for (const ban of BANS) {
    if (!ban.applies(source.path)) continue;
    for (const match of source[ban.reads].matchAll(ban.what)) {
      const line = lineAt(source, match.index);
      found.push(`${source.path}:${line}: ${JSON.stringify(match[0])}: ${ban.instead}`);
    }
  }
  return found;
}

function tooLong(source: Source): string[] {
  if (!source.path.startsWith("src/")) return [];
  const count = source.text.split("\n").length - 1;
  if (count <= LINES_MAX) return [];
  return [`${source.path}:${LINES_MAX + 1}: ${count} lines, at most ${LINES_MAX}: divide it`];
}

function complaintAbout(one: Import, path: string, doors: Doors): string | null {
  if (path.startsWith("packages/")) return complaintInPackage(one, path);
  if (!path.startsWith("src/")) return null;
  if (!one.target.startsWith(".")) return complaintOutside(one, path);

  const target = join(dirname(path), one.target);
  if (!target.startsWith("src/")) return `imports ${target}, which is not in src/`;
  const [from, to] = [roomOf(path), roomOf(target)];
  if (from === to || to === "base") return null;
  const open = doors[from] ?? [];
  if (open.includes(to)) return null;
  const file = target.slice("src/".length);
  if (open.includes(file) || (one.isTypeOnly && open.includes(`type ${file}`))) return null;
  return `${from} imports ${to}: no such door (${one.target})`;
}

function complaintInPackage(one: Import, path: string): string | null {
  const home = path.split("/").slice(0, 2).join("/");
  if (!one.target.startsWith(".")) return null;
  const target = join(dirname(path), one.target);
  return target.startsWith(`${home}/`) ? null : `imports ${target}, outside its package`;
}

function complaintOutside(one: Import, path: string): string | null {
  const { target } = one;
  if (target === BINDING) {
    return ENGINE_FILES.includes(path)
      ? null
      : `imports ${BINDING}: only ${ENGINE_FILES.join(" and ")} may`;
  }
  if (ONLY_IN_TESTS.includes(target)) return isTest(path) ? null : `imports ${target} in no test`;
  if (OUTSIDE_TIME.includes(target) && runsOnASeed(path)) {
    return `imports ${target}: take a Clock as an argument (src/base/clock.ts)`;
  }
  return target.startsWith("node:") ? null : `imports ${target}: the server has no such dependency`;
}

function roomOf(path: string): string {
  const [, room = "", ...rest] = path.split("/");
  return rest.length === 0 ? "" : room;
}

function roomOfDoor(door: string): string {
  return door.replace(/^type /, "").replace(/\/.*$/, "");
}
