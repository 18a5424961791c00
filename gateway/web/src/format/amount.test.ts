// Amounts and prices: exact to the last digit, whatever their size.
import { describe, expect, test } from "vitest";
import {
  addAmounts,
  exactAmount,
  formatAmount,
  formatPercent,
  group,
  parseAmount,
  parsePrice,
  payoutPrices,
  withSign,
  worth,
} from "./amount";

const USDC = { decimals: 6, symbol: "USDC" };

describe("an amount for reading", () => {
  test.each([
    ["0", "0.00 USDC"],
    ["1", "<0.01 USDC"],
    ["9999", "<0.01 USDC"],
    ["10000", "0.01 USDC"],
    ["1999999", "1.99 USDC"],
    ["1234567890123", "1,234,567.89 USDC"],
  ])("%s is %s, rounded down", (raw, shown) => {
    expect(formatAmount(raw, USDC)).toBe(shown);
  });

  test.each([
    ["-1234567", "−1.23 USDC"],
    ["-1", "−<0.01 USDC"],
    ["0", "0.00 USDC"],
    ["2000000", "+2.00 USDC"],
  ])("%s as a profit is %s", (raw, shown) => {
    expect(withSign(raw, (size) => formatAmount(size, USDC))).toBe(shown);
  });

  test("has no fraction when the token has none", () => {
    expect(formatAmount("1234", { decimals: 0, symbol: "PT" })).toBe("1,234 PT");
  });

  test("has no more decimals than the token", () => {
    expect(formatAmount("15", { decimals: 1 })).toBe("1.5");
  });

  test("of unknown decimals is the integer itself", () => {
    expect(formatAmount("1234567", {})).toBe("1,234,567 units");
    expect(formatAmount("1234567", { symbol: "ABC" })).toBe("1,234,567 ABC");
  });

  test("keeps every digit of the largest uint256", () => {
    const largest = (2n ** 256n - 1n).toString();
    expect(exactAmount(largest, { decimals: 18 }).replace(/[,.]/g, "")).toBe(largest);
  });
});

describe("a typed amount", () => {
  test.each([
    ["1", "1000000"],
    ["0.5", "500000"],
    ["1,234.000001", "1234000001"],
    ["7.", "7000000"],
    ["0", "0"],
  ])("%s is %s of the smallest unit", (text, raw) => {
    expect(parseAmount(text, USDC)).toBe(raw);
  });

  test.each(["", ".5", "-1", "1e3", "0x10", "1.0000001", "1.2.3", "a"])("%j is none", (text) => {
    expect(parseAmount(text, USDC)).toBeUndefined();
  });

  test("of unknown decimals is whole", () => {
    expect(parseAmount("12", {})).toBe("12");
    expect(parseAmount("1.5", {})).toBeUndefined();
  });
});

test("the exact amount drops only zeros behind the point", () => {
  expect(exactAmount("1500000", USDC)).toBe("1.5 USDC");
  expect(exactAmount("100000000", USDC)).toBe("100 USDC");
  expect(exactAmount("1", USDC)).toBe("0.000001 USDC");
  expect(exactAmount("100", { decimals: 0 })).toBe("100");
});

describe("a price as percent", () => {
  test.each([
    ["0", "0.0%"],
    ["1", "100.0%"],
    ["0.5", "50.0%"],
    ["0.123449999999999999", "12.3%"],
    ["0.1235", "12.4%"],
    ["0.000000000000000001", "<0.1%"],
    ["0.999999999999999999", ">99.9%"],
  ])("%s is %s, rounded to nearest", (price, shown) => {
    expect(formatPercent(price)).toBe(shown);
  });
});

test("a price parses to 18 decimals, cut off after that", () => {
  expect(parsePrice("0.25")).toBe(250_000_000_000_000_000n);
  expect(parsePrice("1")).toBe(10n ** 18n);
  expect(parsePrice("0.0000000000000000019")).toBe(1n);
});

test("worth is rounded down to the smallest unit", () => {
  expect(worth("3", "0.5")).toBe("1");
  expect(worth("1000000", "0.333333333333333333")).toBe("333333");
});

test("payouts become prices that share the collateral", () => {
  expect(payoutPrices(["1", "0"])).toEqual(["1.000000000000000000", "0.000000000000000000"]);
  expect(payoutPrices(["1", "1"]).map(formatPercent)).toEqual(["50.0%", "50.0%"]);
  expect(payoutPrices([])).toEqual([]);
  expect(payoutPrices(["0", "0"])).toEqual([]);
});

test("amounts add without losing a digit", () => {
  expect(addAmounts("9007199254740993", "1")).toBe("9007199254740994");
});

test("thousands are separated", () => {
  expect([group("1"), group("1000"), group(1234567n)]).toEqual(["1", "1,000", "1,234,567"]);
});
