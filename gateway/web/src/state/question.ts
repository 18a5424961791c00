// What is to be quoted, and how a link says it.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Objective, QuoteRequestSchema } from "../gen/capstan/quoter/v1/quote_pb";
import { chainOf } from "../router";

export interface Question {
  chainId: bigint;
  tokenIn: string;
  tokenOut: string;
  /** Which of both amounts is exact. */
  side: "in" | "out";
  /** In the smallest unit; empty: not said yet. */
  amount: string;
  slippageBps: number;
  maxHops: number;
  maxSplits: number;
  objective: Objective;
}

export const MOST_HOPS = 4;
export const MOST_SPLITS = 16;

const PRESET = { slippageBps: 50, maxHops: 3, maxSplits: 8 };

/** The question of a link; what it does not say, or says wrongly, is as the contract presets it. */
export function parseQuestion(query: string): Question {
  const given = new URLSearchParams(query);
  const text = (name: string): string => given.get(name) ?? "";
  const number = (name: string, preset: number, least: number, most: number): number => {
    const value = /^\d{1,5}$/.test(text(name)) ? Number(text(name)) : preset;
    return value >= least && value <= most ? value : preset;
  };
  const side = given.has("get") ? "out" : "in";
  const amount = text(side === "out" ? "get" : "give");
  return {
    chainId: chainOf(query),
    tokenIn: text("in"),
    tokenOut: text("out"),
    side,
    amount: /^[1-9]\d{0,77}$/.test(amount) ? amount : "",
    slippageBps: number("slippage", PRESET.slippageBps, 0, 10_000),
    maxHops: number("hops", PRESET.maxHops, 1, MOST_HOPS),
    maxSplits: number("splits", PRESET.maxSplits, 1, MOST_SPLITS),
    objective: text("objective") === "gross" ? Objective.GROSS : Objective.NET_OF_GAS,
  };
}

/** The link to a question; says only what is not preset. */
export function questionPath(question: Partial<Question>): string {
  const { side, amount, objective } = question;
  const query = new URLSearchParams();
  const say = (name: string, value: string | number | bigint | undefined, preset?: number) => {
    if (value && value !== preset) query.set(name, String(value));
  };
  say("chain", question.chainId);
  say("in", question.tokenIn);
  say("out", question.tokenOut);
  say(side === "out" ? "get" : "give", amount);
  if (question.slippageBps === 0) query.set("slippage", "0");
  say("slippage", question.slippageBps, PRESET.slippageBps);
  say("hops", question.maxHops, PRESET.maxHops);
  say("splits", question.maxSplits, PRESET.maxSplits);
  if (objective === Objective.GROSS) query.set("objective", "gross");
  return `/quote?${query}`;
}

/** The question as the contract takes it. */
export function requestOf(question: Question) {
  const { side, amount, ...rest } = question;
  const exact: MessageInitShape<typeof QuoteRequestSchema>["amount"] =
    side === "in" ? { case: "amountIn", value: amount } : { case: "amountOut", value: amount };
  return create(QuoteRequestSchema, { ...rest, amount: exact });
}
