// Why a command is refused before it runs, beyond what the store itself refuses: memory is used up,
// writes are switched off, the log cannot be fsynced. Asked for every command, so kept to a few
// comparisons; what it needs to know is brought here when it changes.

import type { Command } from "../commands/lookup.ts";
import type { Durability } from "../commit/durability.ts";
import { plainError } from "../commit/settle.ts";
import { CommandError } from "../resp/errors.ts";

const OUT_OF_MEMORY = new CommandError("OOM command not allowed when used memory > 'maxmemory'.");
const READ_ONLY = new CommandError("READONLY You can't write against a read only replica.");

export class Admission {
  /** `read-only`. */
  isReadOnly = false;
  /** Used memory was above `maxmemory` when it was last looked at. */
  isOutOfMemory = false;
  readonly #durability: Durability;

  constructor(durability: Durability) {
    this.#durability = durability;
  }

  refusal(command: Command, isQueued: boolean): CommandError | null {
    // A queue can grow without end, so none grows while memory is short, whatever is queued.
    if (this.isOutOfMemory && (command.deniesOom || isQueued)) return OUT_OF_MEMORY;
    if (!command.isWrite) return null;
    const { failure } = this.#durability;
    if (failure !== null) return new CommandError(plainError(failure).text);
    return this.isReadOnly ? READ_ONLY : null;
  }
}
