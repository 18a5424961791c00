-- What the other tables are made from: one row a pool, and how ids come from numbers.
-- {markets}, {trades}, {blocks}, {users} and {chain} are numbers. A block takes five seconds.
CREATE SCHEMA seed;

CREATE FUNCTION seed.hash(kind int8, number int8) RETURNS bytea IMMUTABLE PARALLEL SAFE LANGUAGE sql
  RETURN sha256(int8send(kind) || int8send(number));
CREATE FUNCTION seed.address(kind int8, number int8) RETURNS bytea IMMUTABLE PARALLEL SAFE LANGUAGE sql
  RETURN substr(sha256(int8send(kind) || int8send(number)), 1, 20);
CREATE FUNCTION seed.account(number int8) RETURNS bytea IMMUTABLE PARALLEL SAFE LANGUAGE sql
  RETURN substr(sha256(int8send(1) || int8send(number)), 1, 20);
CREATE FUNCTION seed.time(block int8) RETURNS int8 IMMUTABLE PARALLEL SAFE LANGUAGE sql
  RETURN 1750000000 + 5 * block;
-- A few numbers below `most` often, the others seldom.
CREATE FUNCTION seed.skewed(most int8, a int8, b int8) RETURNS int8 IMMUTABLE PARALLEL SAFE LANGUAGE sql
  RETURN floor(most * (((a * 2654435761 + b * 40503) % 1048576) / 1048576.0::float8) ^ 3)::int8;

-- Trades by rank as 1 / (rank + 10): the first pool has a hundred thousand, most have less than a hundred.
CREATE UNLOGGED TABLE seed.pool AS
WITH ranked AS (SELECT n, 1.0::float8 / ((n * 104729) % {markets} + 10) AS weight FROM generate_series(0::int8, {markets} - 1) AS n),
counted AS (SELECT n, floor({trades} * weight / (SELECT sum(weight) FROM ranked))::int8 AS trades FROM ranked),
begun AS (SELECT n, trades, 1 + floor(({blocks} - trades * 6 - 100) * (n::float8 / {markets}))::int8 AS first_block FROM counted),
ended AS (SELECT *, least({blocks} - first_block - 1, greatest(trades * 6, {blocks} / 10)) AS life FROM begun)
SELECT n, trades, first_block,
  -- Trades come ten in a row, one a block.
  greatest(10, life / ((trades + 9) / 10 + 1)) AS pause,
  seed.address(2, n) AS address, seed.hash(3, n) AS condition_id, seed.hash(4, n) AS question_id,
  CASE WHEN n % 5 < 4 THEN seed.hash(5, n) END AS market_id,
  seed.hash(6, n) AS token0, seed.hash(7, n) AS token1,
  seed.address(8, CASE WHEN n % 100 < 90 THEN 0 WHEN n % 100 < 99 THEN 1 ELSE 2 + n % 300 END) AS collateral,
  seed.account(seed.skewed({markets} / 50, n, 7)) AS creator,
  first_block + {blocks} / 40 + (n * 7919) % ({blocks} / 5) AS due_block
FROM ended;
ALTER TABLE seed.pool ADD PRIMARY KEY (n);
ANALYZE seed.pool;
