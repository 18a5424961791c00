// Every reason of the contract has words of its own.
import { expect, test } from "vitest";
import { PoolProblem, PoolProblemSchema } from "../gen/capstan/quoter/v1/pools_pb";
import { QuoteStatus, QuoteStatusSchema } from "../gen/capstan/quoter/v1/quote_pb";
import { problemText, statusText } from "./problem";

const NEWER = 99;

test("every status without a quote says why", () => {
  const reasons = QuoteStatusSchema.values
    .map(({ number }) => number as QuoteStatus)
    .filter((status) => status !== QuoteStatus.UNSPECIFIED && status !== QuoteStatus.OK);
  const texts = reasons.map(statusText);
  expect(new Set(texts).size).toBe(reasons.length);
  expect(texts).not.toContain(statusText(NEWER as QuoteStatus));
});

test("every problem of a pool says what it is, and a good pool has none", () => {
  const texts = PoolProblemSchema.values.map(({ number }) => problemText(number as PoolProblem));
  expect(new Set(texts).size).toBe(PoolProblemSchema.values.length);
  expect(texts.filter((text) => text === "")).toHaveLength(1);
  expect(texts).not.toContain(problemText(NEWER as PoolProblem));
});
