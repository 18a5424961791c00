// Clients of what only the indexer's page asks, apart so that no other page loads their contract.
import { createClient } from "@connectrpc/connect";
import { PoolService } from "../gen/capstan/indexer/v1/pools_pb";
import { TransactionService } from "../gen/capstan/indexer/v1/transactions_pb";
import { transport } from "./clients";

export const pools = createClient(PoolService, transport);
export const transactions = createClient(TransactionService, transport);
