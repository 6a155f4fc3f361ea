// How values of INFO are written.

export type Fields = readonly (readonly [name: string, value: string | number])[];

export function number(value: number, decimals: number): string {
  return value.toFixed(decimals);
}

const UNITS = ["B", "K", "M", "G", "T", "P"];

/** Redis's way: 1.50M. */
export function human(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)}B` : `${value.toFixed(2)}${UNITS[unit] ?? ""}`;
}

export function percent(part: number, whole: number): string {
  return `${(whole <= 0 ? 0 : (part * 100) / whole).toFixed(2)}%`;
}

export function flag(value: boolean): string {
  return value ? "1" : "0";
}

/** Fields that mean nothing here, for tools that look for them. */
export function zeros(...names: readonly string[]): Fields {
  return names.map((name) => [name, 0]);
}
