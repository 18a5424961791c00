// What a pool holds: reserves with weights, or liquidity around a price.
import { formatDecimal, shift } from "../format/decimal";
import { problemText } from "../format/problem";
import { type Pool, PoolProblem } from "../gen/capstan/quoter/v1/pools_pb";
import type { TokenBook } from "../state/tokens";
import { Token, TokenAmount } from "./token";
import { Amount } from "./values";

// Weights are integers of 10^-18; percent is 100 times that.
const PERCENT_OF_WEIGHT = -16;

export function PoolState({ pool: { state, tokens }, book }: { pool: Pool; book: TokenBook }) {
  if (state.case === "concentrated") {
    return (
      <>
        liquidity <Amount raw={state.value.liquidity} unit={{ decimals: 0 }} />
        <span class="second">at tick {state.value.tick}</span>
      </>
    );
  }
  if (state.case === undefined || state.value.amounts.length === 0) {
    return <span class="muted">holds none</span>;
  }
  const { amounts, weights } = state.value;
  return (
    <>
      {tokens.map((token, index) => (
        <div key={token}>
          <TokenAmount book={book} token={token} raw={amounts[index] ?? "0"} />
          {weights[index] && (
            <span class="muted small">
              {" "}
              {formatDecimal(shift(weights[index], PERCENT_OF_WEIGHT))}%
            </span>
          )}
        </div>
      ))}
    </>
  );
}

export function PoolTokens({ pool, book }: { pool: Pool; book: TokenBook }) {
  return (
    <>
      {pool.tokens.map((token) => (
        <div key={token}>
          <Token book={book} address={token} />
        </div>
      ))}
    </>
  );
}

/** Whether a pool is used in quotes, and why not. */
export function PoolUse({ pool }: { pool: Pool }) {
  if (pool.problem === PoolProblem.UNSPECIFIED) return <span class="badge good">used</span>;
  return (
    <>
      <span class="badge bad">not used</span>
      <span class="problem">
        {problemText(pool.problem)}
        {pool.problemDetail && `: ${pool.problemDetail}`}
      </span>
    </>
  );
}
