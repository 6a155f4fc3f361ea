// How the benches of this folder measure: the candidates take turns in short rounds, and what counts
// is the median ratio to the first one, because absolute times on a shared machine say little.

export interface Candidate {
  readonly name: string;
  /** Does `operations` operations; all of it is timed. */
  readonly round: () => Promise<void> | void;
  readonly operations: number;
}

const WARM_UP_ROUNDS = 2;
const NAME_WIDTH = 58;

/** Prints nanoseconds per operation (median) and the ratio to the first candidate. */
export async function compare(
  title: string,
  rounds: number,
  candidates: readonly Candidate[],
): Promise<void> {
  const times = candidates.map((): number[] => []);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [index, { operations, round: run }] of candidates.entries()) {
      const started = process.hrtime.bigint();
      // oxlint-disable-next-line no-await-in-loop -- they take turns
      await run();
      const elapsed = Number(process.hrtime.bigint() - started);
      if (round >= 0) times[index]?.push(elapsed / operations);
    }
  }
  print(`\n${title}`);
  const [first = []] = times;
  for (const [index, { name }] of candidates.entries()) {
    const own = times[index] ?? [];
    const ratio = median(own.map((time, round) => time / (first[round] ?? Number.NaN)));
    const nanoseconds = median(own).toFixed(0).padStart(8);
    print(`  ${name.padEnd(NAME_WIDTH)} ${nanoseconds} ns   x${ratio.toFixed(2)}`);
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
