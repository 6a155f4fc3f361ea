// How a change is taken back: each change to uncommitted state pushes one of these on the log of the
// open batch. Rolling back a command, a script or a refused batch pops and reverts in reverse order.

export interface Undo {
  /** `cache` is told what comes back or goes. */
  revert(cache: CacheSize): void;
}

/** What cached records take, by estimate. */
export interface CacheSize {
  cacheBytes: number;
}
