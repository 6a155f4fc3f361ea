// The keys of a database that connections watch. They belong to the database that SELECT names, whatever it
// shows: a flush or a swap gives it other keys, and who watches goes on watching there.

import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Undo } from "./undo.ts";

/** Shared by the connections that watch a key; `version` changes with every change to the key. */
interface WatchedKey {
  version: number;
  watchers: number;
}

export class Watches {
  /** Null while there are none, so that writes need not look. */
  keys: Map<Bytes, WatchedKey> | null = null;
  #versions = 0;

  /** Begins to count the changes of a key for one more connection. */
  add(key: Bytes): { readonly version: number } {
    this.keys ??= new Map();
    let watched = this.keys.get(key);
    if (watched === undefined) {
      watched = { version: ++this.#versions, watchers: 0 };
      this.keys.set(key, watched);
    }
    watched.watchers++;
    return watched;
  }

  remove(key: Bytes): void {
    const watched = this.keys?.get(key);
    assert(watched !== undefined && this.keys !== null, "who stops watching has watched");
    watched.watchers--;
    if (watched.watchers > 0) return;
    this.keys.delete(key);
    if (this.keys.size === 0) this.keys = null;
  }

  /** The key has changed; gives what takes that back, null if nobody watches it. */
  touch(key: Bytes): Undo | null {
    const watched = this.keys?.get(key);
    if (watched === undefined) return null;
    const before = watched.version;
    watched.version = ++this.#versions;
    return {
      revert() {
        watched.version = before;
      },
    };
  }
}
