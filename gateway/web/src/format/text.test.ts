// Names and times in words.
import { expect, test } from "vitest";
import {
  formatAgo,
  formatDuration,
  formatRate,
  formatTime,
  marketTitle,
  outcomeName,
  shorten,
} from "./text";

test("a long id keeps its ends, a short one everything", () => {
  expect(shorten("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")).toBe("0x8335…2913");
  expect(shorten("0x1234")).toBe("0x1234");
});

test("a question that the chain does not give is not invented", () => {
  const marketId = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
  expect(marketTitle({ marketId })).toBe("Unnamed market 0x8335…2913");
  expect(marketTitle({ marketId, question: "" })).toBe("Unnamed market 0x8335…2913");
  expect(marketTitle({ marketId, question: "Will it rain?" })).toBe("Will it rain?");
});

test("an outcome without a name is called by its index", () => {
  expect(outcomeName(["Yes", "No"], 1)).toBe("No");
  expect(outcomeName([], 1)).toBe("Outcome 1");
});

test("a time of today has no date", () => {
  const now = new Date(2026, 4, 20, 15, 0, 0);
  expect(formatTime(new Date(2026, 4, 20, 9, 5, 7), now)).toBe("09:05:07");
  expect(formatTime(new Date(2026, 4, 19, 9, 5, 7), now)).toBe("19 May, 09:05:07");
  expect(formatTime(new Date(2025, 4, 19, 9, 5, 7), now)).toBe("19 May 2025, 09:05:07");
});

test("a duration has its two largest units", () => {
  expect(formatDuration(0n)).toBe("0 s");
  expect(formatDuration(59n)).toBe("59 s");
  expect(formatDuration(3_600n)).toBe("1 h");
  expect(formatDuration(93_784n)).toBe("1 d 2 h");
});

test("an age is in whole seconds, and a block of a fast clock is said to be ahead", () => {
  const ago = (ms: number) => formatAgo(1_000_000, 1_000_000 + ms);
  expect(ago(0)).toBe("now");
  expect(ago(999)).toBe("now");
  expect(ago(12_900)).toBe("12 s ago");
  expect(ago(3_725_000)).toBe("1 h 2 min ago");
  expect(ago(-999)).toBe("now");
  expect(ago(-4_000)).toBe("in 4 s");
});

test.each([
  [0, "0"],
  [0.003, "<0.01"],
  [0.5, "0.5"],
  [2, "2"],
  [12.34, "12.3"],
  [12_345.6, "12,346"],
])("%d a second is %s", (rate, text) => {
  expect(formatRate(rate)).toBe(text);
});
