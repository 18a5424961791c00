// Who holds the outcome tokens of a market.
import { outcomeName } from "../format/text";
import type { Market, Position } from "../gen/capstan/market/v1/market_pb";
import { seriesClass } from "./bars";
import { Empty } from "./notice";
import { Table } from "./table";
import { Amount, Count, User } from "./values";
import { Worth } from "./worth";

interface Props {
  positions: Position[];
  /** How many hold each outcome. */
  counts: bigint[];
  market: Market;
}

export function Holders({ positions, counts, market }: Props) {
  if (positions.length === 0) return <Empty text="Nobody holds tokens of this market." />;
  return (
    <>
      <dl class="facts holder-counts">
        {counts.map((count, index) => (
          <div key={index}>
            <dt class={`dot ${seriesClass(index)}`}>{outcomeName(market.outcomes, index)}</dt>
            <dd>
              <Count value={count} />
            </dd>
          </div>
        ))}
      </dl>
      <HolderTable positions={positions} market={market} />
    </>
  );
}

function HolderTable({ positions, market }: { positions: Position[]; market: Market }) {
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
