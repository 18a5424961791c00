// The workload as someone who knows Ponder would configure it. The same endpoint stands 25 times: each one starts at
// 20 requests a second, and a local node needs no such care.
import { createConfig } from "ponder";
import { parseAbi } from "viem";

const { BENCH_RPC_URL, BENCH_CHAIN_ID, BENCH_EMITTER } = process.env;

export default createConfig({
  database: { kind: "postgres", connectionString: process.env.DATABASE_URL },
  chains: {
    // The newest 30 blocks are read as live ones; a second's pause before them would tell nothing.
    bench: { id: Number(BENCH_CHAIN_ID), rpc: Array(25).fill(BENCH_RPC_URL), pollingInterval: 100 },
  },
  contracts: {
    Token: {
      chain: "bench",
      abi: parseAbi(["event Transfer(address indexed from, address indexed to, uint256 value)"]),
      address: BENCH_EMITTER as `0x${string}`,
      startBlock: 0,
    },
  },
});
