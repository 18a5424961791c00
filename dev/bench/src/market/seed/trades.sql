-- What people did: trades, and for each twentieth trade something else.
INSERT INTO market.activity (chain_id, block_number, log_index, block_time, kind, user_address, amm, condition_id, collateral, outcome_index, collateral_amount, amount, fee, transaction_id)
SELECT {chain}, block, n * 10 + 5, seed.time(block), CASE WHEN trade % 4 = 3 THEN 2 ELSE 1 END,
  seed.account(seed.skewed({users}, trade, n)), address, condition_id, collateral, trade % 2,
  1000000 + trade % 977, 1900000 + trade % 991, 20000, seed.hash(n, trade)
FROM seed.pool, generate_series(0, trades - 1) AS trade,
  LATERAL (SELECT first_block + 1 + trade / 10 * pause + trade % 10) AS place (block);
INSERT INTO market.activity (chain_id, block_number, log_index, block_time, kind, user_address, amm, condition_id, collateral, outcome_index, collateral_amount, amount, fee, transaction_id)
SELECT {chain}, block, n * 10 + 6, seed.time(block), kind, seed.account(seed.skewed({users}, trade, n + 1)),
  CASE WHEN kind > 5 THEN address END, condition_id, collateral, NULL, 3000000, 0, 0, seed.hash(n, trade)
FROM seed.pool, generate_series(0, trades - 1, 20) AS trade,
  LATERAL (SELECT first_block + 1 + trade / 10 * pause + trade % 10, 3 + trade / 20 % 5) AS place (block, kind);
