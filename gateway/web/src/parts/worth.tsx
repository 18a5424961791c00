// What outcome tokens are worth: the payout once it is known, the marginal price before.
import { payoutPrices, worth } from "../format/amount";
import type { Market } from "../gen/capstan/market/v1/market_pb";
import { Amount } from "./values";

export function Worth({
  amount,
  outcomeIndex,
  market,
}: {
  amount: string;
  outcomeIndex: number;
  market: Pick<
    Market,
    "resolved" | "payouts" | "prices" | "collateralDecimals" | "collateralSymbol"
  >;
}) {
  const prices = market.resolved ? payoutPrices(market.payouts) : market.prices;
  const price = prices[outcomeIndex];
  if (price === undefined) return <span class="muted">no price</span>;
  const unit = { decimals: market.collateralDecimals, symbol: market.collateralSymbol };
  return <Amount raw={worth(amount, price)} unit={unit} />;
}
