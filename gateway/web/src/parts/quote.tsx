// What a trade would cost: asked of the platform, which answers as the pool's contract would.
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { markets } from "../api/clients";
import { parseAmount, type Unit } from "../format/amount";
import { outcomeName } from "../format/text";
import {
  type Market,
  QuoteProblem,
  type QuoteTradeResponse,
  type TradeQuote,
  TradeSide,
} from "../gen/capstan/market/v1/market_pb";
import { usePoll } from "../live/use";
import { Fact } from "./fact";
import { Failure, Loading } from "./notice";
import { Amount, AsOfBlock, Price } from "./values";

const EVERY_MS = 2_000;

interface Wanted {
  side: TradeSide;
  outcomeIndex: number;
  /** In the smallest unit. */
  collateral: string;
}

export function Quote({ market }: { market: Market }) {
  const wanted = useSignal<Wanted | undefined>(undefined);
  const trade = wanted.value;
  return (
    <section class="panel" aria-labelledby="quote">
      <h2 id="quote">Quote a trade</h2>
      <TradeForm market={market} onApply={(next) => (wanted.value = next)} />
      {trade && <Answer key={JSON.stringify(trade)} market={market} wanted={trade} />}
    </section>
  );
}

function TradeForm({ market, onApply }: { market: Market; onApply: (wanted: Wanted) => void }) {
  const id = useId();
  const refused = useSignal(false);
  const decimals = market.collateralDecimals;
  const apply = (form: HTMLFormElement): void => {
    const data = new FormData(form);
    const text = (name: string) => String(data.get(name) ?? "").trim();
    const collateral = parseAmount(text("amount"), { decimals });
    refused.value = collateral === undefined;
    if (collateral === undefined) return;
    onApply({ side: Number(text("side")), outcomeIndex: Number(text("outcome")), collateral });
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        apply(event.currentTarget);
      }}
    >
      <label>
        Side
        <select name="side">
          <option value={TradeSide.BUY}>buy for</option>
          <option value={TradeSide.SELL}>sell to get</option>
        </select>
      </label>
      <label>
        {market.collateralSymbol ?? (decimals === undefined ? "Smallest units" : "Collateral")}
        <input
          name="amount"
          inputMode="decimal"
          autocomplete="off"
          aria-invalid={refused.value}
          aria-describedby={`${id}-refused`}
        />
      </label>
      <label>
        Outcome
        <select name="outcome">
          {Array.from({ length: market.outcomeCount }, (_, index) => (
            <option key={index} value={index}>
              {outcomeName(market.outcomes, index)}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Quote</button>
      <p id={`${id}-refused`} class="refused" role="alert">
        {refused.value && `An amount is a number with at most ${decimals ?? 0} decimals.`}
      </p>
    </form>
  );
}

function Answer({ market, wanted }: { market: Market; wanted: Wanted }) {
  const { side, outcomeIndex, collateral } = wanted;
  const found = usePoll((signal) => {
    const amount = { case: "collateralAmount", value: collateral } as const;
    const { marketId, chainId } = market;
    return markets.quoteTrade({ marketId, chainId, side, outcomeIndex, amount }, { signal });
  }, EVERY_MS);
  const answer = found.data.value;
  return (
    <>
      <Failure error={found.error.value} subject="quote" />
      {!answer && !found.error.value && <Loading what="quote" />}
      {answer?.asOf && <AsOfBlock asOf={answer.asOf} label="Quoted at block" />}
      {answer?.quote && <QuoteFacts quote={answer.quote} side={side} market={market} />}
      {answer && !answer.quote && <p role="status">{reason(answer)}</p>}
    </>
  );
}

function QuoteFacts({
  quote,
  side,
  market,
}: {
  quote: TradeQuote;
  side: TradeSide;
  market: Market;
}) {
  const unit: Unit = { decimals: market.collateralDecimals, symbol: market.collateralSymbol };
  const tokens: Unit = { decimals: market.collateralDecimals };
  const isBuy = side === TradeSide.BUY;
  return (
    <dl class="facts">
      <Fact name={isBuy ? "You pay" : "You get"}>
        <Amount raw={quote.collateralAmount} unit={unit} />
      </Fact>
      <Fact name={isBuy ? "Tokens you get" : "Tokens you give"}>
        <Amount raw={quote.outcomeAmount} unit={tokens} />
      </Fact>
      <Fact name={isBuy ? "At least, with 1% slippage" : "At most, with 1% slippage"}>
        <Amount raw={quote.outcomeAmountLimit} unit={tokens} />
      </Fact>
      <Fact name="Fee of the pool">
        <Amount raw={quote.fee} unit={unit} />
      </Fact>
      <Fact name="Average price">
        <Price price={quote.averagePrice} />
      </Fact>
      <Fact name="Price before and after">
        <Price price={quote.priceBefore} /> → <Price price={quote.priceAfter} />
      </Fact>
      <Fact name="Price impact">
        <Price price={quote.priceImpact} />
      </Fact>
    </dl>
  );
}

function reason(answer: QuoteTradeResponse): string {
  switch (answer.problem) {
    case QuoteProblem.NO_POOL:
      return "This market has no pool yet.";
    case QuoteProblem.NO_LIQUIDITY:
      return "The pool is out of tokens: nobody can trade before somebody adds liquidity.";
    default:
      return "The pool cannot make this trade. Try a smaller amount.";
  }
}
