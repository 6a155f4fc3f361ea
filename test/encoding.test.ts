// docs/encoding.md is a promise to whoever reads a directory without us. Goal: no byte of it may
// differ from what the server writes. Method: the page's examples are taken out of the page and run,
// in order, on a whole core over the memory engine and a clock that stands still; after each command
// everything in the store is compared with what stood there before, and the difference with the page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Collector } from "../src/background/collector.ts";
import type { Bytes } from "../src/base/bytes.ts";
import { RDB_VERSION } from "../src/encoding/rdb.ts";
import { STORES, type StoreId } from "../src/engine/engine.ts";
import type { MemoryEngine } from "../src/engine/memory.ts";
import { openWorld, type Talker, type World } from "./support/world.ts";

const PAGE = readFileSync("docs/encoding.md", "utf8");
const STORE_IDS: readonly StoreId[] = [0, 1, 2, 3, 4];

/** The text of the page's fenced blocks of one kind, each with what stands behind the word. */
function blocks(kind: string): { readonly title: string; readonly text: string }[] {
  const fences = PAGE.matchAll(new RegExp(`^\`\`\`${kind}(.*)\n([^\`]*)\`\`\`$`, "gm"));
  return [...fences].map(([, title = "", text = ""]) => ({ title: title.trim(), text }));
}

/** Lines without their end; none is empty. */
function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** The page's notation of bytes as plain hex: dots part fields, `00*5` is five bytes. */
function hexOf(written: string): string {
  const repeated = written.replaceAll(/([0-9a-f]{2})\*(\d+)/g, (_, byte: string, count: string) =>
    byte.repeat(Number(count)),
  );
  const hex = repeated.replaceAll(/[.\n]/g, "");
  assert.match(hex, /^(?:[0-9a-f]{2})*$/, written);
  return hex;
}

function toHex(bytes: Bytes): string {
  return Buffer.from(bytes, "latin1").toString("hex");
}

/** Everything in the store: "store key" to value, in hex. */
function contents(engine: MemoryEngine): Map<string, string> {
  const range = { lower: "", upper: null, reverse: false, valueBytesMax: Infinity } as const;
  const found = new Map<string, string>();
  for (const id of STORE_IDS) {
    const cursor = engine.cursor(id, { ...range, patience: "wait" });
    const flat = cursor.next(1_000_000) ?? [];
    cursor.close();
    for (let index = 0; index < flat.length; index += 2) {
      found.set(`${STORES[id]} ${toHex(flat[index] ?? "")}`, toHex(flat[index + 1] ?? ""));
    }
  }
  return found;
}

/** In the notation of the page, sorted. */
function difference(before: Map<string, string>, after: Map<string, string>): string[] {
  const changed: string[] = [];
  for (const [key, value] of after) {
    if (before.get(key) !== value) changed.push(`+ ${key} ${value}`.trimEnd());
  }
  for (const key of before.keys()) if (!after.has(key)) changed.push(`- ${key}`);
  return changed.sort();
}

interface Step {
  readonly command: string;
  readonly expected: string[];
}

function stepsOf(text: string): Step[] {
  const steps: Step[] = [];
  for (const line of linesOf(text)) {
    if (line.startsWith("> ")) {
      steps.push({ command: line.slice(2), expected: [] });
      continue;
    }
    const [sign = "", store = "", key = "", value = ""] = line.split(" ");
    assert.ok(sign === "+" || sign === "-", line);
    steps.at(-1)?.expected.push(`${sign} ${store} ${hexOf(key)} ${hexOf(value)}`.trimEnd());
  }
  return steps;
}

async function perform(world: World, talker: Talker, command: string): Promise<void> {
  if (command === "(collect)") await collect(world);
  else if (command !== "(start)") talker.say(command);
  await world.settle();
  const refused = talker.heard().filter((reply) => reply.startsWith("-"));
  assert.deepEqual(refused, [], command);
}

async function collect({ core, clock, bugs }: World): Promise<void> {
  const onBug = (error: unknown): void => void bugs.push(error);
  await new Collector({ pipeline: core.pipeline, clock, onTrouble: onBug, onBug }).round();
}

test("the examples of docs/encoding.md are what the server writes, byte for byte", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  const [example, ...others] = blocks("example");
  assert.ok(example !== undefined && others.length === 0);
  let before = new Map<string, string>();
  for (const { command, expected } of stepsOf(example.text)) {
    // oxlint-disable-next-line no-await-in-loop -- each step builds on the one before
    await perform(world, talker, command);
    const after = contents(world.engine);
    assert.deepEqual(difference(before, after), expected.sort(), command);
    before = after;
  }
  const [batch] = blocks("batch");
  assert.ok(batch !== undefined);
  await perform(world, talker, batch.title);
  assert.equal(await lastBatch(world), hexOf(batch.text));
});

async function lastBatch({ engine }: World): Promise<string> {
  let last = "";
  for await (const { representation } of engine.updatesSince(1)) {
    last = Buffer.from(representation).toString("hex");
  }
  return last;
}

test("the dumps of docs/encoding.md are what DUMP answers", async () => {
  await using world = await openWorld();
  const talker = world.connect();
  const [dumps] = blocks("dump");
  assert.ok(dumps !== undefined);
  const answered: string[] = [];
  for (const line of linesOf(dumps.text)) {
    const [value = ""] = line.split(" ");
    talker.say(`SET key ${value}`);
    talker.say("DUMP key");
    // oxlint-disable-next-line no-await-in-loop -- one key, one value after the other
    await world.settle();
    const reply = talker.replies.splice(0).at(-1);
    assert.ok(typeof reply === "string");
    answered.push(`${value} ${toHex(reply)}`);
  }
  const written = linesOf(dumps.text).map((line) => {
    const [value = "", hex = ""] = line.split(" ");
    return `${value} ${hexOf(hex)}`;
  });
  assert.deepEqual(answered, written);
});

test("the page names the families by the ids they have, and the versions that are written", () => {
  for (const [id, name] of STORES.entries()) {
    assert.match(PAGE, new RegExp(`^\\| ${id}  \\| \`${name}\` `, "m"));
  }
  assert.ok(PAGE.includes(`of the RDB format: ${RDB_VERSION} is written`));
});
