// What is known of the tokens of a chain: which there are, and in what unit people count them.
import { signal } from "@preact/signals";
import { markets } from "../api/clients";
import { quoter } from "../api/quoter_clients";
import type { Unit } from "../format/amount";
import { decimalsOf } from "../format/decimal";
import type { Market } from "../gen/capstan/market/v1/market_pb";
import type { Pool } from "../gen/capstan/quoter/v1/pools_pb";
import { readPages } from "../live/list";

/** The chain's own coin (ERC-7528). */
export const COIN = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE";

/** Wei are 10^-18 of a coin on every chain; its symbol is not known. */
export const COIN_UNIT: Unit = { decimals: 18, symbol: "coin" };

// Pools whose tokens are offered; any other token can be written.
const MOST_POOLS = 500;
const MOST_MARKETS = 100;
// More references than this are not tried to learn of a token.
const MOST_REFERENCES = 2;

type Units = ReadonlyMap<string, Unit>;

export class TokenBook {
  /** Tokens that pools trade, those of the most pools first. */
  readonly tokens = signal<string[]>([]);
  private readonly units = signal<Units>(new Map());
  private readonly asked = new Set<string>();

  constructor(private readonly chainId: bigint) {}

  /** In what unit amounts of a token are counted; without decimals where that is not known. */
  unit(token: string): Unit {
    return this.units.value.get(token.toLowerCase()) ?? {};
  }

  /** Reads which tokens there are, and what is known of them. */
  async load(signal: AbortSignal): Promise<void> {
    const { chainId } = this;
    const [pools, named] = await Promise.all([
      readPages<Pool>(
        async (page, signal) => {
          const answer = await quoter.listPools({ ...page, chainId }, { signal });
          return { items: answer.pools, nextPageToken: answer.nextPageToken };
        },
        MOST_POOLS,
        signal,
      ),
      this.collaterals(signal),
    ]);
    this.tokens.value = byPools(pools.items);
    this.units.value = unitsOf(pools.items, named);
  }

  /**
   * Learns the decimals of tokens that no market names: a price is told in smallest units and in
   * whole tokens, and what lies between is the decimals.
   */
  async learn(tokens: string[], signal: AbortSignal): Promise<void> {
    const unknown = tokens.filter((token) => !this.knows(token));
    for (const token of unknown) this.asked.add(token.toLowerCase());
    const learnt = await Promise.all(unknown.map((token) => this.ask(token, signal)));
    const units = new Map(this.units.peek());
    unknown.forEach((token, at) => {
      const decimals = learnt[at];
      if (decimals !== undefined) units.set(token.toLowerCase(), { decimals });
    });
    this.units.value = units;
  }

  private knows(token: string): boolean {
    const key = token.toLowerCase();
    return this.asked.has(key) || this.units.peek().has(key);
  }

  private async ask(token: string, signal: AbortSignal): Promise<number | undefined> {
    const { chainId } = this;
    const known = [...this.units.peek()].filter(([address]) => address !== COIN.toLowerCase());
    for (const [reference, { decimals }] of known.slice(0, MOST_REFERENCES)) {
      if (decimals === undefined) continue;
      try {
        const told = await quoter.getTokenPrice({ token, chainId, reference }, { signal });
        const found = told.wholePrice && decimalsOf(told.price, told.wholePrice, decimals);
        if (found !== undefined && found !== "") return found;
      } catch {
        // Smallest units are right, too; what is wrong with the platform, the quote will say.
      }
    }
    return undefined;
  }

  /** Markets name their collateral; without them it is a token like others. */
  private async collaterals(signal: AbortSignal): Promise<Market[]> {
    const request = { chainId: this.chainId, pageSize: MOST_MARKETS };
    return markets.listMarkets(request, { signal }).then(
      (answer) => answer.markets,
      () => [],
    );
  }
}

/** The tokens of pools, those of the most pools first. */
export function byPools(pools: Pool[]): string[] {
  const counts = new Map<string, number>();
  for (const token of pools.flatMap((pool) => pool.tokens)) {
    counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  return [...counts].sort(([, one], [, other]) => other - one).map(([token]) => token);
}

function unitsOf(pools: Pool[], named: Market[]): Units {
  const units = new Map<string, Unit>();
  for (const market of named) {
    const { collateralDecimals: decimals, collateralSymbol: symbol } = market;
    if (decimals !== undefined)
      units.set(market.collateralToken.toLowerCase(), { decimals, symbol });
  }
  // It is worth its coin, unit for unit.
  for (const { protocol, tokens } of pools) {
    const wrapped = tokens.find((token) => token !== COIN)?.toLowerCase();
    if (protocol !== "weth9" || wrapped === undefined || units.has(wrapped)) continue;
    units.set(wrapped, { decimals: COIN_UNIT.decimals, symbol: "wrapped coin" });
  }
  return units.set(COIN.toLowerCase(), COIN_UNIT);
}
