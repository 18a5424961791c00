// What a page of the app says, read the way a program reads it: by its exact values.
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import type { BlockRef } from "../src/gen/capstan/primitives/v1/block_pb";

const PATIENCE_MS = 45_000;

/** Waits until the page says that it is live. */
export function live(page: Page): Promise<void> {
  return page.locator(".connection.live").waitFor();
}

/** Market cards that show a price. */
export function pricedCards(page: Page): Locator {
  return page.locator("[data-market]").filter({ has: page.locator(".bar data") });
}

/** Every exact value on the market cards. */
export function cardValues(page: Page): Promise<string[]> {
  return values(page.locator("[data-market] data"));
}

export async function listBlock(page: Page): Promise<number> {
  return Number((await values(page.locator(".section-head .as-of data")))[0] ?? -1);
}

export async function pageBlock(page: Page): Promise<number> {
  return Number((await values(page.locator(".page-as-of .as-of data")))[0] ?? -1);
}

export async function holdersBlock(page: Page): Promise<number> {
  const shown = page.locator("section[aria-labelledby=holders] .as-of data");
  return Number((await values(shown))[0] ?? -1);
}

export async function eventsBlock(page: Page): Promise<number> {
  return Number((await values(page.locator(".list-state .as-of data")))[0] ?? -1);
}

/** The newest block that the quote is said to hold for. */
export async function quoteBlock(page: Page): Promise<number> {
  const shown = page.locator("section[aria-labelledby=answer] .section-head .as-of data");
  return Number((await values(shown))[0] ?? -1);
}

/** The amounts and pools of every step of every route of a quote, read in one moment. */
export function swapValues(page: Page) {
  return page.evaluate(() =>
    [...document.querySelectorAll(".routes .hops")].map((hops) => ({
      amounts: [...hops.querySelectorAll<HTMLDataElement>(".stop data")].map(({ value }) => value),
      pools: [...hops.querySelectorAll<HTMLElement>(".hop a")].map(({ title }) => title),
    })),
  );
}

/** What the list of events shows, read in one moment. */
export function eventValues(page: Page) {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("table.events tbody tr[data-key]")].map((row) => ({
      key: row.dataset.key,
      kind: row.querySelector("button")?.textContent,
      block: row.querySelector("data")?.value,
    })),
  );
}

/** The largest number in a table. */
export async function mostBlocks(table: Locator): Promise<number> {
  return Math.max(...(await values(table.locator("data"))).map(Number));
}

/** What a market's page shows, read in one moment. */
export function marketValues(page: Page) {
  return page.evaluate(() => {
    const read = (within: ParentNode, selector: string): string[] =>
      [...within.querySelectorAll<HTMLDataElement>(selector)].map(({ value }) => value);
    const facts = read(document, "section[aria-labelledby=facts] > .facts:first-of-type dd > data");
    return {
      prices: read(document, "section[aria-labelledby=outcomes] .bar > data"),
      pool: read(document, "section[aria-labelledby=facts] .pool dd > data"),
      volume: facts[0],
      tradeCount: facts[1],
      trades: [...document.querySelectorAll<HTMLElement>("table.trades tbody tr")].map((row) => ({
        key: row.dataset.key,
        values: read(row, "td data"),
      })),
    };
  });
}

export function holderValues(page: Page) {
  return firstValues(page, "table.holders tbody tr");
}

/** What a user's page shows, read in one moment. */
export async function userValues(page: Page) {
  const history = page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("table.history tbody tr")].map((row) => ({
      key: row.dataset.key,
      values: [...row.querySelectorAll<HTMLDataElement>("td data")].map(({ value }) => value),
    })),
  );
  const positions = firstValues(page, "table.positions tbody tr");
  const costs = await costValues(page, "positions", [6, 7]);
  const closed = await costValues(page, "closed", [3, 4]);
  return { positions: await positions, costs, closed, history: await history };
}

/**
 * Compares at one block: waits until the page shows the block that the platform answers for, and
 * takes both only if neither moved on meanwhile.
 */
export async function atSameBlock<Answered, Shown>(read: {
  answerBlock: () => Promise<BlockRef | undefined>;
  shownBlock: () => Promise<number>;
  answer: () => Promise<Answered>;
  shown: () => Promise<Shown>;
}): Promise<{ answered: Answered; shown: Shown }> {
  let result: { answered: Answered; shown: Shown } | undefined;
  const attempt = async (): Promise<boolean> => {
    const before = await read.answerBlock();
    if (before === undefined || (await read.shownBlock()) !== Number(before.number)) return false;
    const early = await read.shown();
    const answered = await read.answer();
    if ((await read.answerBlock())?.hash !== before.hash) return false;
    const shown = await read.shown();
    if ((await read.shownBlock()) !== Number(before.number)) return false;
    // The messages of one block can reach the page one after the other.
    if (JSON.stringify(early) !== JSON.stringify(shown)) return false;
    result = { answered, shown };
    return true;
  };
  await expect.poll(attempt, { timeout: PATIENCE_MS, interval: 20 }).toBe(true);
  if (!result) throw new Error("page and platform never were at the same block");
  return result;
}

/** The values of some columns of a table of a user's page. */
function costValues(page: Page, table: string, columns: number[]) {
  return page.evaluate(
    ([name, numbers]) =>
      [...document.querySelectorAll<HTMLElement>(`table.${name} tbody tr`)].map((row) =>
        numbers.map(
          (column) => row.querySelector<HTMLDataElement>(`td:nth-child(${column}) data`)?.value,
        ),
      ),
    [table, columns] as const,
  );
}

function firstValues(page: Page, rows: string) {
  return page.evaluate(
    (selector) =>
      [...document.querySelectorAll<HTMLElement>(selector)].map((row) => ({
        key: row.dataset.key,
        amount: row.querySelector<HTMLDataElement>("td data")?.value,
      })),
    rows,
  );
}

function values(locator: Locator): Promise<string[]> {
  return locator.evaluateAll((elements) =>
    elements.map((element) => (element instanceof HTMLDataElement ? element.value : "")),
  );
}
