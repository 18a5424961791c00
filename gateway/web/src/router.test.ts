// Which page a path shows.
import { expect, test } from "vitest";
import { marketPath, marketsPath, parseRoute, poolPath, userPath } from "./router";

test.each([
  ["/", { page: "markets", category: "" }],
  ["/status", { page: "status" }],
  ["/indexer", { page: "indexer" }],
  ["/quote", { page: "quote" }],
  ["/quote/1", { page: "missing" }],
  ["/pools", { page: "pools" }],
  ["/pools/0x1", { page: "pool", id: "0x1", chainId: 0n }],
  ["/indexer/events", { page: "missing" }],
  ["/users/0xabc", { page: "user", address: "0xabc" }],
  ["/markets/0x1", { page: "market", id: "0x1", chainId: 0n }],
  ["/markets", { page: "missing" }],
  ["/markets/0x1/more", { page: "missing" }],
  ["/api/markets", { page: "missing" }],
  ["/users/%E0%A4%A", { page: "user", address: "%E0%A4%A" }],
])("%s", (path, route) => {
  expect(parseRoute(path)).toEqual(route);
});

test("links lead to the pages that they name", () => {
  const path = marketPath({ marketId: "0x1", chainId: 8_453n });
  const { pathname, search } = new URL(path, "http://localhost");
  expect(parseRoute(pathname, search)).toEqual({ page: "market", id: "0x1", chainId: 8_453n });
  const pool = new URL(poolPath({ poolId: "0x2", chainId: 10n }), "http://localhost");
  const poolRoute = { page: "pool", id: "0x2", chainId: 10n };
  expect(parseRoute(pool.pathname, pool.search)).toEqual(poolRoute);
  const named = { marketId: "0x1", chainId: 1n, slug: "will-it-rain" };
  expect(marketPath(named)).toBe("/markets/will-it-rain?chain=1");
  const list = new URL(marketsPath("R&D, 100 %"), "http://localhost");
  const route = { page: "markets", category: "R&D, 100 %" };
  expect(parseRoute(list.pathname, list.search)).toEqual(route);
  expect(marketsPath("")).toBe("/");
  expect(parseRoute(userPath("0xabc"))).toEqual({ page: "user", address: "0xabc" });
});

test("a chain that is no number is no chain", () => {
  expect(parseRoute("/markets/0x1", "?chain=base")).toMatchObject({ chainId: 0n });
});
