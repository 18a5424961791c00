// The trades of a market, newest first.
import { outcomeName } from "../format/text";
import { type Market, type Trade, TradeSide } from "../gen/capstan/market/v1/market_pb";
import { seriesClass } from "./bars";
import { Empty } from "./notice";
import { Table } from "./table";
import { Amount, BlockTime, Price, User } from "./values";

export function Trades({ trades, market }: { trades: Trade[]; market: Market }) {
  if (trades.length === 0) return <Empty text="Nobody has traded here yet." />;
  const unit = { decimals: market.collateralDecimals, symbol: market.collateralSymbol };
  return (
    <Table
      name="trades"
      label="Last trades"
      columns={["Time", "Trader", "Side", "Outcome", "#Tokens", "#Collateral", "#Price"]}
      rows={trades.map((trade) => ({
        key: `${trade.block?.hash}/${trade.logIndex}`,
        cells: [
          <BlockTime block={trade.block} />,
          <User address={trade.trader} />,
          <Side side={trade.side} />,
          <span class={`dot ${seriesClass(trade.outcomeIndex)}`}>
            {outcomeName(market.outcomes, trade.outcomeIndex)}
          </span>,
          <Amount raw={trade.amount} unit={{ decimals: unit.decimals }} />,
          <Amount raw={trade.collateralAmount} unit={unit} />,
          <Price price={trade.price} />,
        ],
      }))}
    />
  );
}

function Side({ side }: { side: TradeSide }) {
  if (side === TradeSide.BUY) return <span class="side-buy">buy</span>;
  if (side === TradeSide.SELL) return <span class="side-sell">sell</span>;
  return <span class="muted">unknown</span>;
}
