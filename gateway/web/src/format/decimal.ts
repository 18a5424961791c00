// Decimal strings of any size: moved, cut to some digits and told as percent, never through a float.
import { group } from "./amount";

// Enough to tell prices apart; the tooltip has every digit.
const DIGITS = 6;

/** A decimal times ten to the power of `places`. */
export function shift(decimal: string, places: number): string {
  const [whole = "0", fraction = ""] = decimal.split(".");
  const point = whole.length + places;
  const digits = (whole + fraction).padEnd(point, "0");
  const padded = digits.padStart(digits.length - Math.min(point - 1, 0), "0");
  const at = Math.max(point, 1);
  const moved = `${padded.slice(0, at)}.${padded.slice(at)}`;
  return moved.replace(/\.?0*$/, "").replace(/^0+(?=\d)/, "");
}

/** A decimal cut to `digits` significant digits, with a comma between thousands. */
export function formatDecimal(decimal: string, digits = DIGITS): string {
  const [whole = "0", fraction = ""] = decimal.split(".");
  if (/^0*$/.test(whole)) {
    const zeros = /^0*/.exec(fraction)?.[0].length ?? 0;
    const shown = fraction.slice(0, zeros + digits).replace(/0+$/, "");
    return shown === "" ? "0" : `0.${shown}`;
  }
  const shown = fraction.slice(0, Math.max(digits - whole.length, 0)).replace(/0+$/, "");
  return shown === "" ? group(whole) : `${group(whole)}.${shown}`;
}

/** Hundredths of a percent, perhaps with decimals, as percent with every digit. */
export function formatBps(bps: string | number): string {
  return `${shift(String(bps), -2)}%`;
}

/** A fee of millionths as percent with every digit. */
export function formatPpm(ppm: number): string {
  return `${shift(String(ppm), -4)}%`;
}

/** One divided by a decimal above 0, with enough digits to be read; undefined for 0. */
export function inverse(decimal: string): string | undefined {
  const [whole = "0", fraction = ""] = decimal.split(".");
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return undefined;
  const places = whole.length + 2 * DIGITS;
  return shift((10n ** BigInt(fraction.length + places) / digits).toString(), -places);
}

/** What somebody typed as percent, in hundredths of it; undefined when it is none from 0 to 100. */
export function parsePercent(text: string): number | undefined {
  if (!/^\d{1,3}(\.\d{1,2})?$/.test(text)) return undefined;
  const bps = Number(shift(text, 2));
  return bps <= 10_000 ? bps : undefined;
}

/** A price in smallest units as one in whole tokens; undefined where decimals are not known. */
export function wholePrice(
  price: string,
  base: number | undefined,
  quote: number | undefined,
): string | undefined {
  return base === undefined || quote === undefined ? undefined : shift(price, base - quote);
}

/**
 * The decimals of a token whose price is told both in smallest units and in whole tokens of a
 * reference: the prices have the same digits, and only the point between them differs.
 */
export function decimalsOf(price: string, whole: string, reference: number): number | undefined {
  const [small, large] = [scientific(price), scientific(whole)];
  if (!small || !large || small.digits !== large.digits) return undefined;
  const decimals = large.exponent - small.exponent + reference;
  return decimals >= 0 && decimals <= 255 ? decimals : undefined;
}

// The last of 36 digits can be rounded differently.
const COMPARED = 20;

function scientific(decimal: string): { digits: string; exponent: number } | undefined {
  const [whole = "", fraction = ""] = decimal.split(".");
  const digits = whole + fraction;
  const first = digits.search(/[1-9]/);
  if (first < 0) return undefined;
  const compared = digits.slice(first, first + COMPARED).replace(/0+$/, "");
  return { digits: compared, exponent: whole.length - first };
}
