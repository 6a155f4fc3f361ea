// What salvage says: what is in the new directory, and what is not.

import type { Bytes } from "../../base/bytes.ts";
import { decodeDataKey, KEY_HEADER_SIZE, type DecodedKey } from "../../encoding/key.ts";
import { SYSTEM_INCARNATION_ID } from "../../encoding/meta.ts";
import type { Kind } from "../../encoding/record.ts";
import { STORES } from "../../engine/engine.ts";
import type { Gap } from "../../engine/rocks-reader.ts";

const KIND_NAMES = ["", "strings", "lists", "sets", "sorted sets", "hashes", "streams"] as const;
/** More than this is counted, not listed. */
const LISTED_MAX = 10_000;

interface Tally {
  readonly whole: number[];
  part: number;
}

export class SalvageReport {
  readonly notes: string[];
  /** What is lost, a line each; empty when everything is there. */
  readonly lost: string[];
  /** What is there, a line for each database. */
  readonly salvaged: string[] = [];
  lostCount: number;
  readonly #tallies = new Map<number, Tally>();
  /** Places in `lost` that name a database, known once all are read. */
  readonly #named = new Map<string, number>();

  constructor(notes: readonly string[], lost: readonly string[]) {
    this.notes = [...notes];
    this.lost = [...lost];
    this.lostCount = lost.length;
  }

  note(line: string): void {
    this.notes.push(line);
  }

  lose(line: string): void {
    this.lostCount++;
    if (this.lost.length < LISTED_MAX) this.lost.push(line);
  }

  gap({ store, after, before, words }: Gap): void {
    const from = after === "" ? "the beginning" : this.#placeOf(after);
    const to = before === null ? "the end" : this.#placeOf(before);
    this.lose(`${STORES[store]}: keys between ${from} and ${to} (${words})`);
  }

  #placeOf(physical: Bytes): string {
    if (physical.length < KEY_HEADER_SIZE) return JSON.stringify(physical);
    const { slot, key, incarnationId } = decodeDataKey(physical);
    return `${this.#database(incarnationId)}slot ${slot} ${shown(key)}`;
  }

  nameOf({ key, incarnationId }: DecodedKey): string {
    return `${this.#database(incarnationId)}${shown(key)}`;
  }

  /** A mark for a database, replaced by its number at the end. */
  #database(incarnationId: number): string {
    const mark = `\0${incarnationId}\0`;
    this.#named.set(mark, incarnationId);
    return mark;
  }

  whole(incarnationId: number, kind: Kind): void {
    const { whole } = this.#tally(incarnationId);
    whole[kind] = (whole[kind] ?? 0) + 1;
  }

  part(incarnationId: number, kind: Kind): void {
    this.whole(incarnationId, kind);
    this.#tally(incarnationId).part++;
  }

  #tally(incarnationId: number): Tally {
    let tally = this.#tallies.get(incarnationId);
    if (tally === undefined) {
      tally = { whole: KIND_NAMES.map(() => 0), part: 0 };
      this.#tallies.set(incarnationId, tally);
    }
    return tally;
  }

  /** Once everything is read: `databases` are the incarnations, by the number of their database. */
  finish(databases: readonly number[]): void {
    const nameOf = (id: number): string => {
      if (id === SYSTEM_INCARNATION_ID) return "the server's own records";
      const index = databases.indexOf(id);
      return index === -1 ? `a database that is gone (${id})` : `database ${index}`;
    };
    for (const [id, { whole, part }] of this.#tallies) {
      const kinds = whole.flatMap((count, kind) =>
        count === 0 ? [] : [`${count} ${KIND_NAMES[kind] ?? ""}`],
      );
      const rest = part === 0 ? "" : `; ${part} of them have lost a part`;
      this.salvaged.push(`${nameOf(id)}: ${kinds.join(", ")}${rest}`);
    }
    for (const [index, line] of this.lost.entries()) {
      let named = line;
      for (const [mark, id] of this.#named) named = named.replaceAll(mark, `${nameOf(id)}: `);
      this.lost[index] = named;
    }
    const more = this.lostCount - this.lost.length;
    if (more > 0) this.lost.push(`... and ${more} more`);
  }
}

export function shown(key: Bytes): string {
  return JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}...` : key);
}
