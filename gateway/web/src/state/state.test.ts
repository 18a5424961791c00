// How the stream's messages change what is shown: each exactly once, in whatever order it meets
// the snapshot.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  MarketSchema,
  type StreamMarketsResponse,
  StreamMarketsResponseSchema,
} from "../gen/capstan/market/v1/market_pb";
import { oldest, withAsOf } from "./as_of";
import { applyToEntry, endOf, type Entry } from "./entry";
import { applyToMarket, type MarketState } from "./market";
import { applyToList, type MarketList } from "./market_list";

const asOf = (number: number, chainId = 1n) =>
  create(StreamMarketsResponseSchema, { asOf: { chainId, block: { number: BigInt(number) } } })
    .asOf;

function entry(block: number, marketId = "0xa"): Entry {
  const market = create(MarketSchema, {
    marketId,
    chainId: 1n,
    volume: "100",
    tradeCount: 1n,
    prices: ["0.5", "0.5"],
  });
  return { market, counted: endOf(asOf(block)) };
}

function trade(block: number, logIndex: number, marketId = "0xa"): StreamMarketsResponse {
  return create(StreamMarketsResponseSchema, {
    asOf: asOf(block),
    message: {
      case: "trade",
      value: { marketId, block: { number: BigInt(block) }, logIndex, collateralAmount: "10" },
    },
  });
}

function price(block: number, first: string): StreamMarketsResponse {
  const point = { block: { number: BigInt(block) }, prices: [first, "0.1"] };
  return create(StreamMarketsResponseSchema, {
    asOf: asOf(block),
    message: { case: "price", value: { marketId: "0xa", point } },
  });
}

function announced(block: number, seconds: number, marketId: string): StreamMarketsResponse {
  return create(StreamMarketsResponseSchema, {
    asOf: asOf(block),
    message: {
      case: "market",
      value: { marketId, chainId: 1n, createdAt: { seconds: BigInt(seconds) } },
    },
  });
}

describe("a market", () => {
  test("counts every trade after its snapshot once", () => {
    const messages = [trade(5, 9), trade(6, 1), trade(6, 2), trade(6, 2), trade(6, 1)];
    const { market } = messages.reduce(applyToEntry, entry(5));
    expect(market).toMatchObject({ volume: "120", tradeCount: 3n });
  });

  test("ignores another market's messages", () => {
    const before = entry(5);
    expect(applyToEntry(before, trade(6, 1, "0xb"))).toBe(before);
  });

  test("takes the newest price and no older one than its snapshot", () => {
    expect(applyToEntry(entry(5), price(6, "0.9")).market.prices[0]).toBe("0.9");
    expect(applyToEntry(entry(5), price(4, "0.9")).market.prices[0]).toBe("0.5");
  });
});

describe("the list", () => {
  const list: MarketList = { category: "", entries: [entry(5)], nextPage: "", asOf: [] };

  test("puts a new market first, once", () => {
    const message = announced(6, 10, "0xnew");
    const after = [message, message].reduce(applyToList, list);
    expect(after.entries.map(({ market }) => market.marketId)).toEqual(["0xnew", "0xa"]);
  });

  test("of a category takes only new markets of it", () => {
    const [other, same] = [announced(6, 10, "0xother"), announced(7, 11, "0xsame")];
    if (same.message.case === "market") same.message.value.category = "Sports";
    const { entries } = [other, same].reduce(applyToList, { ...list, category: "Sports" });
    expect(entries.map(({ market }) => market.marketId)).toEqual(["0xsame", "0xa"]);
  });

  test("leaves an old market on the page where it belongs", () => {
    const newer = applyToList(list, announced(6, 10, "0xnew"));
    const after = applyToList(newer, announced(7, 3, "0xold"));
    expect(after.entries).toHaveLength(2);
  });
});

test("a pool that a factory announces as a market is no longer listed by itself", () => {
  const pool = "0x00000000000000000000000000000000000000Aa";
  const list = { category: "", entries: [entry(5, pool)], nextPage: "", asOf: [] };
  const message = announced(6, 10, "0xnew");
  if (message.message.case === "market") message.message.value.ammAddress = pool;
  const { entries } = applyToList(list, message);
  expect(entries.map(({ market }) => market.marketId)).toEqual(["0xnew"]);
});

describe("a market's page", () => {
  const state: MarketState = {
    entry: entry(5),
    asOf: asOf(5),
    points: [],
    olderPoints: "",
    trades: [],
    tradesUpTo: endOf(asOf(6)),
    olderTrades: "",
    tradesShown: 25,
    holders: { positions: [], nextPage: "", market: undefined, asOf: asOf(5) },
  };

  test("adds a trade to the list only if its snapshot did not have it", () => {
    const after = [trade(6, 1), trade(7, 1), trade(7, 1)].reduce(applyToMarket, state);
    expect(after.trades).toHaveLength(1);
    expect(after.entry.market.tradeCount).toBe(3n);
    expect(after.asOf?.block?.number).toBe(7n);
  });

  test("has one point for each block, the last word of it", () => {
    const messages = [price(6, "0.6"), price(6, "0.7"), price(7, "0.8"), price(6, "0.1")];
    const { points } = messages.reduce(applyToMarket, state);
    expect(points.map((point) => point.prices[0])).toEqual(["0.7", "0.8"]);
  });
});

describe("the block that data is of", () => {
  test("is replaced chain by chain", () => {
    const both = [asOf(5, 1n), asOf(9, 2n)].flatMap((entry) => entry ?? []);
    const after = withAsOf(both, asOf(6, 1n)).map(({ chainId, block }) => [chainId, block?.number]);
    expect(after.toSorted()).toEqual([
      [1n, 6n],
      [2n, 9n],
    ]);
  });

  test("of several answers is the oldest", () => {
    const lists = [[asOf(5)], [asOf(4)], [asOf(6)]].map((list) => list.flatMap((a) => a ?? []));
    expect(oldest(lists).map(({ block }) => block?.number)).toEqual([4n]);
  });
});
