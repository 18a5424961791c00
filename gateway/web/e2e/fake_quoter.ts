// What the scripted quoter says: four pools of three tokens, and quotes that change from block to block.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Pool, PoolProblem, PoolSchema } from "../src/gen/capstan/quoter/v1/pools_pb";
import {
  QuoteSchema,
  type QuoteRequest,
  QuoteStatus,
  type StreamQuotesResponseSchema,
} from "../src/gen/capstan/quoter/v1/quote_pb";
import type { QuoterService } from "../src/gen/capstan/quoter/v1/quoter_pb";
import { Approval } from "../src/gen/capstan/quoter/v1/swap_pb";
import { Verdict } from "../src/gen/capstan/quoter/v1/verify_pb";
import { FakeStream } from "./fake_stream";
import { ALICE, BOB, CHAIN_ID, type FakeWorld, hash } from "./fake_world";

export const COIN = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE";
export const WRAPPED = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";
/** A token of 8 decimals, as its price says. */
export const GOLD = "0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599";
/** A token of which nothing is known. */
export const NAMELESS = BOB;
export const PAIR = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
export const HOOKED = hash("dd", 4);

type Message = Exclude<MessageInitShape<typeof StreamQuotesResponseSchema>, { $typeName: string }>;
type Said = Exclude<MessageInitShape<typeof QuoteSchema>, { $typeName: string }>;
type Ask = <T>(name: string, answer: () => T) => Promise<T>;

export class FakeQuoter {
  /** While false, the log has not been read through. */
  ready = true;
  /** What every quote says besides what is asked. */
  said: Said = {};
  /** What the contracts say of every quote. */
  verdict = Verdict.EQUAL;
  /** While set, questions are refused as this. */
  refusal: ConnectError | undefined;
  /** What was asked, in order. */
  readonly questions: QuoteRequest[] = [];
  readonly pools: Pool[] = newPools();
  private readonly streams = new Map<FakeStream<Message>, QuoteRequest>();

  constructor(private readonly world: FakeWorld) {}

  /** Mines a block after which quotes say something else, or the same. */
  mine(said?: Said): void {
    this.world.mine();
    if (said) this.said = said;
    for (const [stream, question] of this.streams) {
      const quote = { case: "quote", value: this.quote(question) } as const;
      const heartbeat = { case: "heartbeat", value: this.world.asOf() } as const;
      stream.push({ message: said ? quote : heartbeat });
    }
  }

  /** Breaks every open stream. */
  cut(): void {
    for (const stream of this.streams.keys()) stream.fail();
  }

  openStreams(): number {
    return this.streams.size;
  }

  service(ask: Ask): Partial<ServiceImpl<typeof QuoterService>> {
    const asOf = () => this.world.asOf();
    return {
      getHealth: () => ask("quoterHealth", () => this.health()),
      listPools: ({ token, protocol, includeUnusable }) =>
        ask("quoterPools", () => {
          const same = (one: string) => one.toLowerCase() === token.toLowerCase();
          const pools = this.pools.filter(
            (pool) =>
              (token === "" || pool.tokens.some(same)) &&
              (protocol === "" || pool.protocol === protocol) &&
              (includeUnusable || pool.problem === PoolProblem.UNSPECIFIED),
          );
          return { pools, asOf: asOf() };
        }),
      getPool: ({ poolId }) =>
        ask("quoterPool", () => {
          const pool = this.pools.find((it) => it.poolId === poolId);
          if (!pool) throw new ConnectError("there is no such pool", Code.NotFound);
          return { pool, asOf: asOf() };
        }),
      getTokenPrice: ({ token, reference }) =>
        ask("tokenPrice", () => {
          // In the wrapped coin, of 18 decimals.
          const price = "200023357389.498234068450667734150206";
          if (token !== GOLD) return { token, reference, price };
          return { token, reference, price, wholePrice: "20.0023357389498234068450667734150206" };
        }),
      getLiquidityDepth: ({ baseToken }) =>
        ask("depth", () => {
          if (baseToken === NAMELESS) throw new ConnectError("no such token", Code.NotFound);
          const level = { moveBps: 50, baseAmount: "18022135", quoteAmount: "3604000000000000000" };
          const far = { ...level, moveBps: 500 };
          return { midPrice: "200023357389.4", sell: [level], buy: [level, far], asOf: asOf() };
        }),
      verifyQuote: ({ quote }) =>
        ask("verifyQuote", () => {
          const hop = { route: 0, hop: 1, poolId: PAIR, contract: ALICE, quoted: "149255034" };
          const { verdict } = this;
          const difference = verdict === Verdict.DIFFERENT ? "-3" : "0";
          const hops = [{ ...hop, onChain: "149255031", difference }];
          return { verdict, hops, block: quote?.asOf?.block };
        }),
      buildSwap: ({ quote, sender, approval }) =>
        ask("buildSwap", () => {
          const built = { approval: Approval.ALLOWANCE, deadline: 1_700_000_600n };
          if (approval === Approval.PERMIT2) {
            const permit = { typedData: '{"primaryType":"PermitSingle"}' };
            return { problem: "the permit is to be signed first", permit };
          }
          const transaction = {
            chainId: CHAIN_ID,
            to: PAIR,
            data: "0x5ae401dc",
            value: "0",
            gas: 150_000n,
          };
          const token = quote?.tokenIn ?? "";
          const allowance = { token, spender: PAIR, amount: "1000000" };
          if (sender === BOB) return { ...built, transaction, allowance };
          return { ...built, transaction, simulation: { succeeded: true } };
        }),
      streamQuotes: ({ quote }, { signal }) => this.stream(ask, quote, signal),
    };
  }

  private health() {
    const asOf = this.ready ? this.world.asOf() : undefined;
    const chain = { chainId: CHAIN_ID, asOf, pools: 3n, poolsUnusable: 1n, tokens: 3n };
    return { status: this.ready ? "ok" : "degraded", chains: [chain] };
  }

  private async *stream(
    ask: Ask,
    question: QuoteRequest | undefined,
    signal: AbortSignal,
  ): AsyncIterable<Message> {
    const first = await ask("streamQuotes", () => {
      if (this.refusal) throw this.refusal;
      if (!question) throw new ConnectError("quote: must be given", Code.InvalidArgument);
      this.questions.push(question);
      return this.quote(question);
    });
    if (!question) return;
    const stream = new FakeStream<Message>(signal);
    this.streams.set(stream, question);
    try {
      yield { message: { case: "quote", value: first } };
      yield* stream.messages();
    } finally {
      this.streams.delete(stream);
    }
  }

  private quote({ tokenIn, tokenOut, amount, slippageBps }: QuoteRequest) {
    const isIn = amount.case === "amountIn";
    return create(QuoteSchema, {
      ...ANSWER,
      tokenIn,
      tokenOut,
      routes: [route(tokenIn, tokenOut, 7_500), route(tokenIn, tokenOut, 2_500)],
      ...(isIn
        ? { amountIn: amount.value, minAmountOut: "198011678" }
        : { amountOut: amount.value ?? "", maxAmountIn: "20100000000000000000" }),
      slippageBps: slippageBps ?? 50,
      asOf: this.world.asOf(),
      expireTime: timestampFromMs(Date.now() + 12_000),
      ...this.said,
    });
  }
}

const ANSWER: Said = {
  status: QuoteStatus.OK,
  amountIn: "20000000000000000000",
  amountOut: "199006712",
  midPrice: "0.00000000000999883219696929",
  executionPrice: "0.0000000000099503356",
  priceImpactBps: "18.4336",
  lpFeeBps: "30",
  gas: {
    units: 245_000n,
    gasPrice: "30000000000",
    executionFee: "7350000000000000",
    l1DataFee: "0",
    total: "7350000000000000",
    inToken: "73492",
  },
  amountNetOfGas: "198933220",
  completeness: {
    poolsConsidered: 3,
    poolsSkipped: [{ poolId: HOOKED, problem: PoolProblem.HOOKS }],
    searchExhaustive: true,
  },
};

/** A quote that there is not; what there is of one with it is gone. */
export function refused(status: QuoteStatus, problem: string, maxFillable?: string): Said {
  const nothing = { routes: [], amountIn: "", amountOut: "", gas: undefined };
  return { ...nothing, status, problem, ...(maxFillable ? { maxFillable } : {}) };
}

function route(tokenIn: string, tokenOut: string, shareBps: number) {
  const [amountIn, amountOut] = ["15000000000000000000", "149255034"];
  const given = { poolId: WRAPPED, protocol: "weth9", tokenIn, tokenOut: WRAPPED, feePpm: 0 };
  const got = { poolId: PAIR, protocol: "uniswap.v2", tokenIn: WRAPPED, tokenOut, feePpm: 3_000 };
  const hops = [
    { ...given, amountIn, amountOut: amountIn },
    { ...got, amountIn, amountOut },
  ];
  return { amountIn, amountOut, shareBps, hops };
}

function newPools(): Pool[] {
  const pool = (given: MessageInitShape<typeof PoolSchema>) =>
    create(PoolSchema, { chainId: CHAIN_ID, factory: ALICE, ...given });
  const concentrated = {
    sqrtPriceX96: "177159557114291636142080",
    tick: -260_229,
    liquidity: "1779094155848616",
    tickSpacing: 60,
    ticks: Array.from({ length: 60 }, (_, index) => ({
      tick: -262_020 + 60 * index,
      liquidityNet: index % 2 === 0 ? "5000000" : "-5000000",
      liquidityGross: "5000000",
    })),
  };
  const reserves = { amounts: ["84216689999999915782", "419787329"] };
  const state = { case: "concentrated", value: concentrated } as const;
  return [
    pool({ poolId: WRAPPED, protocol: "weth9", tokens: [COIN, WRAPPED] }),
    pool({
      poolId: PAIR,
      protocol: "uniswap.v2",
      tokens: [WRAPPED, GOLD],
      feePpm: 3_000,
      state: { case: "reserves", value: reserves },
    }),
    pool({ poolId: ALICE, protocol: "uniswap.v3", tokens: [WRAPPED, GOLD], feePpm: 500, state }),
    pool({
      poolId: HOOKED,
      protocol: "uniswap.v4",
      tokens: [COIN, NAMELESS],
      feePpm: 100,
      problem: PoolProblem.HOOKS,
      problemDetail: `hooks ${ALICE}`,
      state,
    }),
  ];
}
