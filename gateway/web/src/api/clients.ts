// Typed clients of the contract over gRPC-web, all on the origin that served the page.
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { GatewayService } from "../gen/capstan/gateway/v1/gateway_pb";
import { IndexerService } from "../gen/capstan/indexer/v1/indexer_pb";
import { MarketService } from "../gen/capstan/market/v1/market_pb";

// A unary call that takes longer is treated as failed, so that a stuck server is seen as one.
const DEADLINE_MS = 10_000;

export const transport = createGrpcWebTransport({
  baseUrl: "/",
  defaultTimeoutMs: DEADLINE_MS,
});

export const gateway = createClient(GatewayService, transport);
export const indexer = createClient(IndexerService, transport);
export const markets = createClient(MarketService, transport);

/** The timeout of a stream: none, its watchdog decides. */
export const NO_DEADLINE = 0;
