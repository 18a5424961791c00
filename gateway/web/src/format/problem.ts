// Why there is no quote, and why a pool is not used, in words.
import { PoolProblem } from "../gen/capstan/quoter/v1/pools_pb";
import { QuoteStatus } from "../gen/capstan/quoter/v1/quote_pb";

const STATUS: Partial<Record<QuoteStatus, string>> = {
  [QuoteStatus.NO_ROUTE]: "No pools lead from one token to the other. Allow more pools in a row.",
  [QuoteStatus.INSUFFICIENT_LIQUIDITY]: "The pools do not have so much. Try a smaller amount.",
  [QuoteStatus.STALE_STATE]: "The state of the pools is too old.",
  [QuoteStatus.UNSUPPORTED_TOKEN]:
    "A token takes a fee on transfer or changes balances by itself: amounts cannot be known.",
  [QuoteStatus.AMOUNT_TOO_SMALL]: "So little would come out that it rounds to nothing.",
  [QuoteStatus.UNKNOWN_TOKEN]: "No pool has ever traded one of the tokens.",
  [QuoteStatus.TIMEOUT]: "Nothing was found in time.",
};

/** Why there is no quote. */
export function statusText(status: QuoteStatus): string {
  return STATUS[status] ?? "There is no quote, for a reason that is newer than this page.";
}

const PROBLEM: Partial<Record<PoolProblem, string>> = {
  [PoolProblem.NOT_INITIALIZED]: "has no price yet",
  [PoolProblem.HOOKS]: "hooks can change amounts",
  [PoolProblem.FEE_ON_TRANSFER]: "a token takes a fee on transfer",
  [PoolProblem.REBASING]: "a token changes balances by itself",
  [PoolProblem.DRIFTED]: "is being read again",
  [PoolProblem.PAUSED]: "is paused",
  [PoolProblem.UNSUPPORTED]: "is of an unknown kind",
  [PoolProblem.INCOMPLETE]: "is not fully read yet",
};

/** Why a pool is not used; empty when it is. */
export function problemText(problem: PoolProblem): string {
  if (problem === PoolProblem.UNSPECIFIED) return "";
  return PROBLEM[problem] ?? "is not used, for a reason that is newer than this page";
}
