// The laws by name (docs/architecture.md): what the simulation says when one is broken.

export const LAWS = {
  1: "reply after commit",
  2: "well-formed always",
  3: "all or nothing",
  4: "a failed command leaves nothing",
  5: "each is told what concerns it",
  6: "nobody sees what may still be undone",
  7: "a stalled disk stalls writers only",
  8: "errors say what to do",
  9: "unknown is called unknown",
  order: "the history is strictly serializable",
  bug: "nothing of ours breaks",
} as const;

export type Law = keyof typeof LAWS;

export class LawBroken extends Error {
  override readonly name = "LawBroken";
  readonly law: Law;

  constructor(law: Law, words: string) {
    super(`law ${law} (${LAWS[law]}): ${words}`);
    this.law = law;
  }
}

export function mustHold(law: Law, isSo: boolean, words: string): void {
  if (!isSo) throw new LawBroken(law, words);
}
