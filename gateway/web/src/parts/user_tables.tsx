// The tables of a user's page.
import type { Unit } from "../format/amount";
import { activityKey, marketTitle, outcomeName, shorten } from "../format/text";
import {
  type Activity,
  ActivityKind,
  type Market,
  type Position,
  PositionStatus,
} from "../gen/capstan/market/v1/market_pb";
import { marketPath } from "../router";
import { marketKey } from "../state/user";
import { seriesClass } from "./bars";
import { Empty } from "./notice";
import { Table } from "./table";
import { Amount, BlockTime, Price, Profit, User } from "./values";
import { Worth } from "./worth";

type Markets = ReadonlyMap<string, Market>;

export function Positions({ positions, markets }: { positions: Position[]; markets: Markets }) {
  if (positions.length === 0) return <Empty text="This address holds no outcome tokens." />;
  return (
    <Table
      name="positions"
      label="Positions"
      columns={["Market", "Outcome", "#Tokens", "#Price", "#Worth", "#Cost", "#Profit", "State"]}
      rows={positions.map((position) => {
        const { marketId, chainId, outcomeIndex, amount, price } = position;
        const market = markets.get(marketKey(chainId, marketId));
        return {
          key: `${marketKey(chainId, marketId)}/${outcomeIndex}`,
          cells: [
            <MarketLink marketId={marketId} chainId={chainId} market={market} />,
            <span class={`dot ${seriesClass(outcomeIndex)}`}>
              {position.outcome || outcomeName([], outcomeIndex)}
            </span>,
            <Amount raw={amount} unit={{ decimals: market?.collateralDecimals }} />,
            <Price price={price} />,
            market ? (
              <Worth
                amount={amount}
                outcomeIndex={outcomeIndex}
                market={{ ...market, prices: withPrice(outcomeIndex, price) }}
              />
            ) : (
              <span class="muted">unknown</span>
            ),
            <Cost position={position} market={market} />,
            <Profit raw={position.costs?.unrealisedPnl} unit={unitOf(market)} />,
            <State position={position} market={market} />,
          ],
        };
      })}
    />
  );
}

/** What the tokens cost, as far as anybody knows. */
function Cost({ position, market }: { position: Position; market: Market | undefined }) {
  const { costs, reconciled, difference } = position;
  if (costs === undefined) return <span class="muted">unknown</span>;
  const given = costs.unknownAmount !== "0";
  return (
    <>
      <Amount raw={costs.cost} unit={unitOf(market)} />
      {given && <span class="muted"> and some was given</span>}
      {!reconciled && (
        <span class="badge bad" title={`${difference} units moved without a trade, split or merge`}>
          <span aria-hidden="true">⚠ </span>not reconciled
        </span>
      )}
    </>
  );
}

export function unitOf(market: Market | undefined): Unit {
  return { decimals: market?.collateralDecimals, symbol: market?.collateralSymbol };
}

/** What can be done with a position. */
function State({ position, market }: { position: Position; market: Market | undefined }) {
  const { status, payout, mergeable } = position;
  const unit = unitOf(market);
  if (status === PositionStatus.LOST) return <span class="muted">lost</span>;
  if (status === PositionStatus.REDEEMABLE) {
    if (payout === undefined) return <>redeemable</>;
    return (
      <>
        redeem for <Amount raw={payout} unit={unit} />
      </>
    );
  }
  if (mergeable === "0") return <>open</>;
  return (
    <>
      merge for <Amount raw={mergeable} unit={unit} />
    </>
  );
}

// The position's own price is the one that was read together with its amount.
function withPrice(index: number, price: string | undefined): string[] {
  const prices: string[] = [];
  if (price !== undefined) prices[index] = price;
  return prices;
}

export function History({ activities, markets }: { activities: Activity[]; markets: Markets }) {
  if (activities.length === 0) return <Empty text="This address has done nothing here yet." />;
  return (
    <Table
      name="history"
      label="History"
      columns={["Time", "What", "Market", "Outcome", "#Tokens", "#Collateral"]}
      rows={activities.map((activity) => {
        const { marketId, chainId } = activity;
        const market =
          marketId === undefined ? undefined : markets.get(marketKey(chainId, marketId));
        return {
          key: activityKey(activity),
          cells: [
            <BlockTime block={activity.block} />,
            <What activity={activity} />,
            marketId === undefined ? (
              <span class="muted">{unknownMarket(activity)}</span>
            ) : (
              <MarketLink marketId={marketId} chainId={chainId} market={market} />
            ),
            <Outcome activity={activity} market={market} />,
            <Moved raw={activity.amount} decimals={market?.collateralDecimals} />,
            <Moved
              raw={activity.collateralAmount}
              decimals={market?.collateralDecimals}
              symbol={market?.collateralSymbol}
            />,
          ],
        };
      })}
    />
  );
}

const KIND_TEXT: Record<ActivityKind, string> = {
  [ActivityKind.UNSPECIFIED]: "unknown",
  [ActivityKind.BUY]: "buy",
  [ActivityKind.SELL]: "sell",
  [ActivityKind.SPLIT]: "split",
  [ActivityKind.MERGE]: "merge",
  [ActivityKind.REDEEM]: "redeem",
  [ActivityKind.ADD_LIQUIDITY]: "add liquidity",
  [ActivityKind.REMOVE_LIQUIDITY]: "remove liquidity",
  [ActivityKind.TRANSFER_IN]: "given by",
  [ActivityKind.TRANSFER_OUT]: "given to",
};

function What({ activity }: { activity: Activity }) {
  const { kind, counterparty } = activity;
  if (counterparty === undefined) return <>{KIND_TEXT[kind]}</>;
  return (
    <>
      {KIND_TEXT[kind]} <User address={counterparty} />
    </>
  );
}

function unknownMarket({ positionId, conditionId }: Activity): string {
  return positionId === undefined
    ? `condition ${shorten(conditionId)}`
    : `token ${shorten(positionId)}`;
}

export function MarketLink({
  marketId,
  chainId,
  market,
}: {
  marketId: string;
  chainId: bigint;
  market: Market | undefined;
}) {
  const path = marketPath(market ?? { marketId, chainId });
  return <a href={path}>{marketTitle(market ?? { marketId })}</a>;
}

function Outcome({ activity, market }: { activity: Activity; market: Market | undefined }) {
  const { outcomeIndex, positionId } = activity;
  if (outcomeIndex === undefined) {
    return <span class="muted">{positionId === undefined ? "all" : "unknown"}</span>;
  }
  return (
    <span class={`dot ${seriesClass(outcomeIndex)}`}>
      {outcomeName(market?.outcomes ?? [], outcomeIndex)}
    </span>
  );
}

// Zero says that this kind of activity moves nothing here.
function Moved({
  raw,
  decimals,
  symbol,
}: {
  raw: string;
  decimals: number | undefined;
  symbol?: string | undefined;
}) {
  if (raw === "0") return <span class="muted">–</span>;
  return <Amount raw={raw} unit={{ decimals, symbol }} />;
}
