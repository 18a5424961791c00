// Where times and prices land in the chart.
import { describe, expect, test } from "vitest";
import { staircase } from "./line";
import { indexAt, priceRange, priceTicks, scale, timeTicks } from "./scale";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("a scale maps ends to ends, and an empty domain to its start", () => {
  const toPixel = scale({ from: 10, to: 20 }, { from: 100, to: 0 });
  expect([toPixel(10), toPixel(15), toPixel(20)]).toEqual([100, 50, 0]);
  expect(scale({ from: 5, to: 5 }, { from: 7, to: 9 })(5)).toBe(7);
});

describe("time ticks", () => {
  test("are round, within the span and not too many", () => {
    for (const span of [7_000, 3 * MINUTE, 5 * HOUR, 3 * DAY, 400 * DAY, 9_000 * DAY]) {
      const from = 1_700_000_123_456;
      const { ticks, stepMs } = timeTicks({ from, to: from + span }, 6, 0);
      expect(ticks.length).toBeGreaterThan(1);
      expect(ticks.length).toBeLessThanOrEqual(7);
      for (const tick of ticks) {
        expect(tick % stepMs).toBe(0);
        expect(tick >= from && tick <= from + span).toBe(true);
      }
    }
  });

  test("of days are at local midnight", () => {
    const offset = 2 * HOUR;
    const { ticks } = timeTicks({ from: 0, to: 4 * DAY }, 6, offset);
    expect(ticks[0]).toBe(DAY - offset);
  });

  test("of a single moment end", () => {
    expect(timeTicks({ from: 1_000, to: 1_000 }, 5, 0).ticks).toEqual([1_000]);
  });
});

describe("the price range", () => {
  test("holds all prices with some air, in steps of five percent", () => {
    expect(priceRange([0.42, 0.58])).toEqual({ from: 0.4, to: 0.6 });
    expect(priceRange([0.4, 0.6])).toEqual({ from: 0.35, to: 0.65 });
  });

  test("never leaves zero to one and is never too narrow", () => {
    expect(priceRange([0, 1])).toEqual({ from: 0, to: 1 });
    expect(priceRange([0.001])).toEqual({ from: 0, to: 0.1 });
    expect(priceRange([])).toEqual({ from: 0, to: 1 });
  });

  test("has few round ticks", () => {
    expect(priceTicks({ from: 0, to: 1 })).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(priceTicks({ from: 0.35, to: 0.65 })).toEqual([0.4, 0.5, 0.6]);
  });
});

test("the point at a time is the last one that is not after it", () => {
  const times = [10, 20, 20, 30];
  expect([5, 10, 19, 20, 29, 99].map((time) => indexAt(times, time))).toEqual([0, 0, 0, 2, 2, 3]);
});

describe("a line", () => {
  test("holds each price until the next and the last one to the edge", () => {
    const steps = [
      { x: 0, y: 10 },
      { x: 5, y: 4 },
    ];
    expect(staircase(steps, 9)).toBe("M0 10H5V4H9");
  });

  test("ends where the price ends and begins where it begins again", () => {
    const steps = [
      { x: 0, y: 10 },
      { x: 5, y: undefined },
      { x: 7, y: 3 },
    ];
    expect(staircase(steps, 9)).toBe("M0 10H5M7 3H9");
    expect(staircase([{ x: 1, y: undefined }], 9)).toBe("");
  });
});
