// The prices of a market's outcomes as probability bars.
import { formatPercent, payoutPrices } from "../format/amount";
import { outcomeName } from "../format/text";
import type { Market } from "../gen/capstan/market/v1/market_pb";
import { Price } from "./values";

export function ProbabilityBars({ market, most }: { market: Market; most?: number }) {
  const indexes = Array.from({ length: market.outcomeCount }, (_, index) => index);
  const shown = indexes.slice(0, most ?? indexes.length);
  const payouts = payoutPrices(market.payouts);
  return (
    <>
      <ul class="bars">
        {shown.map((index) => (
          <li key={index} class={`bar ${seriesClass(index)}`}>
            <span class="bar-name">
              {outcomeName(market.outcomes, index)}
              <Payout price={payouts[index]} />
            </span>
            <Price price={market.prices[index]} />
            <Track price={market.prices[index]} />
          </li>
        ))}
      </ul>
      {shown.length < indexes.length && (
        <p class="muted small">and {indexes.length - shown.length} more outcomes</p>
      )}
    </>
  );
}

/** The colour of an outcome, the same in bars, chart and legend. */
export function seriesClass(index: number): string {
  return `series-${index % 8}`;
}

function Track({ price }: { price: string | undefined }) {
  return (
    <span class="bar-track" aria-hidden="true">
      <span class="bar-fill" style={{ width: price === undefined ? "0" : pixelShare(price) }} />
    </span>
  );
}

// Only the length of a bar; every number that is read stays exact.
function pixelShare(price: string): string {
  return `${(Number(price) * 100).toFixed(2)}%`;
}

function Payout({ price }: { price: string | undefined }) {
  if (price === undefined || /^[0.]*$/.test(price)) return null;
  return <span class="badge won">pays {formatPercent(price)}</span>;
}
