// The app against a running platform: what a visitor sees is what the chain says.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  barriers,
  openBrowser,
  openPage,
  overflow,
  PHONE,
  screenshot,
  type Witness,
} from "./browser";
import * as dom from "./dom";
import { Rest } from "./rest";

const base = process.env.CAPSTAN_URL;
if (!base)
  throw new Error("CAPSTAN_URL is not set: name a running platform, as `capstan up` prints");
const rest = new Rest(base);

let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(() => browser.close());

/** Runs `visit` on a fresh page and then checks that the page behaved. */
async function onPage(
  visit: (witness: Witness) => Promise<void>,
  options: Parameters<typeof openPage>[2] = {},
): Promise<void> {
  const witness = await openPage(browser, base ?? "", options);
  try {
    await visit(witness);
    expect(witness.errors, "errors on the console").toEqual([]);
    expect(witness.strangers, "requests to other hosts").toEqual([]);
  } finally {
    await witness.page.context().close();
  }
}

test("the list shows markets with prices", () =>
  onPage(async ({ page }) => {
    await page.goto("/");
    await dom.live(page);
    await expect.poll(() => dom.pricedCards(page).count()).toBeGreaterThanOrEqual(3);
    await page.locator("table.chains tbody tr").first().waitFor();
    expect(await dom.mostBlocks(page.locator("table.chains"))).toBeGreaterThan(0);
    await screenshot(page, "markets");
  }));

test("the list changes by itself", () =>
  onPage(async ({ page }) => {
    await page.goto("/");
    await dom.live(page);
    await dom.pricedCards(page).first().waitFor();
    await page.evaluate(() => document.body.setAttribute("data-same", "yes"));
    const [before, block] = [await dom.cardValues(page), await dom.listBlock(page)];
    await expect.poll(() => dom.listBlock(page), { timeout: 30_000 }).toBeGreaterThan(block);
    await expect.poll(() => dom.cardValues(page), { timeout: 45_000 }).not.toEqual(before);
    expect(await page.locator("body[data-same]").count(), "the page was reloaded").toBe(1);
  }));

describe("a market's page", () => {
  test("shows chart, trades and holders", () =>
    onPage(async ({ page }) => {
      await page.goto(`/markets/${(await rest.busiestMarket()).marketId}`);
      await dom.live(page);
      const chart = page.locator("svg[data-points]");
      await chart.waitFor();
      expect(Number(await chart.getAttribute("data-points"))).toBeGreaterThan(1);
      await page.locator("table.trades tbody tr").first().waitFor();
      await page.locator("table.holders tbody tr").first().waitFor();
      expect(await page.locator("h1").textContent()).not.toBe("");
      await page.getByRole("slider").hover();
      await page.locator(".tooltip").waitFor();
      await screenshot(page, "market");
    }));

  test("quotes a purchase as REST does at the same block", () =>
    onPage(async ({ page }) => {
      const { marketId, collateralDecimals = 0 } = await rest.busiestMarket();
      await page.goto(`/markets/${marketId}`);
      const panel = page.locator("section[aria-labelledby=quote]");
      const amount = panel.locator("input[name=amount]");
      await amount.fill("ten");
      await panel.getByRole("button", { name: "Quote" }).click();
      await expect.poll(() => panel.getByRole("alert").textContent()).toContain("decimals");
      await amount.fill("10");
      await panel.getByRole("button", { name: "Quote" }).click();
      const raw = `10${"0".repeat(collateralDecimals)}`;
      const agrees = async (): Promise<boolean> => {
        const shown = await panel.locator("dl.facts data").nth(1).getAttribute("value");
        const block = await panel.locator(".as-of data").getAttribute("value");
        const { quote, asOf } = await rest.purchase(marketId, raw);
        return block === asOf?.block?.number.toString() && shown === quote?.outcomeAmount;
      };
      await expect.poll(agrees, { timeout: 30_000 }).toBe(true);
    }));

  test("equals the REST answer of the same block, to the last unit", () =>
    onPage(async ({ page }) => {
      const { marketId } = await rest.busiestMarket();
      await page.goto(`/markets/${marketId}`);
      await dom.live(page);
      // What came by stream is compared, not only what was read at first.
      const { tradeCount } = await dom.marketValues(page);
      const liveCount = async () => (await dom.marketValues(page)).tradeCount;
      await expect.poll(liveCount, { timeout: 45_000 }).not.toBe(tradeCount);
      const { shown, answered } = await dom.atSameBlock({
        answerBlock: async () => (await rest.prices(marketId)).asOf?.block,
        shownBlock: () => dom.pageBlock(page),
        answer: () => rest.marketValues(marketId),
        shown: () => dom.marketValues(page),
      });
      expect(shown).toEqual(answered);
    }));

  test("lists the holders that REST lists at the same block", () =>
    onPage(async ({ page }) => {
      const { marketId } = await rest.busiestMarket();
      await page.goto(`/markets/${marketId}`);
      await dom.live(page);
      await page.locator("table.holders tbody tr").first().waitFor();
      const block = await dom.holdersBlock(page);
      await expect.poll(() => dom.holdersBlock(page), { timeout: 30_000 }).toBeGreaterThan(block);
      const { shown, answered } = await dom.atSameBlock({
        answerBlock: async () => (await rest.positions(marketId)).asOf?.block,
        shownBlock: () => dom.holdersBlock(page),
        answer: async () => rest.positionValues((await rest.positions(marketId)).positions),
        shown: () => dom.holderValues(page),
      });
      expect(shown.length).toBeGreaterThan(0);
      expect(shown).toEqual(answered);
    }));
});

test("a user's page equals the REST answer of the same block", () =>
  onPage(async ({ page }) => {
    const address = await rest.busiestUser();
    await page.goto(`/users/${address}`);
    await dom.live(page);
    await page.locator("table.history tbody tr").first().waitFor();
    await screenshot(page, "user");
    const { shown, answered } = await dom.atSameBlock({
      answerBlock: async () => (await rest.userPositions(address)).asOf[0]?.block,
      shownBlock: () => dom.pageBlock(page),
      answer: () => rest.userValues(address),
      shown: () => dom.userValues(page),
    });
    expect(shown.history.length).toBeGreaterThan(0);
    expect(shown).toEqual(answered);
  }));

test("the status page says what REST says", () =>
  onPage(async ({ page }) => {
    await page.goto("/status");
    await dom.live(page);
    const { status, version, services } = await rest.status();
    await page.getByText(version, { exact: true }).waitFor();
    await page.locator(".facts").getByText(status, { exact: true }).waitFor();
    const names = await page.locator("table.services tbody th").allTextContents();
    expect(names).toEqual(services.map(({ name }) => name));
    await page.locator("table.chains tbody tr").first().waitFor();
    await screenshot(page, "status");
  }));

describe("the indexer's page", () => {
  test("says of every chain and pool what REST says", () =>
    onPage(async ({ page }) => {
      await page.goto("/indexer");
      await dom.live(page);
      const { chains } = await rest.indexerStatus();
      const [chain] = chains;
      if (!chain) throw new Error("the platform follows no chain");
      const panel = page.locator(`#chain-${chain.chainId}`);
      await panel.locator("h2", { hasText: chain.name }).waitFor();
      expect(await page.locator("section.chain").count()).toBe(chains.length);
      const kept = panel.locator('dt:text-is("Kept from block") + dd data');
      expect(await kept.getAttribute("value")).toBe(chain.earliestBlock.toString());
      const urls = await panel.locator("table.endpoints tbody th").allTextContents();
      expect(urls).toEqual(chain.endpoints.map(({ url }) => url));
      const { pools } = await rest.pools();
      await expect.poll(() => page.locator("table.pools tbody tr").count()).toBe(pools.length);
      await screenshot(page, "indexer");
    }));

  test("lists the events that REST lists at the same block", () =>
    onPage(async ({ page }) => {
      await page.goto("/indexer");
      await dom.live(page);
      await page.locator("table.events tbody tr").first().waitFor();
      const block = await dom.eventsBlock(page);
      await expect.poll(() => dom.eventsBlock(page), { timeout: 30_000 }).toBeGreaterThan(block);
      const { shown, answered } = await dom.atSameBlock({
        answerBlock: async () => (await rest.newestEvents()).asOf?.block,
        shownBlock: () => dom.eventsBlock(page),
        answer: () => rest.eventValues(),
        shown: () => dom.eventValues(page),
      });
      expect(shown.length).toBeGreaterThan(0);
      expect(shown).toEqual(answered);
    }));

  test("unfolds an event, and follows its transaction", () =>
    onPage(async ({ page }) => {
      const { events } = await rest.newestEvents("gnosis.fpmm.FPMMBuy");
      const event = events[0];
      if (!event) throw new Error("nobody has bought anything");
      await page.goto("/indexer");
      await page.getByLabel("Kind").fill(event.kind);
      await page.getByRole("button", { name: "Filter" }).click();
      await page.locator("table.events button", { hasText: event.kind }).first().click();
      await page.locator(".event-details").getByText("Meaning: trade executed").waitFor();
      await page.getByLabel("Hash").fill(event.transactionHash);
      await page.getByRole("button", { name: "Look up" }).click();
      await page.getByRole("button", { name: "Register it" }).click();
      const state = page.locator(".followed .badge", { hasText: /^(mined|final)$/ });
      await state.waitFor();
      await screenshot(page, "indexer-unfolded");
    }));
});

describe("the pages of quotes and pools", () => {
  test("quote in every block what REST quotes at that block, to the last unit", () =>
    onPage(async ({ page }) => {
      const [tokenIn, tokenOut] = await rest.tradedPair();
      const answer = page.locator("section[aria-labelledby=answer]");
      await page.goto("/quote");
      await dom.live(page);
      const form = page.getByRole("form", { name: "Swap" });
      await form.getByLabel("You give").selectOption(tokenIn);
      await form.getByLabel("You get").selectOption(tokenOut);
      await form.getByLabel(/^Amount/).fill("100");
      await form.getByText("Slippage, routes and objective").click();
      await form.getByLabel("Most pools in a row").selectOption("1");
      await form.getByLabel("Most routes").selectOption("2");
      await form.getByLabel("Best is").selectOption("the most, whatever the gas");
      await form.getByRole("button", { name: "Quote" }).click();
      await answer.locator(".routes > li").first().waitFor();
      const given = await answer.locator("dd data").first().getAttribute("value");
      expect(given).toMatch(/^100(0{6}|0{8}|0{18})?$/);
      const block = await dom.quoteBlock(page);
      await expect.poll(() => dom.quoteBlock(page), { timeout: 30_000 }).toBeGreaterThan(block);
      const { shown, answered } = await dom.atSameBlock({
        answerBlock: async () => (await rest.swap(tokenIn, tokenOut, given ?? "")).asOf?.block,
        shownBlock: () => dom.quoteBlock(page),
        answer: async () => rest.swapValues(await rest.swap(tokenIn, tokenOut, given ?? "")),
        shown: () => dom.swapValues(page),
      });
      expect(shown.length).toBeGreaterThan(0);
      expect(shown).toEqual(answered);
      await page.locator("table.depth tbody tr").first().waitFor();
      expect(await barriers(page)).toEqual([]);
      await screenshot(page, "quote");
    }));

  test("list every pool that REST lists, and lead to one", () =>
    onPage(async ({ page }) => {
      await page.goto("/pools");
      await dom.live(page);
      const { pools } = await rest.liquidityPools();
      const rows = page.locator("table.liquidity-pools tbody tr");
      await rows.first().waitFor();
      const keys = await rows.evaluateAll((all) => all.map((row) => row.dataset.key));
      expect(keys).toEqual(pools.map(({ poolId }) => poolId).slice(0, keys.length));
      expect(await barriers(page)).toEqual([]);
      await screenshot(page, "pools");
      const pool = pools.find(({ protocol }) => protocol === "uniswap.v3");
      if (!pool) throw new Error("the platform has no pool of Uniswap V3");
      await rows.locator(`a[title="${pool.poolId}"]`).click();
      await page.locator("table.ticks tbody tr").first().waitFor();
      expect(await barriers(page)).toEqual([]);
      await screenshot(page, "pool");
    }));
});

test("every page fits a phone", () =>
  onPage(
    async ({ page }) => {
      const { marketId } = await rest.busiestMarket();
      const user = await rest.busiestUser();
      const pages = { list: "/", market: `/markets/${marketId}`, user: `/users/${user}` };
      const [tokenIn, tokenOut] = await rest.tradedPair();
      for (const [name, path] of Object.entries({
        ...pages,
        state: "/status",
        indexer: "/indexer",
        quote: `/quote?in=${tokenIn}&out=${tokenOut}&give=100000000`,
        pools: "/pools",
      })) {
        await page.goto(path);
        await dom.live(page);
        await page.locator("main .loading").first().waitFor({ state: "detached" });
        expect(await overflow(page), name).toBe(0);
        await screenshot(page, `phone-${name}`);
      }
    },
    { viewport: PHONE, dark: true },
  ));
