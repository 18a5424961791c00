// Amounts and prices in words, exact: integers and decimal strings never pass through a float.

const PRICE_DECIMALS = 18;
const PRICE_ONE = 10n ** BigInt(PRICE_DECIMALS);

/** What the chain's configuration says about a token; either part can be missing. */
export interface Unit {
  decimals?: number | undefined;
  symbol?: string | undefined;
}

/**
 * An amount of smallest units for reading, rounded toward zero to `places` decimals.
 * Without known decimals it is the integer itself, called units.
 */
export function formatAmount(raw: string, unit: Unit, places = 2): string {
  const label = unit.symbol ? ` ${unit.symbol}` : "";
  if (unit.decimals === undefined) {
    return `${group(raw)}${label || " units"}`;
  }
  const shown = Math.min(places, unit.decimals);
  const amount = BigInt(raw);
  const step = 10n ** BigInt(unit.decimals - shown);
  if (amount > 0n && amount < step) {
    return `<${decimal(1n, shown)}${label}`;
  }
  return `${decimal(amount / step, shown)}${label}`;
}

/** A gain with a plus or a loss with a minus, as `format` writes its size. */
export function withSign(raw: string, format: (size: string) => string): string {
  if (raw.startsWith("-")) return `−${format(raw.slice(1))}`;
  return raw === "0" ? format(raw) : `+${format(raw)}`;
}

/** Every digit of an amount, for the tooltip of a rounded one. */
export function exactAmount(raw: string, unit: Unit): string {
  if (unit.decimals === undefined) {
    return formatAmount(raw, unit);
  }
  const digits = decimal(BigInt(raw), unit.decimals);
  const trimmed = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  return `${trimmed}${unit.symbol ? ` ${unit.symbol}` : ""}`;
}

/** What somebody typed as smallest units; undefined when it is no amount of the token. */
export function parseAmount(text: string, unit: Unit): string | undefined {
  const places = unit.decimals ?? 0;
  const [, whole, fraction = ""] = /^(\d+)(?:\.(\d*))?$/.exec(text.replaceAll(",", "")) ?? [];
  if (whole === undefined || fraction.length > places) return undefined;
  return BigInt(whole + fraction.padEnd(places, "0")).toString();
}

/** A price from 0 to 1 as percent with one decimal, rounded to nearest, half up. */
export function formatPercent(price: string): string {
  const scaled = parsePrice(price);
  const tenths = (scaled * 1000n + PRICE_ONE / 2n) / PRICE_ONE;
  if (tenths === 0n && scaled > 0n) return "<0.1%";
  if (tenths === 1000n && scaled < PRICE_ONE) return ">99.9%";
  return `${decimal(tenths, 1)}%`;
}

/** A decimal string with up to 18 decimals as an integer of 10^-18; more decimals are cut off. */
export function parsePrice(price: string): bigint {
  const [whole = "0", fraction = ""] = price.split(".");
  return BigInt(whole + fraction.slice(0, PRICE_DECIMALS).padEnd(PRICE_DECIMALS, "0"));
}

/** What an amount of outcome tokens is worth at a price, rounded down to the smallest unit. */
export function worth(amount: string, price: string): string {
  return ((BigInt(amount) * parsePrice(price)) / PRICE_ONE).toString();
}

/** What each outcome pays as a price from 0 to 1, rounded down; empty when nothing is paid. */
export function payoutPrices(numerators: string[]): string[] {
  const parts = numerators.map((numerator) => BigInt(numerator));
  const sum = parts.reduce((total, part) => total + part, 0n);
  if (sum === 0n) return [];
  return parts.map((part) => decimal((part * PRICE_ONE) / sum, PRICE_DECIMALS));
}

/** The sum of two amounts. */
export function addAmounts(left: string, right: string): string {
  return (BigInt(left) + BigInt(right)).toString();
}

/** An integer with a comma between thousands. */
export function group(integer: string | bigint): string {
  return integer.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

function decimal(value: bigint, places: number): string {
  const digits = value.toString().padStart(places + 1, "0");
  const whole = group(digits.slice(0, digits.length - places));
  return places === 0 ? whole : `${whole}.${digits.slice(-places)}`;
}
