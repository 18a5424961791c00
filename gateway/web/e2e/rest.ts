// The platform's REST answers, parsed as strictly as the contract allows.
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { activityKey } from "../src/format/text";
import { GetStatusResponseSchema } from "../src/gen/capstan/gateway/v1/gateway_pb";
import {
  GetStatusResponseSchema as IndexerStatusSchema,
  ListEventsResponseSchema,
} from "../src/gen/capstan/indexer/v1/indexer_pb";
import { ListPoolsResponseSchema } from "../src/gen/capstan/indexer/v1/pools_pb";
import {
  GetPricesResponseSchema,
  ListMarketPositionsResponseSchema,
  ListMarketsResponseSchema,
  ListTradesResponseSchema,
  ListUserHistoryResponseSchema,
  ListUserPositionsResponseSchema,
  type Market,
  MarketSchema,
  type Position,
  QuoteTradeResponseSchema,
} from "../src/gen/capstan/market/v1/market_pb";
import { ListPoolsResponseSchema as QuoterPoolsSchema } from "../src/gen/capstan/quoter/v1/pools_pb";
import { type Quote, QuoteSchema } from "../src/gen/capstan/quoter/v1/quote_pb";

// As many as the pages show at first.
const TRADES = 25;
const HISTORY = 50;
const EVENTS = 25;

export class Rest {
  constructor(private readonly base: string) {}

  market = (id: string) => this.get(MarketSchema, `/api/markets/${id}`);
  prices = (id: string) => this.get(GetPricesResponseSchema, `/api/markets/${id}/prices`);
  positions = (id: string) =>
    this.get(
      ListMarketPositionsResponseSchema,
      `/api/markets/${id}/positions?order=POSITION_ORDER_AMOUNT`,
    );
  /** What buying outcome 0 for an amount of smallest units would do. */
  purchase = (id: string, collateral: string) =>
    this.get(
      QuoteTradeResponseSchema,
      `/api/markets/${id}/quote?side=TRADE_SIDE_BUY&outcomeIndex=0&collateralAmount=${collateral}`,
    );
  trades = (id: string) =>
    this.get(ListTradesResponseSchema, `/v1/markets/${id}/trades?page_size=${TRADES}`);
  userPositions = (address: string) =>
    this.get(ListUserPositionsResponseSchema, `/api/users/${address}/positions`);
  userHistory = (address: string) =>
    this.get(ListUserHistoryResponseSchema, `/api/users/${address}/history?page_size=${HISTORY}`);
  indexerStatus = () => this.get(IndexerStatusSchema, "/api/indexer/status");
  newestEvents = (kind = "") =>
    this.get(
      ListEventsResponseSchema,
      `/v1/events?newest_first=true&page_size=${EVENTS}&kind=${kind}`,
    );
  pools = () => this.get(ListPoolsResponseSchema, "/api/pools");
  /** Pools that quotes are made of. */
  liquidityPools = () =>
    this.get(QuoterPoolsSchema, "/v1/quoter/pools?include_unusable=true&page_size=500");
  /** What exactly this much of a token gives: a search so small that no time limit cuts it short. */
  swap = (tokenIn: string, tokenOut: string, amountIn: string) => {
    const search = { maxHops: 1, maxSplits: 2, objective: "OBJECTIVE_GROSS" };
    return this.post(QuoteSchema, "/v1/quotes", { tokenIn, tokenOut, amountIn, ...search });
  };
  status = () => this.get(GetStatusResponseSchema, "/api/status");

  /** The open market with the most trades. */
  async busiestMarket(): Promise<Market> {
    const { markets } = await this.get(ListMarketsResponseSchema, "/api/markets");
    const open = markets.filter(({ resolved }) => !resolved);
    const [busiest] = open.toSorted((a, b) => Number(b.tradeCount - a.tradeCount));
    if (!busiest) throw new Error("the platform has no open market");
    return busiest;
  }

  /** The tokens of the oldest pair of Uniswap V2. */
  async tradedPair(): Promise<[string, string]> {
    const { pools } = await this.liquidityPools();
    const pair = pools.find(({ protocol }) => protocol === "uniswap.v2");
    const [first, second] = pair?.tokens ?? [];
    if (!first || !second) throw new Error("the platform has no pair");
    return [first, second];
  }

  /** What the page shows of the routes of a quote. */
  swapValues({ routes }: Quote) {
    return routes.map(({ amountIn, hops }) => ({
      amounts: [amountIn, ...hops.map(({ amountOut }) => amountOut)],
      pools: hops.map(({ poolId }) => `pool ${poolId}`),
    }));
  }

  /** Whoever traded last on the busiest market. */
  async busiestUser(): Promise<string> {
    const { marketId } = await this.busiestMarket();
    const [last] = (await this.trades(marketId)).trades;
    if (!last) throw new Error(`nobody has traded on ${marketId}`);
    return last.trader;
  }

  /** What a market's page shows of the market and its last trades. */
  async marketValues(id: string) {
    const [market, prices, trades] = await Promise.all([
      this.market(id),
      this.prices(id),
      this.trades(id),
    ]);
    return {
      prices: prices.prices.map(({ price }) => price),
      pool: prices.prices.map(({ poolBalance }) => poolBalance),
      volume: market.volume,
      tradeCount: market.tradeCount.toString(),
      trades: trades.trades.map((trade) => ({
        key: `${trade.block?.hash}/${trade.logIndex}`,
        values: [trade.amount, trade.collateralAmount, ...(trade.price ? [trade.price] : [])],
      })),
    };
  }

  /** What the list of the newest events shows. */
  async eventValues() {
    return (await this.newestEvents()).events.map(({ block, logIndex, kind }) => ({
      key: `${block?.hash}/${logIndex}`,
      kind,
      block: block?.number.toString(),
    }));
  }

  /** What a list of holders shows, in order. */
  positionValues(positions: Position[]) {
    return positions.map(({ userAddress, outcomeIndex, amount }) => ({
      key: `${userAddress}/${outcomeIndex}`,
      amount,
    }));
  }

  /** What a user's page shows. */
  async userValues(address: string) {
    const [positions, closed, history] = await Promise.all([
      this.userPositions(address),
      this.get(ListUserPositionsResponseSchema, `/api/users/${address}/positions?closed=true`),
      this.userHistory(address),
    ]);
    return {
      positions: positions.positions.map(({ chainId, marketId, outcomeIndex, amount }) => ({
        key: `${chainId}/${marketId}/${outcomeIndex}`,
        amount,
      })),
      costs: positions.positions.map(({ costs }) => [costs?.cost, costs?.unrealisedPnl]),
      closed: closed.positions.map(({ costs }) => [
        costs?.invested,
        (BigInt(costs?.realisedPnl ?? 0) + BigInt(costs?.unmatchedPnl ?? 0)).toString(),
      ]),
      history: history.activities.map((activity) => ({
        key: activityKey(activity),
        values: [activity.amount, activity.collateralAmount].filter((value) => value !== "0"),
      })),
    };
  }

  private get<Desc extends DescMessage>(schema: Desc, path: string) {
    return this.ask(schema, path, {});
  }

  private post<Desc extends DescMessage>(schema: Desc, path: string, body: JsonValue) {
    const headers = { "content-type": "application/json" };
    return this.ask(schema, path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  private async ask<Desc extends DescMessage>(
    schema: Desc,
    path: string,
    request: RequestInit,
  ): Promise<MessageShape<Desc>> {
    const response = await fetch(new URL(path, this.base), request);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return fromJson(schema, JSON.parse(text) as JsonValue);
  }
}
