// When a key is to die, as clients say it: in seconds or milliseconds, from now or since the epoch.

import { EXPIRY_MS_MAX } from "../encoding/record.ts";
import { INT64_MAX, INT64_MIN, type Integer } from "./number.ts";

export type TimeUnit = "s" | "ms";

export interface ExpiryAsked {
  readonly amount: Integer;
  readonly unit: TimeUnit;
  /** Whether the amount counts from now or from the epoch. */
  readonly from: "now" | "epoch";
}

/**
 * Milliseconds since the epoch, perhaps in the past or negative; null where Redis's arithmetic of
 * 64 bits would overflow. Beyond what a record can hold (the year 10889) time stands still.
 */
export function expiryMsOf(asked: ExpiryAsked, nowMs: number): number | null {
  const { amount, unit, from } = asked;
  const base = from === "now" ? nowMs : 0;
  if (typeof amount === "number") {
    const expiryMs = (unit === "s" ? amount * 1000 : amount) + base;
    if (Number.isSafeInteger(expiryMs)) return Math.min(expiryMs, EXPIRY_MS_MAX);
  }
  const scaled = BigInt(amount) * (unit === "s" ? 1000n : 1n);
  const exact = scaled + BigInt(base);
  if (scaled < INT64_MIN || exact > INT64_MAX) return null;
  return exact > 0n ? EXPIRY_MS_MAX : Number.MIN_SAFE_INTEGER;
}
