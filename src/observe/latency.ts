// Moments at which the server was slow, by what made it so: LATENCY's events. Only what takes at
// least the threshold is kept, one sample a second and event, the worst.

export interface LatencySample {
  /** Seconds since the epoch. */
  readonly atSeconds: number;
  milliseconds: number;
}

export interface LatencyEvent {
  readonly name: string;
  /** Oldest first. */
  readonly samples: LatencySample[];
  /** The worst since the last reset, even if its sample is gone. */
  worstMs: number;
}

const SAMPLE_COUNT_MAX = 160;

export class LatencyMonitor {
  /** `latency-monitor-threshold`; 0 keeps nothing. */
  thresholdMs = 0;
  readonly #events = new Map<string, LatencyEvent>();

  get events(): readonly LatencyEvent[] {
    return [...this.#events.values()];
  }

  event(name: string): LatencyEvent | null {
    return this.#events.get(name) ?? null;
  }

  /** Notes that `name` took `milliseconds`, if that is worth noting. */
  add(name: string, milliseconds: number, atSeconds: number): void {
    if (this.thresholdMs === 0 || milliseconds < this.thresholdMs) return;
    let event = this.#events.get(name);
    if (event === undefined) {
      event = { name, samples: [], worstMs: 0 };
      this.#events.set(name, event);
    }
    event.worstMs = Math.max(event.worstMs, milliseconds);
    const last = event.samples.at(-1);
    if (last?.atSeconds === atSeconds) {
      last.milliseconds = Math.max(last.milliseconds, milliseconds);
      return;
    }
    event.samples.push({ atSeconds, milliseconds });
    if (event.samples.length > SAMPLE_COUNT_MAX) event.samples.shift();
  }

  /** Forgets the named events, or all; answers how many there were. */
  reset(names: readonly string[]): number {
    const wanted = names.length > 0 ? names : [...this.#events.keys()];
    return wanted.filter((name) => this.#events.delete(name)).length;
  }
}
