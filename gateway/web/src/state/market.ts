// One market's page: the market, its price history, trades and holders, kept current.
import { markets } from "../api/clients";
import {
  type Market,
  type Position,
  PositionOrder,
  type PricePoint,
  StreamKind,
  type StreamMarketsResponse,
  type Trade,
} from "../gen/capstan/market/v1/market_pb";
import type { AsOf } from "../gen/capstan/primitives/v1/block_pb";
import { LiveView } from "../live/view";
import { applyToEntry, endOf, type Entry, isAfter, type Mark } from "./entry";

export interface MarketState {
  entry: Entry;
  asOf: AsOf | undefined;
  /** Oldest first. */
  points: PricePoint[];
  olderPoints: string;
  /** Newest first. */
  trades: Trade[];
  tradesUpTo: Mark;
  olderTrades: string;
  /** How many of the trades are shown; the rest waits in memory. */
  tradesShown: number;
  holders: Holders;
}

export interface Holders {
  positions: Position[];
  nextPage: string;
  /** The market as it was read with them: how many they are, and the collateral behind it. */
  market: Market | undefined;
  /** Holders are read, not streamed, so they have a block of their own. */
  asOf: AsOf | undefined;
}

interface Key {
  marketId: string;
  chainId: bigint;
}

// What a page keeps in memory of a market that trades for days.
const MOST_POINTS = 10_000;
const MOST_TRADES = 5_000;
const POINTS_PAGE = 1_000;
const TRADES_PAGE = 25;
const HOLDERS_PAGE = 100;
// Changes come in bursts; and what holders have is worth something else with every price.
const HOLDERS_AFTER_CHANGE_MS = 300;
const HOLDERS_EVERY_MS = 10_000;

export class MarketView extends LiveView<MarketState> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private timerAt = Infinity;

  constructor(
    private readonly marketId: string,
    private readonly chainId: bigint,
  ) {
    super({
      subject: "market",
      load: (signal) => load(marketId, chainId, signal),
      asOf: ({ asOf }) => (asOf ? [asOf] : []),
      marketIds: ({ entry }) => [entry.market.marketId],
      kinds: [StreamKind.PRICE, StreamKind.TRADE, StreamKind.POSITION, StreamKind.LIFECYCLE],
      apply: applyToMarket,
      heard: ({ message }) => {
        if (message.case === "trade" || message.case === "position") {
          this.readHoldersIn(HOLDERS_AFTER_CHANGE_MS);
        }
      },
    });
  }

  override start(): void {
    super.start();
    this.readHoldersIn(HOLDERS_EVERY_MS);
  }

  override stop(): void {
    super.stop();
    clearTimeout(this.timer);
  }

  /** Adds the next older page of the price history. */
  async morePoints(): Promise<void> {
    await this.merge(async (signal) => {
      const pageToken = this.data.peek()?.olderPoints ?? "";
      const answer = await readPoints(this.key(), pageToken, signal);
      return (state) => ({
        ...loaded(state),
        points: [...answer.points.toReversed(), ...loaded(state).points],
        olderPoints: answer.nextPageToken,
      });
    });
  }

  /** Shows a page more of the trades, and reads it if it is not in memory. */
  async moreTrades(): Promise<void> {
    const state = loaded(this.data.peek());
    this.data.value = { ...state, tradesShown: state.tradesShown + TRADES_PAGE };
    if (state.trades.length >= state.tradesShown + TRADES_PAGE || state.olderTrades === "") return;
    await this.merge(async (signal) => {
      const pageToken = state.olderTrades;
      const request = { ...this.key(), pageSize: TRADES_PAGE, pageToken };
      const answer = await markets.listTrades(request, { signal });
      return (now) => ({
        ...loaded(now),
        trades: [...loaded(now).trades, ...answer.trades],
        olderTrades: answer.nextPageToken,
      });
    });
  }

  /** Adds the next page of holders. */
  async moreHolders(): Promise<void> {
    await this.merge(async (signal) => {
      const shown = this.data.peek()?.holders;
      const next = await readPositions(this.key(), shown?.nextPage ?? "", signal);
      const positions = [...(shown?.positions ?? []), ...next.positions];
      return (state) => ({
        ...loaded(state),
        holders: { ...next, positions, market: shown?.market },
      });
    });
  }

  private readHoldersIn(pauseMs: number): void {
    const at = Date.now() + pauseMs;
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => void this.refreshHolders(), pauseMs);
  }

  private async refreshHolders(): Promise<void> {
    this.timerAt = Infinity;
    try {
      if (!document.hidden && this.data.peek()) await this.merge(this.readHolders);
    } catch {
      // The stream's state already says that the platform is away; the next round tries again.
    }
    this.readHoldersIn(HOLDERS_EVERY_MS);
  }

  // Reads as many pages as are shown, so that a refresh does not fold them up.
  private readonly readHolders = async (signal: AbortSignal) => {
    const shown = this.data.peek()?.holders.positions.length ?? 0;
    let holders = await readHolders(this.key(), signal);
    while (holders.nextPage !== "" && holders.positions.length < shown) {
      const next = await readPositions(this.key(), holders.nextPage, signal);
      holders = { ...holders, ...next, positions: [...holders.positions, ...next.positions] };
    }
    return (state: MarketState | undefined) => ({ ...loaded(state), holders });
  };

  private key(): Key {
    return { marketId: this.marketId, chainId: this.chainId };
  }
}

async function load(marketId: string, chainId: bigint, signal: AbortSignal): Promise<MarketState> {
  const key = { marketId, chainId };
  const [market, history, trades, positions] = await Promise.all([
    markets.getMarket(key, { signal }),
    readPoints(key, "", signal),
    markets.listTrades({ ...key, pageSize: TRADES_PAGE }, { signal }),
    readPositions(key, "", signal),
  ]);
  if (!market.market) throw new Error("the answer has no market");
  return {
    entry: { market: market.market, counted: endOf(market.asOf) },
    asOf: market.asOf,
    points: history.points.toReversed(),
    olderPoints: history.nextPageToken,
    trades: trades.trades,
    tradesUpTo: endOf(trades.asOf),
    olderTrades: trades.nextPageToken,
    tradesShown: TRADES_PAGE,
    holders: { ...positions, market: market.market },
  };
}

function readPoints(key: Key, pageToken: string, signal: AbortSignal) {
  const request = { ...key, newestFirst: true, pageSize: POINTS_PAGE, pageToken };
  return markets.listPriceHistory(request, { signal });
}

async function readHolders(key: Key, signal: AbortSignal): Promise<Holders> {
  const [positions, { market }] = await Promise.all([
    readPositions(key, "", signal),
    markets.getMarket(key, { signal }),
  ]);
  return { ...positions, market };
}

async function readPositions(key: Key, pageToken: string, signal: AbortSignal) {
  const order = PositionOrder.AMOUNT;
  const request = { ...key, pageSize: HOLDERS_PAGE, pageToken, order };
  const answer = await markets.listMarketPositions(request, { signal });
  return { positions: answer.positions, nextPage: answer.nextPageToken, asOf: answer.asOf };
}

/** The state after a message. */
export function applyToMarket(state: MarketState, response: StreamMarketsResponse): MarketState {
  const { message } = response;
  const entry = applyToEntry(state.entry, response);
  const next = { ...state, entry, asOf: response.asOf ?? state.asOf };
  if (message.case === "price" && message.value.point) {
    next.points = withPoint(state.points, message.value.point);
    if (state.points.length >= MOST_POINTS) next.olderPoints = "";
  }
  if (message.case === "trade") {
    const place = { block: message.value.block?.number ?? 0n, logIndex: message.value.logIndex };
    if (isAfter(place, state.tradesUpTo)) {
      next.trades = [message.value, ...state.trades].slice(0, MOST_TRADES);
      next.tradesUpTo = place;
      // What was dropped lies between here and the next page: a gap must not be shown.
      if (state.trades.length >= MOST_TRADES) next.olderTrades = "";
    }
  }
  return next;
}

function withPoint(points: PricePoint[], point: PricePoint): PricePoint[] {
  const last = points.at(-1)?.block?.number ?? -1n;
  const number = point.block?.number ?? 0n;
  if (number < last) return points;
  const before = number === last ? points.slice(0, -1) : points;
  return [...before, point].slice(-MOST_POINTS);
}

function loaded(state: MarketState | undefined): MarketState {
  if (!state) throw new Error("nothing has been loaded that could be added to");
  return state;
}
