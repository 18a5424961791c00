-- How pools developed, and the collateral behind their conditions: funded in their first block, changed by each trade.
INSERT INTO market.pool_snapshot (chain_id, amm, block_number, balances, volume, trades)
SELECT {chain}, address, first_block, '["1000000000000","1000000000000"]', 0, 0 FROM seed.pool;
INSERT INTO market.pool_snapshot (chain_id, amm, block_number, balances, volume, trades)
SELECT {chain}, address, first_block + 1 + trade / 10 * pause + trade % 10,
  '["' || 1000000000000 + trade % 1000 * 1000000 || '","' || 1000000000000 - trade % 1000 * 1000000 || '"]',
  (trade + 1) * 1000000, trade + 1
FROM seed.pool, generate_series(0, trades - 1) AS trade;

INSERT INTO market.open_interest (chain_id, contract, condition_id, collateral, block_number, amount)
SELECT {chain}, seed.address(0, 0), condition_id, collateral, first_block, 1000000000000 FROM seed.pool;
INSERT INTO market.open_interest (chain_id, contract, condition_id, collateral, block_number, amount)
SELECT {chain}, seed.address(0, 0), condition_id, collateral, first_block + 1 + trade / 10 * pause + trade % 10,
  1000000000000 + trade * 500000
FROM seed.pool, generate_series(0, trades - 1) AS trade;
