// Who holds the outcome tokens of a market.
import { outcomeName } from "../format/text";
import type { Market, Position } from "../gen/capstan/market/v1/market_pb";
import { seriesClass } from "./bars";
import { Empty } from "./notice";
import { Table } from "./table";
import { Amount, User } from "./values";
import { Worth } from "./worth";

export function Holders({ positions, market }: { positions: Position[]; market: Market }) {
  if (positions.length === 0) return <Empty text="Nobody holds tokens of this market." />;
  const unit = { decimals: market.collateralDecimals, symbol: market.collateralSymbol };
  return (
    <Table
      name="holders"
      label="Holders"
      columns={["Holder", "Outcome", "#Tokens", market.resolved ? "#Pays" : "#Worth now"]}
      rows={positions.map((position) => ({
        key: `${position.userAddress}/${position.outcomeIndex}`,
        cells: [
          <User address={position.userAddress} />,
          <span class={`dot ${seriesClass(position.outcomeIndex)}`}>
            {outcomeName(market.outcomes, position.outcomeIndex)}
          </span>,
          <Amount raw={position.amount} unit={{ decimals: unit.decimals }} />,
          <Worth amount={position.amount} outcomeIndex={position.outcomeIndex} market={market} />,
        ],
      }))}
    />
  );
}
