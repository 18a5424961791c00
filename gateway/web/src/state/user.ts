// One user's page: positions and history over all chains, read again when the user trades.
import { markets } from "../api/clients";
import type {
  Activity,
  LiquidityPosition,
  Market,
  Position,
  StreamMarketsResponse,
} from "../gen/capstan/market/v1/market_pb";
import type { AsOf } from "../gen/capstan/primitives/v1/block_pb";
import { LiveView } from "../live/view";
import { oldest, withAsOf } from "./as_of";

export interface UserState {
  positions: Position[];
  nextPositions: string;
  /** Positions that the user has no more. */
  closed: Position[];
  nextClosed: string;
  liquidity: LiquidityPosition[];
  activities: Activity[];
  nextActivities: string;
  /** The markets that positions and activities are of, by chain and id. */
  markets: Markets;
  asOf: AsOf[];
  /** The block that the tables were read at; `asOf` moves on with the stream. */
  readAt: AsOf[];
}

type Markets = ReadonlyMap<string, Market>;

const POSITIONS_PAGE = 100;
const HISTORY_PAGE = 50;
const AFTER_TRADE_MS = 300;
// Transfers, splits, merges and redemptions come without a message.
const EVERY_MS = 10_000;

export class UserView extends LiveView<UserState> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private timerAt = Infinity;

  constructor(private readonly address: string) {
    super({
      subject: "user",
      load: (signal) => this.read(new Map(), signal),
      asOf: ({ asOf }) => asOf,
      marketIds: () => [],
      apply: applyToUser,
      heard: ({ message }) => {
        if (message.case === "trade" && isSameAddress(message.value.trader, address)) {
          this.readIn(AFTER_TRADE_MS);
        }
      },
    });
  }

  override start(): void {
    super.start();
    this.readIn(EVERY_MS);
  }

  override stop(): void {
    super.stop();
    clearTimeout(this.timer);
  }

  /** Adds the next page of the history. */
  async moreHistory(): Promise<void> {
    await this.merge(async (signal) => {
      const pageToken = this.data.peek()?.nextActivities ?? "";
      const answer = await this.readHistory(pageToken, signal);
      const known = this.data.peek()?.markets ?? new Map<string, Market>();
      const found = await withMarkets(known, answer.activities, signal);
      return (state) => {
        if (!state) throw new Error("nothing has been loaded that could be added to");
        const activities = [...state.activities, ...answer.activities];
        return { ...state, activities, nextActivities: answer.nextPageToken, markets: found };
      };
    });
  }

  private readIn(pauseMs: number): void {
    const at = Date.now() + pauseMs;
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => void this.refresh(), pauseMs);
  }

  private async refresh(): Promise<void> {
    this.timerAt = Infinity;
    const shown = this.data.peek();
    try {
      if (!document.hidden && shown) {
        await this.merge(async (signal) => {
          const state = await this.read(shown.markets, signal);
          return () => state;
        });
      }
    } catch {
      // The stream's state already says that the platform is away; the next round tries again.
    }
    this.readIn(EVERY_MS);
  }

  private async read(known: Markets, signal: AbortSignal): Promise<UserState> {
    const { address } = this;
    const pageSize = POSITIONS_PAGE;
    const [positions, closed, liquidity, history] = await Promise.all([
      markets.listUserPositions({ address, pageSize }, { signal }),
      markets.listUserPositions({ address, pageSize, closed: true }, { signal }),
      markets.listUserLiquidity({ address, pageSize }, { signal }),
      this.readHistory("", signal),
    ]);
    // A reload must not fold up what the visitor has unfolded.
    const shown = this.data.peek()?.activities.length ?? 0;
    let { activities, nextPageToken } = history;
    while (nextPageToken !== "" && activities.length < shown) {
      const more = await this.readHistory(nextPageToken, signal);
      activities = [...activities, ...more.activities];
      nextPageToken = more.nextPageToken;
    }
    const asOf = oldest([positions.asOf, closed.asOf, liquidity.asOf, history.asOf]);
    const mentioned = [
      ...positions.positions,
      ...closed.positions,
      ...liquidity.positions,
      ...activities,
    ];
    return {
      positions: positions.positions,
      nextPositions: positions.nextPageToken,
      closed: closed.positions,
      nextClosed: closed.nextPageToken,
      liquidity: liquidity.positions,
      activities,
      nextActivities: nextPageToken,
      markets: await withMarkets(known, mentioned, signal),
      asOf,
      readAt: asOf,
    };
  }

  private readHistory(pageToken: string, signal: AbortSignal) {
    const request = { address: this.address, pageSize: HISTORY_PAGE, pageToken };
    return markets.listUserHistory(request, { signal });
  }
}

// Names, units and payouts are the market's. What is known is kept current by messages, so only
// the unknown ones are asked for.
async function withMarkets(
  known: Markets,
  of: { marketId?: string | undefined; chainId: bigint }[],
  signal: AbortSignal,
): Promise<Markets> {
  const found = new Map(known);
  const missing = new Map<string, { marketId: string; chainId: bigint }>();
  for (const { marketId, chainId } of of) {
    if (marketId === undefined) continue;
    const key = marketKey(chainId, marketId);
    if (!found.has(key)) missing.set(key, { marketId, chainId });
  }
  const read = [...missing].map(async ([key, request]) => {
    const answer = await markets.getMarket(request, { signal });
    if (answer.market) found.set(key, answer.market);
  });
  await Promise.all(read);
  return found;
}

export function marketKey(chainId: bigint, marketId: string): string {
  return `${chainId}/${marketId}`;
}

/** The state after a message: prices and resolutions are current, amounts wait for a reading. */
export function applyToUser(state: UserState, response: StreamMarketsResponse): UserState {
  const { message } = response;
  const next = { ...state, asOf: withAsOf(state.asOf, response.asOf) };
  if (message.case === "price") {
    const { marketId, point } = message.value;
    next.positions = state.positions.map((position) =>
      position.marketId === marketId
        ? { ...position, price: point?.prices[position.outcomeIndex] }
        : position,
    );
  }
  if (message.case === "market") {
    const key = marketKey(message.value.chainId, message.value.marketId);
    if (state.markets.has(key)) next.markets = new Map(state.markets).set(key, message.value);
  }
  return next;
}

function isSameAddress(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}
