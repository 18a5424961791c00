// What a user's closed positions and shares of pools cost and brought.
import { outcomeName } from "../format/text";
import type {
  LiquidityPosition,
  Market,
  Position,
  PositionCosts,
} from "../gen/capstan/market/v1/market_pb";
import { marketKey } from "../state/user";
import { seriesClass } from "./bars";
import { Empty } from "./notice";
import { Table } from "./table";
import { MarketLink, unitOf } from "./user_tables";
import { Amount, Profit } from "./values";

type Markets = ReadonlyMap<string, Market>;

export function ClosedPositions({
  positions,
  markets,
}: {
  positions: Position[];
  markets: Markets;
}) {
  if (positions.length === 0) return <Empty text="This address has closed no position." />;
  return (
    <Table
      name="closed"
      label="Closed positions"
      columns={["Market", "Outcome", "#Paid", "#Profit"]}
      rows={positions.map(({ marketId, chainId, outcomeIndex, outcome, costs }) => {
        const market = markets.get(marketKey(chainId, marketId));
        return {
          key: `${marketKey(chainId, marketId)}/${outcomeIndex}`,
          cells: [
            <MarketLink marketId={marketId} chainId={chainId} market={market} />,
            <span class={`dot ${seriesClass(outcomeIndex)}`}>
              {outcome || outcomeName([], outcomeIndex)}
            </span>,
            <Amount raw={costs?.invested ?? "0"} unit={unitOf(market)} />,
            <Profit raw={profit(costs)} unit={unitOf(market)} />,
          ],
        };
      })}
    />
  );
}

export function Liquidity({
  positions,
  markets,
}: {
  positions: LiquidityPosition[];
  markets: Markets;
}) {
  if (positions.length === 0) return <Empty text="This address has added no liquidity." />;
  return (
    <Table
      name="liquidity"
      label="Liquidity"
      columns={["Market", "#Shares", "#Cost", "#Fees received"]}
      rows={positions.map(({ marketId, chainId, costs }) => {
        const market = markets.get(marketKey(chainId, marketId));
        return {
          key: marketKey(chainId, marketId),
          cells: [
            <MarketLink marketId={marketId} chainId={chainId} market={market} />,
            <Amount
              raw={costs?.knownAmount ?? "0"}
              unit={{ decimals: market?.collateralDecimals }}
            />,
            <Amount raw={costs?.cost ?? "0"} unit={unitOf(market)} />,
            <Profit raw={profit(costs)} unit={unitOf(market)} />,
          ],
        };
      })}
    />
  );
}

/** What was received for tokens, whether or not their cost is known, less what they cost. */
function profit(costs: PositionCosts | undefined): string {
  return (BigInt(costs?.realisedPnl ?? 0) + BigInt(costs?.unmatchedPnl ?? 0)).toString();
}
