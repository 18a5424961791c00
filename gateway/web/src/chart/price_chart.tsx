// The price history of a market: one line for each outcome, readable by pointer and by keyboard.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { formatPercent } from "../format/amount";
import { formatTime, millis, outcomeName } from "../format/text";
import type { Market, PricePoint } from "../gen/capstan/market/v1/market_pb";
import { seriesClass } from "../parts/bars";
import { Axes } from "./axes";
import { layout, type Layout } from "./layout";
import { staircase } from "./line";
import { indexAt } from "./scale";

const HEIGHT = 300;

export interface ChartProps {
  market: Market;
  /** Oldest first; at least one. */
  points: PricePoint[];
  /** Time of the newest block: the lines are drawn up to it. */
  until: number;
}

export function PriceChart({ market, points, until }: ChartProps) {
  const width = useSignal(0);
  const box = useRef<HTMLDivElement>(null);
  const chosen = useSignal<number | undefined>(undefined);

  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) width.value = Math.floor(entry.contentRect.width);
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [width]);

  const drawn = layout(points, until, { width: width.value, height: HEIGHT });
  const last = points.length - 1;
  const at = chosen.value === undefined ? undefined : Math.min(chosen.value, last);
  const choose = (event: PointerEvent): void => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    chosen.value = indexAt(drawn.times, drawn.timeAt(event.clientX - left));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = keyTarget(event.key, at ?? last, last);
    if (next === undefined) return;
    event.preventDefault();
    chosen.value = next;
  };

  return (
    <figure class="chart">
      <div
        ref={box}
        class="chart-box"
        role="slider"
        tabIndex={0}
        aria-label="Price history; the arrow keys move through the points"
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={at ?? last}
        aria-valuetext={pointText(market, points[at ?? last])}
        onPointerMove={choose}
        onPointerDown={choose}
        onPointerLeave={() => (chosen.value = undefined)}
        onBlur={() => (chosen.value = undefined)}
        onKeyDown={onKeyDown}
      >
        {width.value > 0 && <Drawing market={market} points={points} drawn={drawn} at={at} />}
        {at !== undefined && <Tooltip market={market} point={points[at]} x={drawn.x(at)} />}
      </div>
      <figcaption class="legend">
        {series(market).map((index) => (
          <span key={index} class={seriesClass(index)}>
            {outcomeName(market.outcomes, index)}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

interface DrawingProps {
  market: Market;
  points: PricePoint[];
  drawn: Layout;
  at: number | undefined;
}

function Drawing({ market, points, drawn, at }: DrawingProps) {
  const { size } = drawn;
  return (
    <svg width={size.width} height={size.height} aria-hidden="true" data-points={points.length}>
      <Axes drawn={drawn} />
      {series(market).map((index) => (
        <path
          key={index}
          class={`line ${seriesClass(index)}`}
          d={staircase(
            points.map((point, at) => ({ x: drawn.x(at), y: drawn.y(point.prices[index]) })),
            drawn.right,
          )}
        />
      ))}
      {at !== undefined && (
        <line class="cursor" x1={drawn.x(at)} x2={drawn.x(at)} y1={drawn.top} y2={drawn.bottom} />
      )}
      {at !== undefined &&
        series(market).map((index) => {
          const y = drawn.y(points[at]?.prices[index]);
          if (y === undefined) return null;
          return <circle key={index} class={seriesClass(index)} cx={drawn.x(at)} cy={y} r="4" />;
        })}
    </svg>
  );
}

function Tooltip({
  market,
  point,
  x,
}: {
  market: Market;
  point: PricePoint | undefined;
  x: number;
}) {
  if (!point) return null;
  return (
    <div class="tooltip" ref={(element) => place(element, x)}>
      <p class="tooltip-time">{timeText(point)}</p>
      {series(market).map((index) => (
        <p key={index} class={seriesClass(index)}>
          <span>{outcomeName(market.outcomes, index)}</span> <b>{priceText(point, index)}</b>
        </p>
      ))}
    </div>
  );
}

// Beside the cursor line, on the side that has room.
function place(element: HTMLElement | null, x: number): void {
  if (!element) return;
  const room = element.parentElement?.clientWidth ?? 0;
  const wide = element.offsetWidth;
  const left = x + 12 + wide <= room ? x + 12 : x - 12 - wide;
  element.style.left = `${Math.max(0, left)}px`;
}

function keyTarget(key: string, at: number, last: number): number | undefined {
  const targets: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    PageUp: at + 10,
    PageDown: at - 10,
    Home: 0,
    End: last,
  };
  const target = targets[key];
  return target === undefined ? undefined : Math.min(last, Math.max(0, target));
}

function series(market: Market): number[] {
  return Array.from({ length: market.outcomeCount }, (_, index) => index);
}

function pointText(market: Market, point: PricePoint | undefined): string {
  if (!point) return "";
  const prices = series(market).map(
    (index) => `${outcomeName(market.outcomes, index)} ${priceText(point, index)}`,
  );
  return [timeText(point), ...prices].join(", ");
}

function priceText(point: PricePoint, index: number): string {
  const price = point.prices[index];
  return price === undefined ? "no price" : formatPercent(price);
}

function timeText(point: PricePoint): string {
  const time = formatTime(new Date(millis(point.block?.time)), new Date());
  return `${time} · block ${point.block?.number ?? 0n}`;
}
