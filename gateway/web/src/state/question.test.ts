// A question survives its way through a link, and a broken link asks nothing dangerous.
import { expect, test } from "vitest";
import { Objective } from "../gen/capstan/quoter/v1/quote_pb";
import { parseQuestion, type Question, questionPath, requestOf } from "./question";

const QUESTION: Question = {
  chainId: 13_370n,
  tokenIn: "0x01",
  tokenOut: "0x02",
  side: "out",
  amount: "1000000",
  slippageBps: 0,
  maxHops: 4,
  maxSplits: 1,
  objective: Objective.GROSS,
};
const queryOf = (path: string) => path.slice(path.indexOf("?"));

test("a link says everything that is asked", () => {
  expect(parseQuestion(queryOf(questionPath(QUESTION)))).toEqual(QUESTION);
});

test("a link does not say what is preset", () => {
  const plain = parseQuestion("?in=0x01&out=0x02&give=5");
  expect(plain).toMatchObject({ side: "in", amount: "5", slippageBps: 50, maxHops: 3 });
  expect(questionPath(plain)).toBe("/quote?in=0x01&out=0x02&give=5");
});

test.each(["give=0", "give=1.5", "give=-1", "give=abc", `give=${"9".repeat(79)}`, ""])(
  "%j has no amount",
  (query) => expect(parseQuestion(query).amount).toBe(""),
);

test("what is out of range is preset", () => {
  const { slippageBps, maxHops, maxSplits } = parseQuestion("?slippage=10001&hops=5&splits=0");
  expect([slippageBps, maxHops, maxSplits]).toEqual([50, 3, 8]);
});

test("only one amount is exact", () => {
  expect(requestOf(QUESTION).amount).toEqual({ case: "amountOut", value: "1000000" });
  const given = requestOf({ ...QUESTION, side: "in" });
  expect(given.amount).toEqual({ case: "amountIn", value: "1000000" });
  expect(given.slippageBps).toBe(0);
});
