// Programs of random commands: mostly sensible ones of two families over few keys, so that they meet,
// some of them bent out of shape, some inside MULTI. A program is made by its seed alone.

import { COMMANDS } from "../../src/commands/registry.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import { SeededRandom, type Random } from "../../src/base/random.ts";
import { ATOMS, FAMILIES, type Family } from "./families.ts";
import { stepsOfTwo } from "./pair.ts";
import { ScriptMaker } from "./scripts.ts";
import { fill, pick, type Template } from "./template.ts";

export type Command = readonly Bytes[];

export interface Program {
  readonly seed: number;
  readonly protocol: "2" | "3";
  readonly hasScripts: boolean;
  /** Two connections, one command at a time (pair.ts). */
  readonly isForTwo: boolean;
  readonly commands: readonly Command[];
}

export const PROGRAM_LENGTH = 60;

/** Commands that would choose by chance, scan by foreign cursors or wait for long if bent. */
const NEVER_BENT = /^(?:SCAN|[HSZ]SCAN|SPOP|.RANDMEMBER|HRANDFIELD|B[LRZ].*|XREAD.*|RESTORE)$/;
const ODD_WORDS = [
  ..."x,-1,0,1.5,nan,9223372036854775807,-9223372036854775808,99999999999999999999".split(","),
  "",
  "\x00",
];

/** The families and commands that Kept has so far. */
export const PRESENT: readonly Family[] = FAMILIES.map((family) => ({
  ...family,
  templates: family.templates.filter(isPresent),
})).filter(({ templates }) => templates.length > 0);

function isPresent({ name }: Template): boolean {
  return name === "NOSUCH" || COMMANDS[name] !== undefined;
}

export function programOf(seed: number, families: readonly Family[]): Program {
  const random = new SeededRandom(seed);
  const general = families.filter(({ name }) => name === "key" || name === "connection");
  const always = general.length === 0 ? families : general;
  const mixed = [pick(random, families), pick(random, families), pick(random, families)];
  const commands: Command[] = [];
  const plain = (): Command => {
    const family = pick(random, random.below(5) === 0 ? always : mixed);
    const words = fill(pick(random, family.templates), ATOMS, { random, own: family.keys });
    return random.below(14) === 0 ? bent(words, random) : words;
  };
  const protocol = random.below(2) === 0 ? "2" : "3";
  if (random.below(20) === 0) {
    const steps = stepsOfTwo(random, plain, PROGRAM_LENGTH);
    return { seed, protocol, hasScripts: false, isForTwo: true, commands: steps };
  }
  const scripts = random.below(3) === 0 ? new ScriptMaker(random, plain) : null;
  let isInMulti = false;
  while (commands.length < PROGRAM_LENGTH) {
    if (random.below(isInMulti ? 8 : 25) === 0) {
      const isOdd = random.below(15) === 0;
      const ending = random.below(6) === 0 ? "DISCARD" : "EXEC";
      commands.push([isInMulti === isOdd ? "MULTI" : ending]);
      if (!isOdd) isInMulti = !isInMulti;
      continue;
    }
    if (scripts !== null && random.below(3) === 0) {
      const words = scripts.next();
      commands.push(random.below(20) === 0 ? bent(words, random) : words);
    } else commands.push(plain());
  }
  return { seed, protocol, hasScripts: scripts !== null, isForTwo: false, commands };
}

function bent(words: readonly Bytes[], random: Random): Command {
  const [name = "", ...args] = words;
  const at = random.below(args.length + 1);
  const kind = random.below(NEVER_BENT.test(name) ? 2 : 4);
  switch (kind) {
    case 0:
      return [...words, "x"];
    case 1:
      return [name.toLowerCase(), ...args];
    case 2:
      return [name, ...args.slice(0, at), ...args.slice(at + 1)];
    default:
      return [name, ...args.slice(0, at), pick(random, ODD_WORDS), ...args.slice(at + 1)];
  }
}
