// The start page: how far the chains are, and the markets with live prices.
import { indexer } from "../api/clients";
import { marketTitle } from "../format/text";
import type { Market } from "../gen/capstan/market/v1/market_pb";
import { usePoll, useTitle, useView } from "../live/use";
import { ProbabilityBars } from "../parts/bars";
import { Category, CategoryFilter } from "../parts/category_filter";
import { Chains } from "../parts/chains";
import { More } from "../parts/more";
import { Empty, Failure, Loading } from "../parts/notice";
import { Amount, AsOfBlock, Count } from "../parts/values";
import { marketPath } from "../router";
import { keyOf, MarketListView } from "../state/market_list";

const STATUS_EVERY_MS = 2_000;
const MOST_BARS = 4;

export function MarketsPage({ category }: { category: string }) {
  useTitle(category === "" ? "Markets" : `Markets: ${category}`);
  return (
    <>
      <h1>Markets</h1>
      <ChainPanel />
      <MarketPanel category={category} />
    </>
  );
}

function ChainPanel() {
  const status = usePoll((signal) => indexer.getStatus({}, { signal }), STATUS_EVERY_MS);
  return (
    <section class="panel" aria-labelledby="chains">
      <h2 id="chains">Chains</h2>
      <Failure error={status.error.value} subject="state of the chains" />
      {status.data.value && <Chains chains={status.data.value.chains} />}
      {!status.data.value && !status.error.value && <Loading what="chains" />}
    </section>
  );
}

function MarketPanel({ category }: { category: string }) {
  const view = useView(() => new MarketListView(category));
  const list = view.data.value;
  const known = new Set(list?.entries.flatMap(({ market }) => market.category ?? []));
  return (
    <section aria-labelledby="markets">
      <div class="section-head">
        <h2 id="markets">Prediction markets</h2>
        {list?.asOf.map((asOf) => (
          <AsOfBlock key={asOf.chainId} asOf={asOf} />
        ))}
      </div>
      {(category !== "" || known.size > 0) && <CategoryFilter category={category} known={known} />}
      <Failure
        error={view.error.value}
        subject="list of markets"
        onRetry={() => void view.reload()}
      />
      {!list && !view.error.value && <Loading what="markets" />}
      {list?.entries.length === 0 && (
        <Empty
          text={
            category === ""
              ? "No market yet. Markets appear here as soon as one is created on a followed chain."
              : `No market is of the category ${category}.`
          }
        />
      )}
      {list && (
        <>
          <ul class="cards">
            {list.entries.map((entry) => (
              <MarketCard key={keyOf(entry)} market={entry.market} />
            ))}
          </ul>
          <More token={list.nextPage} label="Load more markets" load={() => view.more()} />
        </>
      )}
    </section>
  );
}

function MarketCard({ market }: { market: Market }) {
  const unit = { decimals: market.collateralDecimals, symbol: market.collateralSymbol };
  return (
    <li class="card" data-market={market.marketId}>
      <article>
        <h3>
          <a href={marketPath(market)}>{marketTitle(market)}</a>
          {market.resolved && <span class="badge won">resolved</span>}
        </h3>
        <ProbabilityBars market={market} most={MOST_BARS} />
        {market.prices.length === 0 && <p class="muted small">{noPriceReason(market)}</p>}
        <dl class="facts">
          <div>
            <dt>Volume</dt>
            <dd>
              <Amount raw={market.volume} unit={unit} />
            </dd>
          </div>
          <div>
            <dt>Trades</dt>
            <dd>
              <Count value={market.tradeCount} />
            </dd>
          </div>
          {market.category !== undefined && (
            <div>
              <dt>Category</dt>
              <dd>
                <Category name={market.category} />
              </dd>
            </div>
          )}
        </dl>
      </article>
    </li>
  );
}

/** Why a market has no price. */
export function noPriceReason(market: Market): string {
  return market.ammAddress === undefined
    ? "No pool has been deployed yet, so there is no price."
    : "The pool has no liquidity, so there is no price.";
}
