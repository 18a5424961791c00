-- Everything that is small: markets, pools, tokens, conditions, resolutions, the cursor.
INSERT INTO market.condition (chain_id, contract, condition_id, oracle, question_id, outcome_slot_count, block_number, log_index)
SELECT {chain}, seed.address(0, 0), condition_id, seed.address(9, 0), question_id, 2, first_block, n * 10 FROM seed.pool;

INSERT INTO market.resolution (chain_id, contract, condition_id, payouts, block_number, log_index, transaction_id)
SELECT {chain}, seed.address(0, 0), condition_id, '["1","0"]', due_block, n * 10 + 1, seed.hash(11, n)
FROM seed.pool WHERE due_block < {blocks} AND n % 10 > 0;

-- The markets of a factory, and the pools, which are listed themselves where no factory has them.
INSERT INTO market.market (chain_id, market_id, factory, creator, condition_id, collateral, question_id, question, outcomes, resolution_time, block_number, log_index, block_time, superseded_by_block, slug, category)
SELECT {chain}, market_id, seed.address(9, 0), creator, condition_id, collateral, question_id, question,
  '["Yes","No"]', seed.time(due_block), first_block, n * 10 + 2, seed.time(first_block), NULL,
  trim(left(regexp_replace(lower(question), '[^a-z0-9]+', '-', 'g'), 80), '-') || '-' || right(encode(market_id, 'hex'), 8),
  CASE WHEN n % 5000 = 0 THEN 'Odd' WHEN n % 100 < 60 THEN 'Crypto' WHEN n % 100 < 85 THEN 'Sports' WHEN n % 100 < 95 THEN 'Politics' WHEN n % 100 < 98 THEN 'Weather' END
FROM (SELECT *, 'Will ' || (ARRAY['Bitcoin','Ether','the Fed','the Lakers','inflation','turnout','the index','a storm','the album','the bill'])[1 + n % 10]
    || (ARRAY[' close above ',' fall below ',' reach ',' beat ',' end the year at ',' stay under '])[1 + (n / 10) % 6]
    || 'level ' || n || ' by ' || (ARRAY['January','February','March','April','May','June','July','August','September','October','November','December'])[1 + (n / 7) % 12]
    || ' ' || 2025 + n % 3 || CASE WHEN n % 5000 = 0 THEN ', said Quixote' ELSE '' END || '?' AS question
  FROM seed.pool WHERE market_id IS NOT NULL) AS asked;
INSERT INTO market.market (chain_id, market_id, factory, creator, condition_id, collateral, outcomes, block_number, log_index, block_time, superseded_by_block)
SELECT {chain}, address, seed.address(9, 1), creator, condition_id, collateral, '[]', first_block, n * 10 + 3, seed.time(first_block),
  CASE WHEN market_id IS NOT NULL THEN first_block END
FROM seed.pool;

INSERT INTO market.amm (chain_id, address, factory, creator, conditional_tokens, collateral, condition_ids, fee, block_number, log_index)
SELECT {chain}, address, seed.address(9, 1), creator, seed.address(0, 0), collateral, '["0x' || encode(condition_id, 'hex') || '"]', 20000000000000000, first_block, n * 10 + 3
FROM seed.pool;
INSERT INTO market.amm_condition (chain_id, amm, condition_index, condition_id, block_number)
SELECT {chain}, address, 0, condition_id, first_block FROM seed.pool;
INSERT INTO market.amm_link (chain_id, market_id, amm, block_number, log_index)
SELECT {chain}, market_id, address, first_block, n * 10 + 4 FROM seed.pool WHERE market_id IS NOT NULL;
INSERT INTO market.outcome_token (chain_id, market_id, outcome_index, contract, position_id, block_number)
SELECT {chain}, listed, outcome, seed.address(0, 0), CASE outcome WHEN 0 THEN token0 ELSE token1 END, first_block
FROM seed.pool, LATERAL (VALUES (address), (market_id)) AS as_market (listed), generate_series(0, 1) AS outcome
WHERE listed IS NOT NULL;

INSERT INTO market.block (chain_id, number, hash, time, position)
SELECT {chain}, n, seed.hash(10, n), seed.time(n), n << 24 FROM generate_series(1::int8, {blocks}) AS n;

-- Holders: a third as many as trades, some of both outcomes; twenty accounts that hold something of every market;
-- the pools themselves.
INSERT INTO market.balance (chain_id, contract, position_id, holder, amount)
SELECT {chain}, seed.address(0, 0), CASE outcome WHEN 0 THEN token0 ELSE token1 END,
  seed.account(20 + (holder * 7919 + n * 104729) % ({users} - 20)), 1000000 + holder % 1000
FROM seed.pool, generate_series(0, trades / 3) AS holder, generate_series(0, 1) AS outcome
WHERE holder % 2 = outcome OR holder % 10 = 0;
INSERT INTO market.balance (chain_id, contract, position_id, holder, amount)
SELECT {chain}, seed.address(0, 0), CASE outcome WHEN 0 THEN token0 ELSE token1 END, seed.account(whale), 5000000 + n
FROM seed.pool, generate_series(0, 19) AS whale, generate_series(0, 1) AS outcome WHERE outcome = 0 OR whale < 5;
INSERT INTO market.balance (chain_id, contract, position_id, holder, amount)
SELECT {chain}, seed.address(0, 0), CASE outcome WHEN 0 THEN token0 ELSE token1 END, address, 1000000000
FROM seed.pool, generate_series(0, 1) AS outcome;

INSERT INTO market.holder_count (chain_id, contract, position_id, holders)
SELECT chain_id, contract, position_id, count(*) FROM market.balance WHERE amount < 1000000000 GROUP BY 1, 2, 3;

-- What holders paid: each what it has, at half a unit.
INSERT INTO market.cost_basis (chain_id, contract, position_id, holder, quantity, unknown, cost, realised, unmatched, invested, fees)
SELECT chain_id, contract, position_id, holder, amount, 0, div(amount, 2), 0, 0, div(amount, 2), div(amount, 100)
FROM market.balance WHERE amount < 1000000000;

INSERT INTO market.candle (chain_id, amm, seconds, start, first_block, last_block, open, high, low, close, volume, trades)
SELECT DISTINCT ON (n, seconds, start) {chain}, address, seconds, start, first_block + 1 + pause * row, first_block + 1 + pause * row + 9,
  '["500000000000000000","500000000000000000"]', '["510000000000000000","500000000000000000"]',
  '["500000000000000000","490000000000000000"]', '["510000000000000000","490000000000000000"]', 10000000, 10
FROM seed.pool, generate_series(0, trades / 10) AS row, LATERAL (VALUES (60), (3600)) AS kept (seconds),
  LATERAL (SELECT seed.time(first_block + 1 + pause * row) / seconds * seconds) AS span (start);

-- Gifts, a hundredth of the trades, each with its two sides.
INSERT INTO market.gift (chain_id, block_number, log_index, item, kind, block_time, user_address, counterparty, contract, position_id, amount, transaction_id)
SELECT {chain}, first_block + 1, 100000 + n, gift / {markets}, kind, seed.time(first_block + 1),
  seed.account(CASE kind WHEN 8 THEN taker ELSE giver END), seed.account(CASE kind WHEN 8 THEN giver ELSE taker END),
  seed.address(0, 0), token0, 1000 + gift % 1000, seed.hash(12, gift)
FROM generate_series(0::int8, {trades} / 100) AS gift JOIN seed.pool ON n = gift % {markets},
  LATERAL (SELECT gift * 7919 % {users} AS taker, (gift * 104729 + 1) % {users} AS giver) AS sides,
  LATERAL (VALUES (8::int2), (9::int2)) AS side (kind);
