// Every transfer becomes a row.
import { ponder } from "ponder:registry";
import { transfer } from "ponder:schema";

ponder.on("Token:Transfer", async ({ event, context }) => {
  await context.db.insert(transfer).values({
    chainId: context.chain.id,
    blockHash: event.block.hash,
    logIndex: event.log.logIndex,
    blockNumber: event.block.number,
    blockTime: event.block.timestamp,
    transactionHash: event.transaction.hash,
    address: event.log.address,
    from: event.args.from,
    to: event.args.to,
    value: event.args.value,
  });
});
