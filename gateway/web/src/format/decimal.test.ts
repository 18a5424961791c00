// Decimals keep every digit, wherever their point is moved to.
import { describe, expect, test } from "vitest";
import {
  decimalsOf,
  formatBps,
  formatDecimal,
  formatPpm,
  inverse,
  parsePercent,
  shift,
  wholePrice,
} from "./decimal";

test.each([
  ["1", 3, "1000"],
  ["1", -3, "0.001"],
  ["12.345", 1, "123.45"],
  ["12.345", -2, "0.12345"],
  ["0.00166758584974509120104479564796251312", 18, "1667585849745091.20104479564796251312"],
  ["0.05", 1, "0.5"],
  ["0", 5, "0"],
  ["0", -5, "0"],
  ["100", -2, "1"],
  ["100.50", 0, "100.5"],
  ["0.001", -2, "0.00001"],
])("%s times ten to the power of %d is %s", (decimal, places, moved) => {
  expect(shift(decimal, places)).toBe(moved);
});

test.each([
  ["0", "0"],
  ["1234567.891", "1,234,567"],
  ["1234.56789", "1,234.56"],
  ["600.004895346943352384", "600.004"],
  ["0.00166758584974", "0.00166758"],
  ["0.100000000001", "0.1"],
  ["1.00000001", "1"],
])("%s for reading is %s, cut off", (decimal, shown) => {
  expect(formatDecimal(decimal)).toBe(shown);
});

describe("percent", () => {
  test.each([
    ["10.4336", "0.104336%"],
    ["0", "0%"],
    ["9995.5213", "99.955213%"],
    [50, "0.5%"],
    [10_000, "100%"],
  ])("%s hundredths of it are %s", (bps, shown) => {
    expect(formatBps(bps)).toBe(shown);
  });

  test.each([
    [3_000, "0.3%"],
    [100, "0.01%"],
    [3_399, "0.3399%"],
    [1, "0.0001%"],
    [0, "0%"],
  ])("%d millionths are %s", (ppm, shown) => {
    expect(formatPpm(ppm)).toBe(shown);
  });

  test.each([
    ["0.5", 50],
    ["0", 0],
    ["100", 10_000],
    ["1.25", 125],
    ["100.01", undefined],
    ["0.001", undefined],
    ["-1", undefined],
    ["", undefined],
    ["a", undefined],
  ])("%j as typed is %s hundredths", (text, bps) => {
    expect(parsePercent(text)).toBe(bps);
  });
});

test("a price in whole tokens needs the decimals of both", () => {
  expect(wholePrice("600.0048", 8, 6)).toBe("60000.48");
  expect(wholePrice("0.00000000000333", 18, 6)).toBe("3.33");
  expect(wholePrice("600.0048", undefined, 6)).toBeUndefined();
  expect(wholePrice("600.0048", 8, undefined)).toBeUndefined();
});

test.each([
  ["0.00166758", "599.67138008"],
  ["1", "1"],
  ["60000", "0.0000166666666666"],
  ["0.0", undefined],
])("one divided by %s is %s", (decimal, inverted) => {
  const found = inverse(decimal);
  expect(found?.slice(0, inverted?.length)).toBe(inverted);
});

test("decimals are known by how far the point of a price moves", () => {
  const small = "200023357389.498234068450667734150206";
  expect(decimalsOf(small, "20.0023357389498234068450667734150206", 18)).toBe(8);
  expect(decimalsOf("0.000000000001", "1", 6)).toBe(18);
  expect(decimalsOf("1", "1", 18)).toBe(18);
  expect(decimalsOf("5000", "0.5", 0)).toBeUndefined();
  expect(decimalsOf("12", "13", 6)).toBeUndefined();
  expect(decimalsOf("0", "0", 6)).toBeUndefined();
});
