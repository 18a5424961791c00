// The list of markets, newest first, page by page, kept current by the streams of all chains.
import { markets } from "../api/clients";
import type { StreamMarketsResponse } from "../gen/capstan/market/v1/market_pb";
import type { AsOf } from "../gen/capstan/primitives/v1/block_pb";
import { LiveView } from "../live/view";
import { oldest, withAsOf } from "./as_of";
import { applyToEntry, endOf, type Entry } from "./entry";

export interface MarketList {
  /** The category of all of them; empty: they are of any. */
  category: string;
  entries: Entry[];
  /** Token of the next page; empty: everything is loaded. */
  nextPage: string;
  asOf: AsOf[];
}

const PAGE_SIZE = 24;

export class MarketListView extends LiveView<MarketList> {
  // A reload must not fold up what the visitor has unfolded.
  private pages = 1;

  /** An empty category: all markets. */
  constructor(private readonly category: string) {
    super({
      subject: "list of markets",
      load: (signal) => this.loadPages(signal),
      asOf: (list) => list.asOf,
      marketIds: () => [],
      apply: applyToList,
    });
  }

  /** Adds the next page. */
  async more(): Promise<void> {
    await this.merge(async (signal) => {
      const page = await this.readPage(this.data.peek()?.nextPage ?? "", signal);
      this.pages += 1;
      return (list) => (list ? append(list, page, list.asOf) : page);
    });
  }

  private async loadPages(signal: AbortSignal): Promise<MarketList> {
    let list = await this.readPage("", signal);
    for (let page = 1; page < this.pages && list.nextPage !== ""; page += 1) {
      const next = await this.readPage(list.nextPage, signal);
      list = append(list, next, oldest([list.asOf, next.asOf]));
    }
    return list;
  }

  private async readPage(pageToken: string, signal: AbortSignal): Promise<MarketList> {
    const request = { pageSize: PAGE_SIZE, pageToken, category: this.category };
    const answer = await markets.listMarkets(request, { signal });
    const entries = answer.markets.map((market) => ({
      market,
      counted: endOf(answer.asOf.find((asOf) => asOf.chainId === market.chainId)),
    }));
    return { category: this.category, entries, nextPage: answer.nextPageToken, asOf: answer.asOf };
  }
}

function append(list: MarketList, page: MarketList, asOf: AsOf[]): MarketList {
  // A market that a message has announced meanwhile is in both.
  const known = new Set(list.entries.map(keyOf));
  const entries = [...list.entries, ...page.entries.filter((entry) => !known.has(keyOf(entry)))];
  return { ...page, entries, asOf };
}

/** The list after a message; a market that it did not have, of its category if it has one, comes first. */
export function applyToList(list: MarketList, response: StreamMarketsResponse): MarketList {
  const { message } = response;
  let entries = list.entries.map((entry) => applyToEntry(entry, response));
  if (message.case === "market") {
    const added = { market: message.value, counted: endOf(response.asOf) };
    entries = entries.filter((entry) => !isFormerly(entry, added));
    const isKnown = entries.some((entry) => keyOf(entry) === keyOf(added));
    const isWanted = list.category === "" || added.market.category === list.category;
    if (!isKnown && isWanted && isNewest(added, entries)) entries = [added, ...entries];
  }
  return { ...list, entries, asOf: withAsOf(list.asOf, response.asOf) };
}

// A pool is a market of its own until a factory announces a market with it.
function isFormerly(entry: Entry, added: Entry): boolean {
  const { ammAddress, chainId } = added.market;
  return (
    ammAddress !== undefined &&
    entry.market.chainId === chainId &&
    entry.market.marketId.toLowerCase() === ammAddress.toLowerCase() &&
    keyOf(entry) !== keyOf(added)
  );
}

// A change of a market on a page that is not loaded yet is no reason to show it.
function isNewest(added: Entry, entries: Entry[]): boolean {
  const newest = entries[0]?.market.createdAt?.seconds ?? 0n;
  return (added.market.createdAt?.seconds ?? 0n) >= newest;
}

export function keyOf({ market }: Entry): string {
  return `${market.chainId}/${market.marketId}`;
}
