// Where things are in the chart, in pixels.
import { millis } from "../format/text";
import type { PricePoint } from "../gen/capstan/market/v1/market_pb";
import { priceRange, priceTicks, scale, tickLabel, timeTicks } from "./scale";

export interface Layout {
  size: { width: number; height: number };
  left: number;
  right: number;
  top: number;
  bottom: number;
  /** Time of every point, in milliseconds. */
  times: number[];
  /** Where the point of this index is. */
  x(index: number): number;
  /** Where a price is; undefined for no price. */
  y(price: string | undefined): number | undefined;
  timeAt(x: number): number;
  xTicks: { at: number; label: string }[];
  yTicks: { at: number; label: string }[];
}

const MARGIN = { left: 44, right: 12, top: 12, bottom: 28 };
const PIXELS_PER_TICK = 80;
// A market with a single point still needs a span of time to be drawn in.
const SHORTEST_SPAN_MS = 10_000;

/** Places points in a drawing of this size, from the first point to `until`. */
export function layout(
  points: PricePoint[],
  until: number,
  size: { width: number; height: number },
): Layout {
  const [left, right] = [MARGIN.left, Math.max(MARGIN.left + 1, size.width - MARGIN.right)];
  const [top, bottom] = [MARGIN.top, size.height - MARGIN.bottom];
  const times = points.map((point) => millis(point.block?.time));
  const to = Math.max(until, times.at(-1) ?? until);
  const span = { from: Math.min(times[0] ?? to, to - SHORTEST_SPAN_MS), to };
  const prices = priceRange(points.flatMap((point) => point.prices.map(Number)));
  const toX = scale(span, { from: left, to: right });
  const toY = scale(prices, { from: bottom, to: top });
  const most = Math.max(2, Math.floor((right - left) / PIXELS_PER_TICK));
  const { ticks, stepMs } = timeTicks(span, most, -new Date(to).getTimezoneOffset() * 60_000);
  return {
    size,
    left,
    right,
    top,
    bottom,
    times,
    x: (index) => toX(times[index] ?? to),
    y: (price) => (price === undefined ? undefined : toY(Number(price))),
    timeAt: scale({ from: left, to: right }, span),
    xTicks: ticks.map((tick) => ({ at: toX(tick), label: tickLabel(tick, stepMs) })),
    yTicks: priceTicks(prices).map((tick) => ({
      at: toY(tick),
      label: `${Math.round(tick * 100)}%`,
    })),
  };
}
