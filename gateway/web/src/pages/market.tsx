// One market: prices, chart, trades, holders, resolution and contracts.
import { PriceChart } from "../chart/price_chart";
import { marketTitle, millis } from "../format/text";
import { useTitle, useView } from "../live/use";
import { ProbabilityBars } from "../parts/bars";
import { Holders } from "../parts/holders";
import { MarketFacts } from "../parts/market_facts";
import { More } from "../parts/more";
import { Empty, Failure, Loading } from "../parts/notice";
import { Quote } from "../parts/quote";
import { Trades } from "../parts/trades";
import { AsOfBlock } from "../parts/values";
import { type MarketState, MarketView } from "../state/market";
import { noPriceReason } from "./markets";

export function MarketPage({ id, chainId }: { id: string; chainId: bigint }) {
  const view = useView(() => new MarketView(id, chainId));
  const state = view.data.value;
  const market = state?.entry.market;
  const title = market ? marketTitle(market) : "Market";
  useTitle(title);
  return (
    <>
      <p class="crumb">
        <a href="/">All markets</a>
      </p>
      <h1>
        {title}
        {market?.resolved && <span class="badge won">resolved</span>}
      </h1>
      <Failure error={view.error.value} subject="market" onRetry={() => void view.reload()} />
      {!state && !view.error.value && <Loading what="market" />}
      {state && <Market state={state} view={view} />}
    </>
  );
}

function Market({ state, view }: { state: MarketState; view: MarketView }) {
  const { market } = state.entry;
  return (
    <>
      {state.asOf && (
        <p class="page-as-of">
          <AsOfBlock asOf={state.asOf} />
        </p>
      )}
      <div class="columns">
        <div class="column">
          <section class="panel" aria-labelledby="outcomes">
            <h2 id="outcomes">{market.resolved ? "Outcomes" : "Live prices"}</h2>
            <ProbabilityBars market={market} />
            {market.prices.length === 0 && <p class="muted small">{noPriceReason(market)}</p>}
          </section>
          <History state={state} view={view} />
        </div>
        <section class="panel" aria-labelledby="facts">
          <h2 id="facts">Market</h2>
          <MarketFacts market={market} read={state.holders.market ?? market} />
        </section>
      </div>
      <Quote market={market} />
      <section class="panel" aria-labelledby="trades">
        <h2 id="trades">Last trades</h2>
        <Trades trades={state.trades.slice(0, state.tradesShown)} market={market} />
        <More
          token={state.trades.length > state.tradesShown ? "in memory" : state.olderTrades}
          label="Load older trades"
          load={() => view.moreTrades()}
        />
      </section>
      <section class="panel" aria-labelledby="holders">
        <div class="section-head">
          <h2 id="holders">Holders</h2>
          {state.holders.asOf && <AsOfBlock asOf={state.holders.asOf} label="Read at block" />}
        </div>
        <Holders
          positions={state.holders.positions}
          counts={state.holders.market?.holderCounts ?? []}
          market={market}
        />
        <More
          token={state.holders.nextPage}
          label="Load more holders"
          load={() => view.moreHolders()}
        />
      </section>
    </>
  );
}

function History({ state, view }: { state: MarketState; view: MarketView }) {
  return (
    <section class="panel" aria-labelledby="history">
      <h2 id="history">Price history</h2>
      {state.points.length === 0 ? (
        <Empty text="No price yet. The chart begins with the first liquidity." />
      ) : (
        <PriceChart
          market={state.entry.market}
          points={state.points}
          until={millis(state.asOf?.block?.time)}
        />
      )}
      <More token={state.olderPoints} label="Load older prices" load={() => view.morePoints()} />
    </section>
  );
}
