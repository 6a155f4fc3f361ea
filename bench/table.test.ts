// Rounds become figures: medians, ratios of neighbours, verdicts; and a picture that is well-formed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chart } from "./chart.ts";
import { median, ratioOf, row, table, verdictOf, type Measured, type Round } from "./table.ts";

const NAMES = ["kept", "redis", "10.0.0.1:7000"];
const COLUMNS = { names: NAMES, fsync: "none" } as const;

function rounds(...rates: readonly number[]): Round[] {
  return rates.map((rate) => ({ rate, processorUs: 1e6 / rate }));
}

function measured(name: string, pipeline: number, each: readonly (readonly number[])[]): Measured {
  const entries = each.map((rates, index) => [NAMES[index] ?? "", rounds(...rates)] as const);
  return { test: name, pipeline, rounds: new Map(entries) };
}

const SET = measured("set", 1, [[50_000, 60_000, 55_000], [100_000, 60_000, 100_000], [5000]]);

test("the median of nothing is unknown, of an even number the mean of the middle two", () => {
  assert.ok(Number.isNaN(median([])));
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 10]), 3.5);
});

test("a ratio is taken of rounds that followed one another", () => {
  assert.deepEqual(ratioOf(SET, "kept", "redis"), { median: 0.55, least: 0.5, most: 1 });
  assert.deepEqual(ratioOf(SET, "kept", NAMES[2] ?? ""), { median: 10, least: 10, most: 10 });
  assert.equal(ratioOf(SET, "kept", "nobody"), null);
});

test("a row has a column for each server, its ratio, the goals and the verdict", () => {
  assert.equal(
    row(SET, COLUMNS),
    "| set | 1 | 55 k | 100 k | 5.0 k | 0.55 | 10.00 | 0.50 to 1.00 | 0.55 | 0.70 | met " +
      "| 18.2 | 10.0 | 200.0 |",
  );
});

test("a server that lacks the command has empty cells", () => {
  const lone = measured("zpopmin", 16, [[20_000]]);
  assert.equal(row(lone, COLUMNS), "| zpopmin | 16 | 20 k |  |  |  |  |  |  |  |  |  |  |  |");
});

test("all rows of a table have as many cells as its head", () => {
  const text = table([SET, measured("xadd", 16, [[1], [2], [3]])], COLUMNS);
  const counts = text.split("\n").map((line) => line.split("|").length);
  assert.deepEqual(new Set(counts), new Set([16]));
});

test("a goal is reached at its very figure", () => {
  assert.equal(verdictOf({ must: 0.5, aim: 0.7 }, 0.7), "aim met");
  assert.equal(verdictOf({ must: 0.5, aim: 0.7 }, 0.5), "met");
  assert.equal(verdictOf({ must: 0.5, aim: 0.7 }, 0.49), "missed");
  assert.equal(verdictOf({ aim: 0.7 }, 0.69), "missed");
});

// The chart

const TEXT = { title: "A & B", note: 'said "so" <here>' };
const FAST = measured("get", 16, [[300], [100], [50]]);
const PICTURE = chart([SET, FAST], [1, 16], { columns: COLUMNS, text: TEXT });

/** Names of elements that are open at the end or closed without having been opened. */
function unbalanced(svg: string): string[] {
  const open: string[] = [];
  for (const [, closes, name = "", alone] of svg.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
    if (closes === "/" && open.pop() !== name) return [name];
    if (closes === "" && alone === "") open.push(name);
  }
  return open;
}

test("the chart is one well-formed SVG, with its words escaped", () => {
  assert.ok(PICTURE.startsWith("<svg "));
  assert.deepEqual(unbalanced(PICTURE), []);
  assert.deepEqual(unbalanced("<a><b></a>"), ["a"]);
  assert.ok(PICTURE.includes(">A &amp; B</text>"));
  assert.ok(PICTURE.includes("said &quot;so&quot; &lt;here>"));
  assert.ok(!/NaN|undefined|Infinity/.test(PICTURE));
});

/** Widths of the bars, by their colour. */
function bars(svg: string): [width: number, fill: string][] {
  const found = svg.matchAll(/<rect [^>]*width="([\d.]+)" height="13" fill="(#\w+)"/g);
  return [...found].map(([, width, fill = ""]) => [Number(width), fill]);
}

test("a bar is as long as its ratio, cut off at the end of the scale, and coloured by its verdict", () => {
  const [one, two] = bars(PICTURE);
  assert.ok(one !== undefined && two !== undefined);
  assert.ok(Math.abs(one[0] / two[0] - 0.55 / 1.5) < 0.001, `${one[0]} of ${two[0]}`);
  assert.notEqual(one[1], two[1]);
  assert.ok(PICTURE.includes(">3.00</text>"), "the figure of what is cut off");
});

test("goals are marked where they are, a peer beside them", () => {
  const goals = PICTURE.split("\n").filter((line) => line.includes('stroke="#1d3f8f"'));
  // The legend, and the aims of two tests.
  assert.equal(goals.length, 3);
  assert.equal(PICTURE.split("<path ").length - 1, 3);
  assert.ok(PICTURE.includes("10.0.0.1:7000 / redis"));
});

test("what was not measured is left empty, not drawn as nothing", () => {
  const lone = chart([measured("spop", 1, [[5]])], [1], { columns: COLUMNS, text: TEXT });
  assert.deepEqual(bars(lone), []);
  assert.ok(lone.includes(">spop</text>"));
  assert.ok(!/NaN|undefined|Infinity/.test(lone));
});
