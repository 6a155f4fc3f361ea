// What a connection waits for that others do: the end of a pause, a key, an fsync, replicas.

import type { Timer } from "../base/clock.ts";
import { Waiter, type BlockedCall } from "./blocked.ts";
import type { Session } from "./session.ts";

/** Node's timers take no more. */
const TIMER_MS_MAX = 2 ** 31 - 1;

type Ending = "done" | "timeout" | "unblocked";

export class Waits {
  readonly #session: Session;
  /** A command waits for what another client does. */
  isHeldBack = false;
  /** While the command waits for a key. */
  #waiter: Waiter | null = null;
  /** Ends the wait of a command that may be unblocked; null while none does. True when it did. */
  #onUnblock: ((how: "timeout" | "error") => boolean) | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  get isForKey(): boolean {
    return this.#waiter !== null;
  }

  /** Whether it waits for what others do: for a key, for an fsync, for replicas. */
  get isBlocked(): boolean {
    return this.#onUnblock !== null;
  }

  /** False when nothing waits that could be unblocked. */
  unblock(how: "timeout" | "error"): boolean {
    return this.#onUnblock?.(how) ?? false;
  }

  waitFor(done: Promise<void>, timeoutMs: number): Promise<Ending> {
    const { host } = this.#session;
    return new Promise((resolve) => {
      let timer: Timer | null = null;
      const finish = (how: Ending): void => {
        if (this.#onUnblock !== unblock) return;
        this.#onUnblock = null;
        this.isHeldBack = false;
        timer?.cancel();
        resolve(how);
      };
      const unblock = (how: "timeout" | "error"): boolean => {
        finish(how === "timeout" ? "timeout" : "unblocked");
        return true;
      };
      this.#onUnblock = unblock;
      this.isHeldBack = true;
      if (timeoutMs > 0) {
        timer = host.clock.after(Math.min(timeoutMs, TIMER_MS_MAX), () => finish("timeout"));
      }
      void done.then(
        () => finish("done"),
        (error: unknown) => host.onBug(error),
      );
    });
  }

  /** The command now running has found nothing yet: as Redis, monitors are shown it now. */
  block(call: BlockedCall): void {
    const session = this.#session;
    // Nobody is there any more who could wait.
    if (session.isClosed) return;
    const { host } = session;
    if (!host.monitors.isEmpty) host.monitors.feed(session, call.command, call.args);
    const waiter = new Waiter(host.blocked, session, call);
    this.#waiter = waiter;
    this.isHeldBack = true;
    this.#onUnblock = (how) => {
      if (how === "timeout") waiter.unblock(call.wait.timedOut);
      else waiter.unblockWithError();
      return true;
    };
  }

  /** For Waiter: it waits no longer. */
  hasWaited(): void {
    this.#waiter = null;
    this.isHeldBack = false;
    this.#onUnblock = null;
  }

  /** The connection is about to go: nothing may be taken for it any more. */
  stop(): void {
    this.#waiter?.leave();
  }
}
