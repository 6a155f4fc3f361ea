// A double as Redis 7.2 spells it in replies: the shortest digits that read back as the same
// number, laid out by rules that are neither printf's nor JavaScript's.
//
//   whole, up to 2^62 either way          all digits: 1000000000000000000
//   larger, at most 7 zeros at the end    all digits: 12345678901234567000
//   at most 6 decimals, or an exponent
//     of the first digit from -3 to 3     plain: 3.1, 0.000001, 0.001234567
//   everything else                       scientific: 1e+21, 1.5e-7, 1.2345678912345679e+8

const WHOLE_MAX = 2 ** 62;
const PLAIN_DECIMALS_MAX = 6;
const PLAIN_EXPONENT_MAX = 3;
const TRAILING_ZEROS_MAX = 7;

export function formatDouble(value: number): string {
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  if (Number.isNaN(value)) return "nan";
  if (Number.isInteger(value)) {
    if (value === 0) return Object.is(value, -0) ? "-0" : "0";
    if (Number.isSafeInteger(value)) return String(value);
    if (Math.abs(value) <= WHOLE_MAX) return BigInt(value).toString();
  }
  return value < 0 ? `-${formatPositive(-value)}` : formatPositive(value);
}

function formatPositive(value: number): string {
  // "d.ddde+x" holds the shortest digits and the exponent of the first of them.
  const scientific = value.toExponential();
  const split = scientific.indexOf("e");
  const digits = scientific.slice(0, 1) + scientific.slice(2, split);
  const exponent = Number(scientific.slice(split + 1));
  const decimals = digits.length - 1 - exponent;
  if (decimals <= 0) {
    return exponent < digits.length + TRAILING_ZEROS_MAX
      ? digits.padEnd(exponent + 1, "0")
      : scientific;
  }
  if (decimals > PLAIN_DECIMALS_MAX && Math.abs(exponent) > PLAIN_EXPONENT_MAX) return scientific;
  const whole = digits.length - decimals;
  if (whole <= 0) return `0.${digits.padStart(decimals, "0")}`;
  return `${digits.slice(0, whole)}.${digits.slice(whole)}`;
}
