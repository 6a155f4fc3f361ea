// Numbers as C's printf spells them with %g, which is how Lua, cjson and redis.call write them.

const EXPONENT_DIGITS_MIN = 2;

/** `%.<precision>g`: at most so many significant digits, without zeros at the end. */
export function formatG(value: number, precision: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", exponentText = "0"] = value.toExponential(precision - 1).split("e");
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < precision) {
    return withoutZeros(value.toFixed(Math.max(0, precision - 1 - exponent)));
  }
  const sign = exponent < 0 ? "-" : "+";
  const digits = String(Math.abs(exponent)).padStart(EXPONENT_DIGITS_MIN, "0");
  return `${withoutZeros(mantissa)}e${sign}${digits}`;
}

function withoutZeros(text: string): string {
  if (!text.includes(".")) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 0x30) end--;
  if (text.charCodeAt(end - 1) === 0x2e) end--;
  return text.slice(0, end);
}

/** A number as an argument of redis.call: whole ones in full, others with 17 digits. */
export function argumentText(value: number): string {
  return Number.isSafeInteger(value) && !Object.is(value, -0)
    ? String(value)
    : formatG(value, ARGUMENT_DIGITS);
}
const ARGUMENT_DIGITS = 17;
