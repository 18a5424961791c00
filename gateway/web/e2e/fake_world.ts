// What the scripted platform knows: one chain, thirty markets, and what happened on them.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { ChainState } from "../src/gen/capstan/indexer/v1/indexer_pb";
import {
  ActivityKind,
  type Market,
  MarketSchema,
  MarketSource,
  PositionOrder,
  type PricePoint,
  PricePointSchema,
  type Trade,
  TradeSchema,
  TradeSide,
} from "../src/gen/capstan/market/v1/market_pb";
import { type BlockRef, BlockRefSchema, Finality } from "../src/gen/capstan/primitives/v1/block_pb";

export const CHAIN_ID = 8_453n;
export const ALICE = "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B";
export const BOB = "0x1111111111111111111111111111111111111111";
const MARKETS = 30;
const UNIT = 1_000_000n;

export class FakeWorld {
  private number = 1_000n;
  /** Counts the reorgs, so that blocks of the same number differ. */
  fork = 0;
  private readonly markets: Market[] = [];
  private readonly points = new Map<string, PricePoint[]>();
  private readonly trades = new Map<string, Trade[]>();

  constructor() {
    for (let index = 0; index < MARKETS; index += 1) {
      const market = newMarket(index, this.block());
      this.markets.push(market);
      this.points.set(market.marketId, []);
      this.trades.set(market.marketId, []);
      this.trade(index, index % 2 === 0 ? "0.6" : "0.35");
    }
  }

  idOf(marketIndex: number): string {
    return this.markets[marketIndex]?.marketId ?? "";
  }

  mine(): void {
    this.number += 1n;
  }

  trade(marketIndex: number, price: string): { trade: Trade; point: PricePoint; marketId: string } {
    this.mine();
    const market = this.markets[marketIndex];
    if (!market) throw new Error("no such market in the script");
    const { marketId } = market;
    const block = this.block();
    market.prices = pricesFrom(price, market.outcomeCount);
    market.volume = (BigInt(market.volume) + 12_345_678n).toString();
    market.openInterest = (BigInt(market.openInterest ?? 0) + 12_098_765n).toString();
    market.holderCounts = market.outcomes.map((_, at) => (at === 0 ? 2n : 0n));
    market.tradeCount += 1n;
    const point = create(PricePointSchema, {
      block,
      prices: market.prices,
      poolBalances: market.poolBalances,
    });
    const trade = create(TradeSchema, {
      marketId,
      chainId: CHAIN_ID,
      trader: ALICE,
      side: market.tradeCount % 3n === 0n ? TradeSide.SELL : TradeSide.BUY,
      outcomeIndex: 0,
      amount: "20576130",
      collateralAmount: "12345678",
      fee: "246913",
      price,
      block,
      transactionHash: hash("cc", Number(this.number)),
      logIndex: 3,
    });
    this.points.get(marketId)?.push(point);
    this.trades.get(marketId)?.unshift(trade);
    return { trade, point, marketId };
  }

  /** Takes back the last trade of a market; the new chain is one block longer. */
  reorg(marketIndex: number): BlockRef {
    const market = this.markets[marketIndex];
    if (!market) throw new Error("no such market in the script");
    this.fork += 1;
    this.points.get(market.marketId)?.pop();
    this.trades.get(market.marketId)?.shift();
    market.prices = this.points.get(market.marketId)?.at(-1)?.prices ?? [];
    market.volume = (BigInt(market.volume) - 12_345_678n).toString();
    market.openInterest = (BigInt(market.openInterest ?? 0) - 12_098_765n).toString();
    market.tradeCount -= 1n;
    this.mine();
    return this.block(this.number - 2n);
  }

  resolve(marketIndex: number): Market {
    this.mine();
    const market = this.markets[marketIndex];
    if (!market) throw new Error("no such market in the script");
    market.resolved = true;
    market.payouts = ["1", "0"];
    return market;
  }

  asOf() {
    return { chainId: CHAIN_ID, block: this.block(), finality: Finality.LATEST };
  }

  chain() {
    return {
      chainId: CHAIN_ID,
      name: "scripted",
      state: ChainState.LIVE,
      head: this.block(),
      indexed: this.block(),
      finalized: this.block(this.number - 64n),
      events: 12_345n,
      contracts: 33n,
    };
  }

  status() {
    return {
      status: "ok",
      version: "0.1.0",
      uptime: 93_784n,
      services: [
        { name: "indexer", health: "SERVING" },
        { name: "market", health: "SERVING" },
      ],
      chains: [this.chain()],
    };
  }

  listMarkets(pageSize: number, pageToken: string, category: string) {
    const from = Number(pageToken || "0");
    const next = from + pageSize;
    const wanted = this.markets.filter((it) => category === "" || it.category === category);
    return {
      markets: wanted.slice(from, next),
      nextPageToken: next < wanted.length ? String(next) : "",
      asOf: [this.asOf()],
    };
  }

  market(id: string): Market {
    const market = this.markets.find(({ marketId, slug }) => marketId === id || slug === id);
    if (!market) throw new ConnectError("market not found", Code.NotFound);
    return market;
  }

  history(id: string) {
    const points = this.points.get(this.market(id).marketId) ?? [];
    return { points: points.toReversed(), asOf: this.asOf() };
  }

  // The token is the number of trades from the oldest, so that new ones shift no page.
  listTrades(id: string, pageSize: number, pageToken: string) {
    const trades = this.trades.get(this.market(id).marketId) ?? [];
    const from = trades.length - Number(pageToken || trades.length);
    const rest = trades.length - from - pageSize;
    return {
      trades: trades.slice(from, from + pageSize),
      nextPageToken: rest > 0 ? String(rest) : "",
      asOf: this.asOf(),
    };
  }

  /** Two holders: one has what all trades bought, the other, whose address comes first, a little. */
  holders(id: string, order: PositionOrder) {
    const most = this.positions(this.market(id));
    const least = most.map((position) => ({ ...position, userAddress: BOB, amount: "1000000" }));
    const byAmount = order === PositionOrder.AMOUNT;
    return { positions: byAmount ? [...most, ...least] : [...least, ...most], asOf: this.asOf() };
  }

  positionsOf(address: string) {
    const mine = address.toLowerCase() === ALICE.toLowerCase();
    const positions = mine ? this.markets.slice(0, 3).flatMap((m) => this.positions(m)) : [];
    return { positions, asOf: [this.asOf()] };
  }

  historyOf(address: string) {
    const mine = address.toLowerCase() === ALICE.toLowerCase();
    const trades = mine ? this.markets.slice(0, 3).flatMap((m) => this.trades.get(m.marketId)) : [];
    const activities = trades.flatMap((trade) =>
      trade ? [{ ...fieldsOf(trade), kind: ActivityKind.BUY, userAddress: ALICE }] : [],
    );
    return { activities: [...this.gifts(mine), ...activities], asOf: [this.asOf()] };
  }

  /** A transfer of both outcomes of a market, and of a token that no market has. */
  private gifts(mine: boolean) {
    const [market] = this.markets;
    if (!mine || !market) return [];
    const gift = {
      ...{ userAddress: ALICE, counterparty: BOB, chainId: CHAIN_ID, block: this.block(1_001n) },
      ...{ collateralAmount: "0", fee: "0", amount: "5000000", logIndex: 9 },
    };
    const { marketId, conditionId } = market;
    const both = market.positionIds.map((positionId, outcomeIndex) => {
      const kind = ActivityKind.TRANSFER_OUT;
      return { ...gift, kind, marketId, conditionId, outcomeIndex, positionId };
    });
    return [{ ...gift, kind: ActivityKind.TRANSFER_IN, positionId: "777", logIndex: 11 }, ...both];
  }

  private positions(market: Market) {
    const count = BigInt(this.trades.get(market.marketId)?.length ?? 0);
    return [
      {
        userAddress: ALICE,
        marketId: market.marketId,
        chainId: CHAIN_ID,
        outcomeIndex: 0,
        outcome: market.outcomes[0],
        amount: (count * 20_576_130n).toString(),
        positionId: market.positionIds[0],
        price: market.prices[0],
      },
    ];
  }

  block(number = this.number): BlockRef {
    return create(BlockRefSchema, {
      number,
      hash: hash(`b${this.fork}`, Number(number)),
      time: timestampFromMs(Date.now() - Number(this.number - number) * 2_000),
    });
  }
}

function fieldsOf(trade: Trade) {
  const { marketId, chainId, outcomeIndex, amount, collateralAmount, fee, block, logIndex } = trade;
  return { marketId, chainId, outcomeIndex, amount, collateralAmount, fee, block, logIndex };
}

// Every kind that the app must show: named, unnamed, of many outcomes, of unknown collateral.
function newMarket(index: number, block: BlockRef): Market {
  const many = index === 2;
  const named = index !== 3;
  const outcomes = many ? ["North", "East", "South", "West", "Nowhere"] : ["Yes", "No"];
  return create(MarketSchema, {
    marketId: hash("aa", index),
    chainId: CHAIN_ID,
    questionId: hash("dd", index),
    conditionId: hash("ee", index),
    creator: ALICE,
    collateralToken: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    ammAddress: "0x4200000000000000000000000000000000000006",
    question: named
      ? `Will scripted event number ${index} happen before the year ends?`
      : undefined,
    outcomes: named ? outcomes : [],
    outcomeCount: outcomes.length,
    createdAt: block.time,
    updatedAt: block.time,
    poolBalances: outcomes.map((_, at) => ((500n + BigInt(at)) * UNIT).toString()),
    fee: "20000000000000000",
    volume: "0",
    openInterest: (500n * UNIT).toString(),
    holderCounts: outcomes.map(() => 0n),
    collateralSymbol: named ? "USDC" : undefined,
    collateralDecimals: named ? 6 : undefined,
    positionIds: outcomes.map((_, at) => String(1_000 + at)),
    source: named ? MarketSource.FACTORY : MarketSource.POOL,
    slug: named ? `scripted-event-${index}` : undefined,
    category: [undefined, "Weather", "R&D"][index % 3],
  });
}

// The first outcome has the price, the others share the rest.
function pricesFrom(price: string, outcomes: number): string[] {
  const thousandths = Math.round(Number(price) * 1_000);
  const share = Math.floor((1_000 - thousandths) / (outcomes - 1));
  return Array.from({ length: outcomes }, (_, index) => {
    const rest = 1_000 - thousandths - share * (outcomes - 2);
    const value = index === 0 ? thousandths : index === 1 ? rest : share;
    return `0.${String(value).padStart(3, "0")}`;
  });
}

export function hash(prefix: string, number: number): string {
  return `0x${prefix}${number.toString(16).padStart(62, "0")}`;
}
