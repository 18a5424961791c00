// What there is to know about a market besides its prices: money, times, contracts.
import { formatPercent } from "../format/amount";
import { outcomeName } from "../format/text";
import { type Market, MarketSource } from "../gen/capstan/market/v1/market_pb";
import { seriesClass } from "./bars";
import { Category } from "./category_filter";
import { Fact } from "./fact";
import { Amount, Count, Id, Moment, User } from "./values";

/** `read` is the market as it was last read: what no stream tells of is taken from there. */
export function MarketFacts({ market, read }: { market: Market; read: Market }) {
  const unit = { decimals: market.collateralDecimals, symbol: market.collateralSymbol };
  return (
    <>
      <dl class="facts">
        <Fact name="Volume">
          <Amount raw={market.volume} unit={unit} />
        </Fact>
        <Fact name="Trades">
          <Count value={market.tradeCount} />
        </Fact>
        <Fact name="Last 24 hours">
          <Amount raw={market.volume24h} unit={unit} />
        </Fact>
        <Fact name="Liquidity">
          {market.liquidity === undefined ? "none" : <Amount raw={market.liquidity} unit={unit} />}
        </Fact>
        <Fact name="Open interest">
          {read.openInterest === undefined ? (
            "unknown"
          ) : (
            <Amount raw={read.openInterest} unit={unit} />
          )}
        </Fact>
        <Fact name="Pool fee">
          {market.fee === undefined ? "no pool yet" : formatFee(market.fee)}
        </Fact>
        <Fact name="Created">
          <Moment time={market.createdAt} />
        </Fact>
        <Fact name="Resolution">
          <Resolution market={market} />
        </Fact>
        <Fact name="Creator">
          <User address={market.creator} />
        </Fact>
        {market.category !== undefined && (
          <Fact name="Category">
            <Category name={market.category} />
          </Fact>
        )}
      </dl>
      {market.poolBalances.length > 0 && (
        <>
          <h3>Tokens in the pool</h3>
          <dl class="facts pool">
            {market.poolBalances.map((balance, index) => (
              <div key={index}>
                <dt class={`dot ${seriesClass(index)}`}>{outcomeName(market.outcomes, index)}</dt>
                <dd>
                  <Amount raw={balance} unit={{ decimals: unit.decimals }} />
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <details open>
        <summary>Contracts and ids</summary>
        <Contracts market={market} />
      </details>
    </>
  );
}

function Contracts({ market }: { market: Market }) {
  return (
    <dl class="ids">
      <Fact name="Market">
        <Id value={market.marketId} />
      </Fact>
      {market.slug !== undefined && (
        <Fact name="Slug">
          <Id value={market.slug} />
        </Fact>
      )}
      <Fact name="Chain">{market.chainId.toString()}</Fact>
      <Fact name="Announced by">{sourceName(market.source)}</Fact>
      {market.ammAddress !== undefined && (
        <Fact name="Pool">
          <Id value={market.ammAddress} />
        </Fact>
      )}
      <Fact name="Collateral">
        <Id value={market.collateralToken} />
      </Fact>
      <Fact name="Condition">
        <Id value={market.conditionId} />
      </Fact>
      {market.questionId !== undefined && (
        <Fact name="Question">
          <Id value={market.questionId} />
        </Fact>
      )}
      {market.resolution?.transactionHash !== undefined && (
        <Fact name="Resolved in">
          <Id value={market.resolution.transactionHash} />
        </Fact>
      )}
    </dl>
  );
}

function Resolution({ market }: { market: Market }) {
  if (market.resolved) return <>paid out {market.payouts.join(" : ")}</>;
  if (market.resolutionTime === undefined) return <>open, no date given</>;
  return (
    <>
      due <Moment time={market.resolutionTime} />
    </>
  );
}

// A fraction of 10^18 is a price of 18 decimals without the point.
function formatFee(fee: string): string {
  const digits = fee.padStart(19, "0");
  return formatPercent(`${digits.slice(0, -18)}.${digits.slice(-18)}`);
}

function sourceName(source: MarketSource): string {
  if (source === MarketSource.FACTORY) return "a market factory";
  return source === MarketSource.POOL ? "its pool only" : "unknown";
}
