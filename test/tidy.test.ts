// The tree keeps its own rules: rooms import only through the doors below, and what the house
// style forbids is not there. The first half checks the tree; the second checks the checker, on
// small files that break one rule each: a check that cannot fail protects nothing.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";

import { circle, unknownRooms, violations, type Doors } from "./tidy/rules.ts";
import { importsOf, read } from "./tidy/source.ts";

// Every room may import itself and base. A room need not exist yet. `x/y.ts` opens one file of a
// room, `type x/y.ts` one file for its types only.
const DOORS: Doors = {
  base: [],
  observe: [],
  config: [],
  resp: [],
  encoding: [],
  engine: ["observe"],
  keyspace: ["observe", "resp/errors.ts", "encoding", "engine"],
  types: ["resp/errors.ts", "encoding", "keyspace"],
  commands: ["resp", "config", "keyspace", "types"],
  acl: ["resp", "commands"],
  commit: ["observe", "resp", "encoding", "engine", "keyspace", "type commands/table.ts"],
  scripting: ["resp", "keyspace", "commands"],
  pubsub: ["observe", "resp", "keyspace/event.ts"],
  cluster: ["observe", "resp", "encoding", "keyspace"],
  replication: ["observe", "engine", "commit"],
  background: ["observe", "config", "encoding", "engine", "keyspace", "commit"],
  // prettier-ignore
  session: [
    "observe", "config", "resp", "keyspace", "commands", "acl", "commit", "scripting", "pubsub",
    "cluster",
  ],
  // prettier-ignore
  server: [
    "observe", "config", "resp", "encoding", "engine", "keyspace", "types", "commands", "acl", "commit",
    "scripting", "pubsub", "cluster", "replication", "background", "session",
  ],
  cli: ["observe", "config", "server"],
};

const SKIPPED = /^(?:node_modules|build|dist|kept-data|\.git|\.stamps)$/;
const TEXT = /(?:\.(?:ts|js|json|cc|h|gyp|gypi|md|txt|sh|tcl|conf|html|css)|rc|Makefile|\/[^./]+)$/;

function filesUnder(folder: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(folder === "" ? "." : folder).sort()) {
    if (SKIPPED.test(name)) continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    if (statSync(path).isDirectory()) found.push(...filesUnder(path));
    else if (TEXT.test(path)) found.push(path);
  }
  return found;
}

function complaints(path: string, text: string): string[] {
  return violations(read(path, text), DOORS);
}

test("every file of the tree keeps the rules of the house", () => {
  const paths = filesUnder("");
  assert.ok(paths.includes("test/tidy.test.ts"), "run from the root of the tree");
  const found = paths.flatMap((path) => complaints(path, readFileSync(path, "utf8")));
  assert.deepEqual(found, [], `\n${found.join("\n")}\n`);
});

test("the doors lead nowhere in a circle and to no room that is not in the table", () => {
  assert.equal(circle(DOORS), null);
  assert.deepEqual(unknownRooms(DOORS), []);
  assert.deepEqual(circle({ a: ["b"], b: ["type a/x.ts"] }), ["a", "b", "a"]);
  assert.deepEqual(unknownRooms({ a: ["b"] }), ["b"]);
});

test("every folder of src is a room", () => {
  const folders = existsSync("src") ? readdirSync("src").filter(isFolderOfSrc) : [];
  assert.deepEqual(
    folders.filter((name) => DOORS[name] === undefined),
    [],
  );
});

function isFolderOfSrc(name: string): boolean {
  return statSync(`src/${name}`).isDirectory();
}

test("the table of docs/architecture.md shows these rooms and doors, and no others", () => {
  const page = readFileSync("docs/architecture.md", "utf8");
  assert.deepEqual(doorsOnPage(page), DOORS);
  const forced = page.replace("| observe, config, server |", "| observe, server |");
  assert.notEqual(forced, page);
  assert.notDeepEqual(doorsOnPage(forced), DOORS);
  const roomless = page.replace(/^\| cli \|.*\n/m, "");
  assert.notDeepEqual(doorsOnPage(roomless), DOORS);
});

/** The rows of the page's table of rooms: name, description, what it may import. */
function doorsOnPage(page: string): Doors {
  const table = /^\| Room \|.*\n\| --- .*\n((?:\|.*\n)+)/m.exec(page)?.[1] ?? "";
  const doors: Record<string, string[]> = {};
  for (const row of table.trimEnd().split("\n")) {
    const [room = "", , imports = ""] = row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    doors[room.replaceAll("*", "")] = imports === "-" ? [] : imports.split(", ");
  }
  return doors;
}

test("a forced door is reported, with the file and the line", () => {
  const text = '// Hash.\nimport { x } from "../encoding/hash.ts";\n';
  assert.deepEqual(complaints("src/commands/hash.ts", text), [
    "src/commands/hash.ts:2: commands imports encoding: no such door (../encoding/hash.ts)",
  ]);
});

test("each way to import is seen", () => {
  const forms = [
    'import {\n  a,\n  type B,\n} from "../server/x.ts";',
    'import "../server/x.ts";',
    'export * from "../server/x.ts";',
    'export { a } from "../server/x.ts";',
    'import type { A } from "../server/x.ts";',
    'const x = await import("../server/x.ts");',
    'type A = import("../server/x.ts").A;',
  ];
  for (const form of forms) assert.equal(complaints("src/types/a.ts", form).length, 1, form);
});

test("an import that stands in a comment, a string or a regex is none", () => {
  const text = [
    '// import { a } from "../server/x.ts";',
    "/* import '../server/x.ts' */",
    "const a = 'import \"../server/x.ts\"';",
    'const b = `import "../server/x.ts" ${a /* import "../server/x.ts" */}`;',
    'const c = /["`]/; const d = "import";',
  ].join("\n");
  assert.deepEqual(importsOf(read("src/types/a.ts", text)), []);
});

test("what stands after a tricky literal is still code", () => {
  for (const literal of ["/[/\"'`]/", '"\\""', "`${`${1}`}`", "`\\``", "a / b", "'//'", "`/*`"]) {
    const text = `const x = ${literal};\nDate.now();\n`;
    assert.equal(complaints("src/types/a.ts", text).length, 1, literal);
  }
});

test("a door to one file opens for that file, a type-only one for types alone", () => {
  const table = '{ Row } from "../commands/table.ts";';
  assert.deepEqual(complaints("src/commit/a.ts", `import type ${table}`), []);
  assert.equal(complaints("src/commit/a.ts", `import ${table}`).length, 1);
  assert.deepEqual(complaints("src/types/a.ts", 'import { x } from "../resp/errors.ts";'), []);
  assert.equal(complaints("src/types/a.ts", 'import { x } from "../resp/reply.ts";').length, 1);
  const other = 'import type { Row } from "../commands/hash.ts";';
  assert.equal(complaints("src/commit/a.ts", other).length, 1);
});

test("only the engine's file for RocksDB imports the binding", () => {
  const text = 'import { open } from "@kept/rocksdb";';
  assert.deepEqual(complaints("src/engine/rocksdb.ts", text), []);
  assert.equal(complaints("src/engine/memory.ts", text).length, 1);
  assert.equal(complaints("src/engine/rocksdb.test.ts", text).length, 1);
});

test("test libraries are for tests, and the server has no other dependency", () => {
  for (const name of ["fast-check", "node:test"]) {
    assert.deepEqual(complaints("src/base/a.test.ts", `import x from "${name}";`), []);
    assert.equal(complaints("src/base/a.ts", `import x from "${name}";`).length, 1, name);
  }
  assert.equal(complaints("src/base/a.ts", 'import x from "left-pad";').length, 1);
});

test("nothing in src leaves src, nothing lies outside a room, no package looks out", () => {
  assert.equal(complaints("src/base/a.ts", 'import x from "../../test/x.ts";').length, 1);
  assert.equal(complaints("src/a.ts", "").length, 1);
  assert.equal(complaints("src/utils/a.ts", "").length, 1);
  const inward = 'import x from "../../../src/base/bytes.ts";';
  assert.equal(complaints("packages/rocksdb/src/index.ts", inward).length, 1);
});

test("time and chance are arguments, but for the clock, the server and the cli", () => {
  const uses = [
    "Date.now()",
    "new Date()",
    "Math.random()",
    "process.hrtime.bigint()",
    "performance.now()",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "setImmediate(f)",
    'import { scheduler } from "node:timers/promises";',
  ];
  for (const use of uses) {
    assert.equal(complaints("src/session/a.ts", use).length, 1, use);
    for (const path of ["src/base/clock.ts", "src/server/a.ts", "src/cli/a.ts"]) {
      assert.deepEqual(complaints(path, use), [], `${path} ${use}`);
    }
    assert.deepEqual(complaints("src/session/a.ts", `// ${use}`), []);
  }
  assert.deepEqual(complaints("src/session/a.ts", "new Date(nowMs)"), []);
});

test("only the cli speaks to the console and ends the process", () => {
  for (const use of ["console.log(1)", "process.exit(1)"]) {
    assert.equal(complaints("src/server/a.ts", use).length, 1, use);
    assert.deepEqual(complaints("src/cli/a.ts", use), []);
  }
  assert.deepEqual(complaints("src/server/a.ts", "process.exitCode = 1;"), []);
});

test("leftovers, default exports, foreign letters and long files are reported", () => {
  assert.equal(complaints("src/base/a.ts", "// TODO: more").length, 1);
  assert.equal(complaints("packages/rocksdb/src/core/a.cc", "// FIXME").length, 1);
  assert.deepEqual(complaints("src/base/a.ts", 'const mask = "XXX";'), []);
  assert.equal(complaints("test/a.ts", "export default 1;").length, 1);
  assert.equal(complaints("src/base/a.ts", '"caf\u00e9"').length, 1);
  assert.deepEqual(complaints("src/base/a.ts", "\n".repeat(800)), []);
  assert.equal(complaints("src/base/a.ts", "\n".repeat(801)).length, 1);
});

test("no host of a registry and no path of one machine is named", () => {
  for (const host of ["registry.npmjs", "deb.debian", "deb.sub.example"]) {
    assert.equal(complaints("docs/a.md", `from https://${host}.org/x`).length, 1, host);
  }
  assert.deepEqual(complaints("src/base/a.ts", "registry.get(1)"), []);
  assert.equal(complaints("Makefile", ["cd ", "work/main"].join("/")).length, 1);
  assert.deepEqual(complaints("docs/a.md", "see test/work/a.txt"), []);
});
