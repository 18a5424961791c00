// What the scripted indexer says: the state of its chains, an event log, transactions and pools.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  ChainState,
  type ChainStatusSchema,
  EndpointRole,
  EndpointState,
  type Event,
  EventSchema,
  type IndexerService,
} from "../src/gen/capstan/indexer/v1/indexer_pb";
import { type Pool, PoolSchema, type PoolService } from "../src/gen/capstan/indexer/v1/pools_pb";
import {
  InclusionSchema,
  type Transaction,
  TransactionSchema,
  type TransactionService,
  TransactionState,
} from "../src/gen/capstan/indexer/v1/transactions_pb";
import { type BlockRef, Finality } from "../src/gen/capstan/primitives/v1/block_pb";
import { ALICE, CHAIN_ID, type FakeWorld, hash } from "./fake_world";

export const POOL = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
export const VAULT = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";

type ChainStatus = Exclude<MessageInitShape<typeof ChainStatusSchema>, { $typeName: string }>;
type Ask = <T>(name: string, answer: () => T) => Promise<T>;

export class FakeIndexer {
  /** What the status says besides what the world says; one entry for each chain. */
  chains: ChainStatus[] = [{}];
  readonly pools: Pool[] = [];
  private events: Event[] = [];
  private readonly transactions = new Map<string, Transaction>();

  constructor(private readonly world: FakeWorld) {}

  status() {
    const chains = this.chains.map((said) => ({ ...this.world.chain(), ...HEALTHY, ...said }));
    return { chains };
  }

  /** Mines a block with one event; a trade means something, a sync does not. */
  emit(kind: "swap" | "sync", address = POOL): Event {
    this.world.mine();
    const block = this.world.block();
    const event = newEvent(kind, address, block);
    this.events.unshift(event);
    return event;
  }

  /** Replaces the newest blocks by others without events. */
  reorg(events: number): void {
    this.world.fork += 1;
    this.events.splice(0, events);
    this.world.mine();
  }

  /** Makes the oldest events final. */
  finalize(events: number): void {
    for (const event of this.events.slice(-events)) event.finality = Finality.FINALIZED;
  }

  /** Says that a node has the transaction in a block. */
  include(transactionHash: string): void {
    const transaction = this.transactions.get(transactionHash);
    if (!transaction) throw new Error("the transaction is not registered");
    const block = this.world.block();
    transaction.state = TransactionState.MINED;
    transaction.sender = ALICE;
    transaction.finality = Finality.LATEST;
    transaction.inclusion = create(InclusionSchema, {
      block,
      success: true,
      gasUsed: 21_000n,
      fee: "42",
      confirmations: 1n,
    });
  }

  indexerService(ask: Ask): Partial<ServiceImpl<typeof IndexerService>> {
    return {
      getStatus: () => ask("indexerStatus", () => this.status()),
      listEvents: ({ kind, address, toBlock, pageSize, pageToken }) =>
        ask("listEvents", () => {
          const wanted = this.events.filter(
            (event) =>
              (toBlock === undefined || (event.block?.number ?? 0n) <= toBlock) &&
              (kind === "" || event.kind === kind) &&
              (address === "" || event.address === address),
          );
          const { page, nextPageToken } = pageOf(wanted, pageSize, pageToken);
          return { events: page, nextPageToken, asOf: this.world.asOf() };
        }),
    };
  }

  transactionService(ask: Ask): Partial<ServiceImpl<typeof TransactionService>> {
    return {
      getTransaction: (request) =>
        ask("getTransaction", () => {
          const transaction = this.transactions.get(request.hash);
          if (!transaction) throw new ConnectError("not registered", Code.NotFound);
          return { transaction };
        }),
      registerTransaction: (request) =>
        ask("registerTransaction", () => {
          const transaction = create(TransactionSchema, {
            chainId: CHAIN_ID,
            hash: request.hash,
            state: TransactionState.UNKNOWN,
            registeredAt: timestampFromMs(Date.now()),
            changedAt: timestampFromMs(Date.now()),
          });
          this.transactions.set(request.hash, transaction);
          return { transaction };
        }),
      listRecentTransactions: () =>
        ask("listRecentTransactions", () => ({ transactions: [...this.transactions.values()] })),
    };
  }

  poolService(ask: Ask): Partial<ServiceImpl<typeof PoolService>> {
    return {
      listPools: ({ pageSize, pageToken }) =>
        ask("listPools", () => {
          const { page, nextPageToken } = pageOf(this.pools, pageSize, pageToken);
          return { pools: page, nextPageToken, asOf: this.world.asOf() };
        }),
    };
  }
}

const HEALTHY: ChainStatus = {
  writer: true,
  endpoints: [
    {
      url: "https://one.example:443",
      role: EndpointRole.PRIMARY,
      state: EndpointState.READY,
      latencyMs: 12.4,
      inFlight: 3,
      limit: 26,
    },
  ],
};

/** A chain of which 62.5 % is read, an hour and a half before its head is reached. */
export const SYNCING: ChainStatus = {
  state: ChainState.SYNCING,
  earliestBlock: 1_000_000n,
  indexed: { number: 1_624_999n, time: timestampFromMs(Date.UTC(2024, 0, 1)) },
  head: { number: 1_999_999n, time: timestampFromMs(Date.now()) },
  lagBlocks: 375_000n,
  lagSeconds: 4_500_000n,
  blocksPerSecond: 68.62,
  etaSeconds: 5_465n,
};

/** Endpoints of which one lied and was sent away. */
export const LIAR: ChainStatus["endpoints"] = [
  ...(HEALTHY.endpoints ?? []),
  {
    url: "https://liar.example:443",
    role: EndpointRole.FALLBACK,
    state: EndpointState.EJECTED,
    latencyMs: 3.14,
    limit: 1,
    errors: 12n,
    lies: 3n,
    rateLimited: 1_234n,
  },
];

/** A V2 pair and a V3 pool. */
export function twoPools(block: BlockRef): Pool[] {
  const tokens = { chainId: CHAIN_ID, token0: ALICE, token1: VAULT };
  return [
    create(PoolSchema, {
      ...tokens,
      address: POOL,
      protocol: "uniswap.v2.pair",
      fee: 3_000,
      volume0: "1234567",
      volume1: "0",
      lastTrade: block,
      depth: { case: "reserves", value: { reserve0: "402178595175", reserve1: "664625671" } },
    }),
    create(PoolSchema, {
      ...tokens,
      address: VAULT,
      protocol: "uniswap.v3.pool",
      fee: 500,
      volume0: "0",
      volume1: "0",
      depth: { case: "concentrated", value: { liquidity: "7410923169823993", tick: -196_301 } },
    }),
  ];
}

// The token is the number of items from the oldest, so that new ones shift no page.
function pageOf<Item>(items: Item[], pageSize: number, pageToken: string) {
  const from = items.length - Number(pageToken || items.length);
  const rest = items.length - from - pageSize;
  return { page: items.slice(from, from + pageSize), nextPageToken: rest > 0 ? String(rest) : "" };
}

function newEvent(kind: "swap" | "sync", address: string, block: BlockRef): Event {
  const isSwap = kind === "swap";
  return create(EventSchema, {
    chainId: CHAIN_ID,
    block,
    transactionHash: hash("cc", Number(block.number)),
    logIndex: 7,
    address,
    protocol: "uniswap.v2.pair",
    kind: isSwap ? "uniswap.v2.pair.Swap" : "uniswap.v2.pair.Sync",
    name: isSwap ? "Swap" : "Sync",
    position: (block.number << 24n) + 7n,
    finality: Finality.LATEST,
    arguments: [
      {
        name: "reserve0",
        type: "uint112",
        value: { kind: { case: "stringValue", value: "4021" } },
      },
    ],
    canonical: isSwap
      ? [{ event: { case: "tradeExecuted", value: { pool: address, amountIn: "998877" } } }]
      : [],
  });
}
