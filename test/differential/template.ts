// Commands by chance, from templates such as `HSET $k { $f $v }`:
//
//   WORD        itself              $name       a word of the table ATOMS
//   [ ... ]     perhaps             { ... }     once to three times
//   ( a | b )   one of them
//
// A template is read once and filled in as often as one likes.

import assert from "node:assert/strict";

import type { Bytes } from "../../src/base/bytes.ts";
import type { Random } from "../../src/base/random.ts";

/** What a word of chance is made of: `own` are the keys of the family that asks. */
export interface Source {
  readonly random: Random;
  readonly own: readonly Bytes[];
}

export type Atoms = Readonly<Record<string, (source: Source) => Bytes>>;

type Node =
  | { readonly kind: "word"; readonly word: Bytes }
  | { readonly kind: "atom"; readonly name: string }
  | { readonly kind: "maybe" | "many"; readonly inside: readonly Node[] }
  | { readonly kind: "choice"; readonly choices: readonly (readonly Node[])[] };

export interface Template {
  readonly text: string;
  readonly name: string;
  readonly nodes: readonly Node[];
}

export function template(text: string): Template {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const { nodes, rest } = sequence(words, []);
  assert.equal(rest.length, 0, `left over in template "${text}"`);
  return { text, name: words[0] ?? "", nodes };
}

const CLOSING: Readonly<Record<string, string>> = { "[": "]", "{": "}", "(": ")" };

function sequence(
  words: readonly string[],
  ends: readonly string[],
): { readonly nodes: Node[]; readonly rest: readonly string[] } {
  const nodes: Node[] = [];
  let left = words;
  for (;;) {
    const [word, ...after] = left;
    if (word === undefined || ends.includes(word)) return { nodes, rest: left };
    const closing = CLOSING[word];
    if (closing === undefined) {
      const isAtom = word.startsWith("$") && word !== "$";
      nodes.push(isAtom ? { kind: "atom", name: word.slice(1) } : { kind: "word", word });
      left = after;
    } else if (word === "(") {
      const choices: Node[][] = [];
      let inside: readonly string[] = after;
      do {
        const part = sequence(inside, ["|", closing]);
        choices.push(part.nodes);
        inside = part.rest.slice(1);
        left = part.rest;
      } while (left[0] === "|");
      assert.equal(left[0], closing);
      left = inside;
      nodes.push({ kind: "choice", choices });
    } else {
      const part = sequence(after, [closing]);
      assert.equal(part.rest[0], closing);
      nodes.push({ kind: word === "[" ? "maybe" : "many", inside: part.nodes });
      left = part.rest.slice(1);
    }
  }
}

export function fill({ nodes }: Template, atoms: Atoms, source: Source): Bytes[] {
  const words: Bytes[] = [];
  add(nodes, { atoms, source, words });
  return words;
}

interface Filling {
  readonly atoms: Atoms;
  readonly source: Source;
  readonly words: Bytes[];
}

function add(nodes: readonly Node[], filling: Filling): void {
  const { random } = filling.source;
  for (const node of nodes) {
    switch (node.kind) {
      case "word":
        filling.words.push(node.word);
        break;
      case "atom": {
        const make = filling.atoms[node.name];
        assert.ok(make !== undefined, `no atom $${node.name}`);
        filling.words.push(make(filling.source));
        break;
      }
      case "maybe":
        if (random.below(5) < 2) add(node.inside, filling);
        break;
      case "many":
        for (let times = 1 + random.below(3); times > 0; times--) add(node.inside, filling);
        break;
      case "choice":
        add(pick(random, node.choices), filling);
        break;
    }
  }
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.below(choices.length)];
  assert.ok(choice !== undefined);
  return choice;
}
