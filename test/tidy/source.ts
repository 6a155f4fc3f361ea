// A TypeScript file as the tidy test reads it: the text three times over, each of the same length
// and with the same lines, so that a position means the same in all of them.
//
// The compiler would do it better, but its native version has no interface to call. What is
// needed here is small: know a comment from a string from code, and find what is imported.

export interface Source {
  readonly path: string;
  readonly text: string;
  /** The text with comments and the insides of strings blanked. */
  readonly code: string;
  /** The text with everything but comments blanked. */
  readonly comments: string;
}

export interface Import {
  readonly target: string;
  readonly isTypeOnly: boolean;
  readonly line: number;
}

type Kind = "code" | "comment" | "string";

interface Piece {
  readonly kind: Kind;
  readonly end: number;
}

const REGEX_MAY_FOLLOW =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void))$/;
const IMPORT =
  /\b(?:import|export)\b(\s+type\b)?(?:[^;"'`()]*?\bfrom)?\s*"([^"\n]+)"|\bimport\s*\(\s*"([^"\n]+)"/g;

/** Of a file that is not TypeScript nothing is known: its whole text is code and comment. */
export function read(path: string, text: string): Source {
  if (!path.endsWith(".ts")) return { path, text, code: text, comments: text };
  let code = "";
  let comments = "";
  let offset = 0;
  // One entry for each template literal we are inside of: the open braces of its expression.
  const braces: number[] = [];
  while (offset < text.length) {
    const piece = pieceAt(text, offset, { code, braces });
    const slice = text.slice(offset, piece.end);
    code += piece.kind === "code" ? slice : quoted(slice, piece.kind);
    comments += piece.kind === "comment" ? slice : blank(slice);
    offset = piece.end;
  }
  return { path, text, code, comments };
}

/** The line, counted from 1, in which `offset` lies. */
export function lineAt(source: Source, offset: number): number {
  let line = 1;
  for (let at = source.text.indexOf("\n"); at !== -1 && at < offset; line++) {
    at = source.text.indexOf("\n", at + 1);
  }
  return line;
}

export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  for (const match of source.text.matchAll(IMPORT)) {
    // The word stands in a string or a comment: not an import.
    if (!/^(?:import|export)/.test(source.code.slice(match.index))) continue;
    found.push({
      target: match[2] ?? match[3] ?? "",
      isTypeOnly: match[1] !== undefined,
      line: lineAt(source, match.index),
    });
  }
  return found;
}

function pieceAt(text: string, offset: number, before: { code: string; braces: number[] }): Piece {
  const { code, braces } = before;
  const two = text.slice(offset, offset + 2);
  if (two === "//") return { kind: "comment", end: endOf(text, "\n", offset) };
  if (two === "/*") return { kind: "comment", end: endOf(text, "*/", offset + 2) + 2 };
  const char = text.charAt(offset);
  if (char === '"' || char === "'") return { kind: "string", end: closing(text, offset, char) };
  if (char === "/" && REGEX_MAY_FOLLOW.test(code.trimEnd().slice(-12))) {
    return { kind: "string", end: closing(text, offset, "/") };
  }
  if (char === "`") return template(text, offset, braces);
  const open = braces.at(-1);
  if (open !== undefined) {
    if (char === "{") braces[braces.length - 1] = open + 1;
    if (char === "}" && open === 0) {
      braces.pop();
      return template(text, offset, braces);
    }
    if (char === "}") braces[braces.length - 1] = open - 1;
  }
  return { kind: "code", end: offset + 1 };
}

/** From a backtick or a closing brace to the end of the literal or its next expression. */
function template(text: string, offset: number, braces: number[]): Piece {
  for (let at = offset + 1; at < text.length; at++) {
    if (text.charAt(at) === "\\") at++;
    else if (text.charAt(at) === "`") return { kind: "string", end: at + 1 };
    else if (text.startsWith("${", at)) {
      braces.push(0);
      return { kind: "string", end: at + 2 };
    }
  }
  return { kind: "string", end: text.length };
}

/** After the closing quote, or the end of the line; a slash in a character class closes nothing. */
function closing(text: string, offset: number, quote: string): number {
  let inClass = false;
  for (let at = offset + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\\") at++;
    else if (char === "\n") return at;
    else if (quote === "/" && char === "[") inClass = true;
    else if (quote === "/" && char === "]") inClass = false;
    else if (char === quote && !inClass) return at + 1;
  }
  return text.length;
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at;
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

/** Keeps the quotes of a string, so that what follows it is not taken for a regex. */
function quoted(text: string, kind: Kind): string {
  if (kind === "comment" || text.length < 2) return blank(text);
  return `"${blank(text.slice(1, -1))}"`;
}
