// One row for each transfer, with a unique key and two secondary indexes as the floor and the indexer have.
import { index, onchainTable, primaryKey } from "ponder";

export const transfer = onchainTable(
  "transfer",
  (t) => ({
    chainId: t.integer().notNull(),
    blockHash: t.hex().notNull(),
    logIndex: t.integer().notNull(),
    blockNumber: t.bigint().notNull(),
    blockTime: t.bigint().notNull(),
    transactionHash: t.hex().notNull(),
    address: t.hex().notNull(),
    from: t.hex().notNull(),
    to: t.hex().notNull(),
    value: t.bigint().notNull(),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.blockHash, table.logIndex] }),
    addressIndex: index().on(table.address),
    blockIndex: index().on(table.blockNumber),
  }),
);
