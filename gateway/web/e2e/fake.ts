// A scripted platform: serves the built app and the contract, and fails when it is told to.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { GatewayService } from "../src/gen/capstan/gateway/v1/gateway_pb";
import { IndexerService } from "../src/gen/capstan/indexer/v1/indexer_pb";
import { PoolService } from "../src/gen/capstan/indexer/v1/pools_pb";
import { TransactionService } from "../src/gen/capstan/indexer/v1/transactions_pb";
import { MarketService } from "../src/gen/capstan/market/v1/market_pb";
import { QuoterService } from "../src/gen/capstan/quoter/v1/quoter_pb";
import { FakeIndexer } from "./fake_indexer";
import { FakeQuoter } from "./fake_quoter";
import { serveApp } from "./fake_static";
import { FakeStream, type StreamMessage } from "./fake_stream";
import { FakeWorld } from "./fake_world";

export class FakePlatform {
  readonly world = new FakeWorld();
  readonly indexer = new FakeIndexer(this.world);
  readonly quoter = new FakeQuoter(this.world);
  /** While set, every call fails as if the services were away. */
  down = false;
  /** While set, streams accept a connection and say nothing. */
  mute = false;
  /** While set, a stream that wants to resume is told that its cursor is unknown. */
  refuseCursors = false;
  /** Cursor of every stream that was asked for, in order. */
  readonly streamCursors: string[] = [];
  /** How often each unary rpc was called. */
  readonly calls = new Map<string, number>();
  private readonly held = new Map<string, Promise<void>>();
  private readonly streams = new Set<FakeStream<StreamMessage>>();
  private readonly log: StreamMessage[] = [];
  private server: Server | undefined;

  /** Starts on a free port and returns the address. */
  async start(): Promise<string> {
    const rpc = connectNodeAdapter({
      routes: (router) => this.routes(router),
      connect: false,
      grpc: false,
      fallback: serveApp,
    });
    const server = createServer(rpc);
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.cut();
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  /** Mines a block without change. */
  mine(): void {
    this.world.mine();
    this.say({ case: "heartbeat", value: {} });
  }

  /** Mines a block with a trade that moves the price of the first outcome; returns the cursor. */
  trade(marketIndex: number, price: string): string {
    const { trade, point, marketId } = this.world.trade(marketIndex, price);
    this.say({ case: "price", value: { marketId, point } });
    this.say({ case: "trade", value: trade });
    return `c${this.log.length}`;
  }

  /** Takes back the last trade of a market: a reorg to an earlier block. */
  reorg(marketIndex: number): void {
    const lastValidBlock = this.world.reorg(marketIndex);
    this.say({ case: "resync", value: { lastValidBlock } });
  }

  /** Resolves a market for its first outcome. */
  resolve(marketIndex: number): void {
    this.say({ case: "market", value: this.world.resolve(marketIndex) });
  }

  /** Breaks every open stream. */
  cut(): void {
    for (const stream of this.streams) stream.fail();
    this.quoter.cut();
  }

  openStreams(): number {
    return this.streams.size;
  }

  private say(message: StreamMessage["message"]): void {
    const entry = { cursor: `c${this.log.length + 1}`, asOf: this.world.asOf(), message };
    this.log.push(entry);
    if (this.mute) return;
    for (const stream of this.streams) stream.push(entry);
  }

  /** Keeps back the answers to one rpc, made now, until the returned function is called. */
  hold(name: string): () => void {
    let release: () => void = () => {};
    this.held.set(name, new Promise((resolve) => (release = resolve)));
    return () => {
      this.held.delete(name);
      release();
    };
  }

  private readonly answer = async <T>(name: string, answer: () => T): Promise<T> => {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    if (this.down) throw new ConnectError("the store is away", Code.Unavailable);
    // A copy: what happens while the answer is kept back must not be in it.
    const made = structuredClone(answer());
    await this.held.get(name);
    return made;
  };

  private routes(router: ConnectRouter): void {
    const { world, indexer, quoter } = this;
    router.service(IndexerService, indexer.indexerService(this.answer));
    router.service(TransactionService, indexer.transactionService(this.answer));
    router.service(PoolService, indexer.poolService(this.answer));
    router.service(QuoterService, quoter.service(this.answer));
    router.service(GatewayService, {
      getStatus: () => this.answer("gatewayStatus", () => world.status()),
    });
    router.service(MarketService, {
      listMarkets: ({ pageSize, pageToken, category }) =>
        this.answer("listMarkets", () => world.listMarkets(pageSize, pageToken, category)),
      getMarket: ({ marketId }) =>
        this.answer("getMarket", () => ({ market: world.market(marketId), asOf: world.asOf() })),
      listPriceHistory: ({ marketId }) =>
        this.answer("listPriceHistory", () => world.history(marketId)),
      listTrades: ({ marketId, pageSize, pageToken }) =>
        this.answer("listTrades", () => world.listTrades(marketId, pageSize, pageToken)),
      listMarketPositions: ({ marketId, order }) =>
        this.answer("listMarketPositions", () => world.holders(marketId, order)),
      listUserPositions: ({ address, closed }) =>
        this.answer("listUserPositions", () => world.positionsOf(closed ? "" : address)),
      listUserLiquidity: () =>
        this.answer("listUserLiquidity", () => ({ positions: [], asOf: [world.asOf()] })),
      listUserHistory: ({ address }) =>
        this.answer("listUserHistory", () => world.historyOf(address)),
      streamMarkets: ({ cursor }, context) => this.stream(cursor, context.signal),
    });
  }

  private async *stream(cursor: string, signal: AbortSignal): AsyncIterable<StreamMessage> {
    this.streamCursors.push(cursor);
    if (this.down) throw new ConnectError("the store is away", Code.Unavailable);
    if (cursor !== "" && this.refuseCursors) {
      throw new ConnectError("cursor: unknown", Code.InvalidArgument);
    }
    const stream = new FakeStream<StreamMessage>(signal);
    this.streams.add(stream);
    try {
      if (!this.mute) {
        yield {
          cursor: cursor || `c${this.log.length}`,
          asOf: this.world.asOf(),
          message: { case: "heartbeat", value: {} },
        };
        if (cursor !== "") yield* this.log.slice(Number(cursor.slice(1)));
      }
      yield* stream.messages();
    } finally {
      this.streams.delete(stream);
    }
  }
}
