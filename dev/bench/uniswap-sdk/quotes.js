// Quotes the paths of a file by Uniswap's SDK: node quotes.js workload.json milliseconds
// Says what comes out of each, and the microseconds of processor time of one quote by the number of hops.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Node does not find the files of their ES modules.
const require = createRequire(import.meta.url);
const { CurrencyAmount, Token } = require("@uniswap/sdk-core");
const { Pool } = require("@uniswap/v3-sdk");

const [file, milliseconds] = process.argv.slice(2);
const workload = JSON.parse(readFileSync(file, "utf8"));

const pools = workload.pools.map(({ tokens, fee, sqrtPrice, liquidity, tick, ticks }) => {
  const [first, second] = tokens.map(({ address, decimals }) => new Token(1, address, decimals));
  return new Pool(first, second, fee, sqrtPrice, liquidity, tick, ticks);
});
const paths = workload.paths.map(({ amount, hops }) => {
  const [{ pool, down }] = hops;
  const token = down ? pools[pool].token0 : pools[pool].token1;
  return { amount: CurrencyAmount.fromRawAmount(token, amount), pools: hops.map((hop) => pools[hop.pool]) };
});

async function quote(path) {
  let amount = path.amount;
  for (const pool of path.pools) {
    [amount] = await pool.getOutputAmount(amount);
  }
  return amount;
}

async function cost(some) {
  const begun = process.cpuUsage();
  let quotes = 0;
  let used = 0;
  while (used < milliseconds * 1000) {
    for (const path of some) {
      await quote(path);
      quotes += 1;
    }
    const { user, system } = process.cpuUsage(begun);
    used = user + system;
  }
  return used / quotes;
}

const outputs = [];
for (const path of paths) {
  outputs.push((await quote(path)).quotient.toString());
}
const costs = [];
for (const hops of [1, 2, 3]) {
  costs.push(await cost(paths.filter((path) => path.pools.length === hops)));
}
process.stdout.write(JSON.stringify({ outputs, costs }));
