// The picture of the bench: for each test a bar as long as the ratio to redis-server, with the range of
// the rounds and marks where the goals are. SVG by hand: rectangles, lines and words need no library.
// Colours are light and differ in brightness too; the words of the goals stand in the legend.

import { wantedOf } from "./cases.ts";
import { ratioOf, verdictOf, type Columns, type Measured, type Ratio } from "./table.ts";

const WIDTH = 960;
const MARGIN = 24;
const TITLE_HEIGHT = 64;
const LEGEND_HEIGHT = 30;
const PANEL_HEAD = 40;
const ROW_HEIGHT = 21;
const BAR_HEIGHT = 13;
const NAME_WIDTH = 82;
const PANEL_GAP = 28;
/** Beyond this a bar is cut off, and its figure tells. */
const RATIO_MAX = 1.5;
const RATIO_STEP = 0.25;

const INK = "#22303c";
const FAINT = "#7a8894";
const GRID = "#e3e8ec";
const BAR = { "aim met": "#5aa9a0", met: "#a5cf9b", missed: "#eeb27c", none: "#b9cbdb" };
const AIM = "#1d3f8f";
const MUST = "#8a6bbf";
const PEERS = ["#c2487e", "#7d6b1f", "#2c7fb8"];

export interface ChartText {
  readonly title: string;
  /** One line below it: machine, method. */
  readonly note: string;
}

/** One panel for each depth of pipeline. `columns.names`: Kept, redis-server, peers. */
export function chart(
  measured: readonly Measured[],
  pipelines: readonly number[],
  { columns, text }: { readonly columns: Columns; readonly text: ChartText },
): string {
  const panels = pipelines.map((pipeline) => measured.filter((one) => one.pipeline === pipeline));
  const rows = Math.max(1, ...panels.map(({ length }) => length));
  const panelWidth = (WIDTH - 2 * MARGIN - PANEL_GAP * (panels.length - 1)) / panels.length;
  const height = TITLE_HEIGHT + LEGEND_HEIGHT + PANEL_HEAD + rows * ROW_HEIGHT + MARGIN;
  const parts = panels.map((panel, index) => {
    const left = MARGIN + index * (panelWidth + PANEL_GAP);
    const place = { left, top: TITLE_HEIGHT + LEGEND_HEIGHT, width: panelWidth };
    return panelOf(panel, columns, { place, title: `P = ${pipelines[index]}` });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
      `width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(text.title)}" ` +
      `font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" fill="${INK}">`,
    rectangle(0, 0, { width: WIDTH, height, fill: "#ffffff" }),
    words(MARGIN, 30, text.title, `font-size="18" font-weight="600"`),
    words(MARGIN, 50, text.note, `fill="${FAINT}"`),
    ...legend(columns),
    ...parts.flat(),
    "</svg>",
    "",
  ].join("\n");
}

function legend({ names }: Columns): string[] {
  const y = TITLE_HEIGHT + 16;
  const parts: string[] = [];
  let x = MARGIN;
  const add = (mark: string, label: string): void => {
    parts.push(mark, words(x + 16, y, label));
    x += 34 + label.length * 6.6;
  };
  const swatch = (fill: string): string => rectangle(x, y - 9, { width: 11, height: 10, fill });
  add(swatch(BAR["aim met"]), "aim reached");
  add(swatch(BAR.met), "first goal reached");
  add(swatch(BAR.missed), "missed");
  add(swatch(BAR.none), "no goal");
  add(line(x + 6, y - 11, { x: x + 6, y: y + 3 }, `stroke="${AIM}" stroke-width="2.5"`), "aim");
  add(goalMark(x + 6, y - 11, 14), "first goal");
  for (const [index, name] of names.slice(2).entries()) {
    add(diamond(x + 6, y - 4, peerColour(index)), `${name} / ${names[1] ?? ""}`);
  }
  return parts;
}

interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

function panelOf(
  measured: readonly Measured[],
  columns: Columns,
  { place, title }: { readonly place: Place; readonly title: string },
): string[] {
  const { left, top, width } = place;
  const zero = left + NAME_WIDTH;
  const at = (ratio: number): number =>
    zero + (Math.min(ratio, RATIO_MAX) / RATIO_MAX) * (width - NAME_WIDTH - 34);
  const first = top + PANEL_HEAD;
  const end = first + measured.length * ROW_HEIGHT;
  const parts = [words(left, top + 18, title, `font-size="14" font-weight="600"`)];
  for (let ratio = 0; ratio <= RATIO_MAX; ratio += RATIO_STEP) {
    const x = at(ratio);
    const colour = ratio === 1 ? FAINT : GRID;
    parts.push(line(x, first - 4, { x, y: end }, `stroke="${colour}"`));
    if ((ratio * 2) % 1 === 0) {
      const style = `fill="${FAINT}" text-anchor="middle" font-size="11"`;
      parts.push(words(x, first - 9, ratio === 1 ? "1.0 = redis-server" : ratio.toFixed(1), style));
    }
  }
  for (const [index, one] of measured.entries()) {
    parts.push(...rowOf(one, columns, { at, left, y: first + index * ROW_HEIGHT }));
  }
  return parts;
}

interface RowPlace {
  readonly at: (ratio: number) => number;
  readonly left: number;
  readonly y: number;
}

function rowOf(one: Measured, columns: Columns, { at, left, y }: RowPlace): string[] {
  const [kept = "", redis = "", ...peers] = columns.names;
  const middle = y + ROW_HEIGHT / 2;
  const parts = [words(left, middle + 4, one.test)];
  const ratio = ratioOf(one, kept, redis);
  const wanted = wantedOf(one, columns.fsync);
  if (ratio !== null) {
    const fill = wanted === null ? BAR.none : BAR[verdictOf(wanted, ratio.median)];
    parts.push(...barOf(ratio, fill, { at, middle }));
  }
  const top = middle - BAR_HEIGHT / 2 - 3;
  const bottom = middle + BAR_HEIGHT / 2 + 3;
  if (wanted?.must !== undefined) parts.push(goalMark(at(wanted.must), top, bottom - top));
  if (wanted !== null) {
    const x = at(wanted.aim);
    parts.push(line(x, top, { x, y: bottom }, `stroke="${AIM}" stroke-width="2.5"`));
  }
  for (const [index, peer] of peers.entries()) {
    const theirs = ratioOf(one, peer, redis);
    if (theirs !== null) parts.push(diamond(at(theirs.median), middle, peerColour(index)));
  }
  return parts;
}

function barOf(
  { median, least, most }: Ratio,
  fill: string,
  { at, middle }: { readonly at: (ratio: number) => number; readonly middle: number },
): string[] {
  const zero = at(0);
  const size = { width: at(median) - zero, height: BAR_HEIGHT, fill };
  const whisker = `stroke="${INK}" stroke-opacity="0.45"`;
  return [
    rectangle(zero, middle - BAR_HEIGHT / 2, size),
    line(at(least), middle, { x: at(most), y: middle }, whisker),
    words(at(RATIO_MAX) + 6, middle + 4, median.toFixed(2)),
  ];
}

function goalMark(x: number, y: number, height: number): string {
  const style = `stroke="${MUST}" stroke-width="2" stroke-dasharray="3 2"`;
  return line(x, y, { x, y: y + height }, style);
}

function peerColour(index: number): string {
  return PEERS[index % PEERS.length] ?? INK;
}

function diamond(x: number, y: number, fill: string): string {
  const [a, b] = [x.toFixed(1), y.toFixed(1)];
  return `<path d="M${a} ${b}m-5 0l5 -5l5 5l-5 5z" fill="${fill}"/>`;
}

function rectangle(
  x: number,
  y: number,
  { width, height, fill }: { width: number; height: number; fill: string },
): string {
  const size = `width="${width.toFixed(1)}" height="${height}"`;
  return `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${size} fill="${fill}"/>`;
}

function line(x: number, y: number, to: { x: number; y: number }, style: string): string {
  const ends = [x, y, to.x, to.y].map((value) => value.toFixed(1));
  return `<line x1="${ends[0]}" y1="${ends[1]}" x2="${ends[2]}" y2="${ends[3]}" ${style}/>`;
}

function words(x: number, y: number, text: string, style = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${style}>${escaped(text)}</text>`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
}
