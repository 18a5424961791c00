// From times and prices to pixels and back; the only place where prices become floats.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((count) => count * DAY),
];

export interface Range {
  from: number;
  to: number;
}

/** Maps a domain onto a range, linearly; an empty domain maps to the range's start. */
export function scale(domain: Range, range: Range): (value: number) => number {
  const span = domain.to - domain.from;
  const factor = span === 0 ? 0 : (range.to - range.from) / span;
  return (value) => range.from + (value - domain.from) * factor;
}

/**
 * Round times within a span, at most `most` of them, aligned to local time: `offsetMs` is what
 * local time is ahead of UTC. Also their distance, which decides how they are written.
 */
export function timeTicks(
  { from, to }: Range,
  most: number,
  offsetMs: number,
): { ticks: number[]; stepMs: number } {
  const longest = STEPS[STEPS.length - 1] ?? DAY;
  const fitting = STEPS.find((step) => (to - from) / step < most);
  const stepMs = fitting ?? Math.ceil((to - from) / most / longest) * longest;
  const first = Math.ceil((from + offsetMs) / stepMs) * stepMs - offsetMs;
  const ticks: number[] = [];
  for (let tick = first; tick <= to; tick += stepMs) ticks.push(tick);
  return { ticks, stepMs };
}

/** How a tick is written: only the part that tells it from its neighbours. */
export function tickLabel(time: number, stepMs: number): string {
  const date = new Date(time);
  if (stepMs >= DAY) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return date.toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...(stepMs < MINUTE ? { second: "2-digit" } : {}),
  });
}

/**
 * The part of 0 to 1 that holds all prices with some air, in steps of 5 %: markets that hover in
 * a narrow band stay readable.
 */
export function priceRange(prices: number[]): Range {
  if (prices.length === 0) return { from: 0, to: 1 };
  const low = prices.reduce((least, price) => Math.min(least, price), 1);
  const high = prices.reduce((most, price) => Math.max(most, price), 0);
  // In twentieths, as integers, so that 0.15 is not 0.15000000000000002.
  const from = Math.max(0, Math.floor(low * 20 - 0.4));
  const to = Math.min(20, Math.ceil(high * 20 + 0.4));
  return to - from >= 2
    ? { from: from / 20, to: to / 20 }
    : { from: Math.max(0, from - 1) / 20, to: Math.min(20, to + 1) / 20 };
}

/** Four to six round prices within a range, as fractions. */
export function priceTicks({ from, to }: Range): number[] {
  const low = Math.round(from * 20);
  const high = Math.round(to * 20);
  const step = [1, 2, 4, 5].find((size) => (high - low) / size <= 5) ?? 5;
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick / 20);
  return ticks;
}

/** Index of the last time that is not after `time`, or 0 when all are; `times` is sorted. */
export function indexAt(times: number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
