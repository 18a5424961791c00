// One market and how the stream's messages change it.
import type { Market, StreamMarketsResponse } from "../gen/capstan/market/v1/market_pb";
import type { AsOf } from "../gen/capstan/primitives/v1/block_pb";
import { addAmounts } from "../format/amount";

/** A market with the place in the chain up to which it is known. */
export interface Entry {
  market: Market;
  /** Trades up to this one are counted in volume and trade count. */
  counted: Mark;
}

/** A place in a chain: everything up to this log of this block. */
export interface Mark {
  block: bigint;
  logIndex: number;
}

/** The end of a block: what a snapshot of it includes. */
export function endOf(asOf: AsOf | undefined): Mark {
  return { block: asOf?.block?.number ?? -1n, logIndex: Number.MAX_SAFE_INTEGER };
}

/** Whether a place comes after a mark. */
export function isAfter(place: Mark, mark: Mark): boolean {
  return place.block > mark.block || (place.block === mark.block && place.logIndex > mark.logIndex);
}

/** The entry after a message; the same object when the message says nothing new about it. */
export function applyToEntry(entry: Entry, response: StreamMarketsResponse): Entry {
  const { message } = response;
  switch (message.case) {
    case "market":
      // Older than what is known when the snapshot was read after the message was sent.
      return isSame(entry, message.value) && !isOlder(response.asOf, entry)
        ? { market: message.value, counted: endOf(response.asOf) }
        : entry;
    case "price": {
      const { marketId, point } = message.value;
      if (marketId !== entry.market.marketId || !point || isOlder(response.asOf, entry)) {
        return entry;
      }
      const { prices, poolBalances } = point;
      const updatedAt = point.block?.time ?? entry.market.updatedAt;
      return { ...entry, market: withNew(entry.market, { prices, poolBalances, updatedAt }) };
    }
    case "trade": {
      const trade = message.value;
      const place = { block: trade.block?.number ?? 0n, logIndex: trade.logIndex };
      if (trade.marketId !== entry.market.marketId || !isAfter(place, entry.counted)) return entry;
      const volume = addAmounts(entry.market.volume, trade.collateralAmount);
      const tradeCount = entry.market.tradeCount + 1n;
      const updatedAt = trade.block?.time ?? entry.market.updatedAt;
      return {
        market: withNew(entry.market, { volume, tradeCount, updatedAt }),
        counted: place,
      };
    }
    default:
      return entry;
  }
}

function isSame(entry: Entry, market: Market): boolean {
  return entry.market.marketId === market.marketId && entry.market.chainId === market.chainId;
}

function isOlder(asOf: AsOf | undefined, entry: Entry): boolean {
  return (asOf?.block?.number ?? 0n) < entry.counted.block;
}

type Changes = Partial<
  Pick<Market, "prices" | "poolBalances" | "updatedAt" | "volume" | "tradeCount">
>;

function withNew(market: Market, changes: Changes): Market {
  return { ...market, ...changes };
}
