// What a visitor sees when things go wrong: in a real browser, against the scripted platform.
import { expect, test } from "vitest";
import { overflow, PHONE, screenshot } from "./browser";
import { ALICE } from "./fake_world";
import { page, platform, scripted, url, witness } from "./scripted";

scripted();

const CARD = "[data-market]";
const id = (index: number) => platform.world.idOf(index);
const state = (text: string) => page.locator(".connection", { hasText: text }).waitFor();
const card = (index: number) => page.locator(`[data-market="${id(index)}"]`);
const shows = (index: number, text: string) =>
  card(index).getByText(text, { exact: true }).waitFor();

async function openList(): Promise<void> {
  await page.goto("/");
  await page.locator(CARD).first().waitFor();
  await state("live");
}

async function openMarket(index: number): Promise<void> {
  await page.goto(`/markets/${id(index)}`);
  await page.locator("svg[data-points]").waitFor();
  await state("live");
}

const tradeRows = () => page.locator("table.trades tbody tr");

test("prices move by themselves, under the strict security policy", async () => {
  await openList();
  platform.trade(0, "0.77");
  await shows(0, "77.0%");
  await shows(0, "24.69 USDC");
  platform.mine();
  await page.locator(`.as-of data[value="${platform.world.asOf().block.number}"]`).waitFor();
  expect(witness.errors).toEqual([]);
  expect(witness.strangers).toEqual([]);
});

test("a broken stream resumes with its cursor and misses nothing", async () => {
  await openList();
  const cursor = platform.trade(0, "0.71");
  await shows(0, "71.0%");
  platform.cut();
  await state("reconnecting");
  platform.trade(0, "0.72");
  await state("live");
  await shows(0, "72.0%");
  await shows(0, "37.03 USDC");
  expect(platform.streamCursors).toEqual(["", cursor]);
  expect(platform.calls.get("listMarkets")).toBe(1);
});

test("a refused cursor makes the page read everything again", async () => {
  await openList();
  platform.refuseCursors = true;
  platform.trade(0, "0.71");
  await shows(0, "71.0%");
  platform.cut();
  platform.world.trade(0, "0.73");
  await shows(0, "73.0%");
  await state("live");
  expect(platform.streamCursors.slice(1)).toEqual([expect.stringMatching(/^c/), ""]);
});

test("a reorg takes back the trade of the lost block", async () => {
  await openMarket(0);
  platform.trade(0, "0.8");
  await page.getByText("80.0%", { exact: true }).first().waitFor();
  expect(await tradeRows().count()).toBe(2);
  platform.reorg(0);
  await page.getByText("80.0%", { exact: true }).first().waitFor({ state: "detached" });
  expect(await tradeRows().count()).toBe(1);
  expect(await page.locator("svg[data-points]").getAttribute("data-points")).toBe("1");
});

test("what happens while a page is being read is not lost", async () => {
  await openList();
  const release = platform.hold("listMarkets");
  platform.reorg(5);
  await expect.poll(() => platform.calls.get("listMarkets")).toBe(2);
  platform.trade(0, "0.83");
  await shows(0, "83.0%");
  release();
  // Both the answer, which is from before the trade, and the trade are now in.
  await card(5).getByText("0", { exact: true }).waitFor();
  await shows(0, "83.0%");
  await shows(0, "24.69 USDC");
});

test("a stream that falls silent is replaced after thirty seconds", async () => {
  await page.clock.install();
  await openList();
  platform.mute = true;
  await page.clock.fastForward(29_000);
  expect(platform.streamCursors).toHaveLength(1);
  await page.clock.fastForward(1_500);
  await state("reconnecting");
  platform.mute = false;
  platform.trade(0, "0.79");
  await page.clock.fastForward(31_000);
  await page.clock.fastForward(20_000);
  await shows(0, "79.0%");
  await state("live");
});

test("a platform that is away is named, and its return noticed", async () => {
  platform.down = true;
  await page.goto("/");
  await page.getByText("The platform does not answer").first().waitFor();
  await state("reconnecting");
  await screenshot(page, "platform-away");
  platform.down = false;
  await page.locator(CARD).first().waitFor();
  await state("live");
  await page.getByRole("alert").first().waitFor({ state: "detached" });
});

test("values stay while the platform is away", async () => {
  await openList();
  platform.down = true;
  platform.cut();
  await state("reconnecting");
  expect(await page.locator(CARD).count()).toBe(24);
});

test("a market that does not exist is said not to", async () => {
  await page.goto("/markets/0x1234");
  await page.getByText("There is no such market").waitFor();
  expect(await page.getByRole("button", { name: "Try now" }).count()).toBe(0);
});

test("an unknown path is a page that says so", async () => {
  await page.goto("/nowhere/at/all");
  await page.getByRole("heading", { name: "Page not found" }).waitFor();
});

test("a hidden tab gives its stream back and resumes it when it is shown", async () => {
  await openList();
  const setHidden = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await setHidden(true);
  await state("paused");
  await expect.poll(() => platform.openStreams()).toBe(0);
  platform.trade(0, "0.66");
  await setHidden(false);
  await state("live");
  await shows(0, "66.0%");
});

test("the list unfolds page by page and stays unfolded after a reorg", async () => {
  await openList();
  expect(await page.locator(CARD).count()).toBe(24);
  await page.getByRole("button", { name: "Load more markets" }).click();
  await card(29).waitFor();
  expect(await page.getByRole("button", { name: "Load more markets" }).count()).toBe(0);
  platform.trade(29, "0.81");
  await shows(29, "81.0%");
  platform.reorg(29);
  await shows(29, "35.0%");
  expect(await page.locator(CARD).count()).toBe(30);
});

test("what the chain does not say is not invented", async () => {
  await openList();
  await card(3).getByText("Unnamed market 0xaa00…0003").waitFor();
  await card(3).getByText("Outcome 0").waitFor();
  await card(3).getByText("12,345,678 units").waitFor();
});

test("a resolution shows what each outcome pays", async () => {
  await openMarket(1);
  platform.resolve(1);
  await page.locator("h1").getByText("resolved").waitFor();
  await page.getByText("pays 100.0%").waitFor();
  await page.getByText("paid out 1 : 0").waitFor();
});

test("holders are read again after a trade", async () => {
  await openMarket(0);
  const holder = page.locator("table.holders tbody tr");
  await holder.getByText("20.57", { exact: true }).waitFor();
  const facts = page.locator("section[aria-labelledby=facts]");
  await facts.getByText("512.09 USDC", { exact: true }).waitFor();
  expect(await page.locator(".holder-counts dd data").allTextContents()).toEqual(["2", "0"]);
  expect(await holder.first().textContent(), "who has most comes first").toContain("20.57");
  platform.trade(0, "0.62");
  // Sooner than the periodic reading would.
  await holder.getByText("41.15", { exact: true }).waitFor({ timeout: 5_000 });
  await facts.getByText("524.19 USDC", { exact: true }).waitFor();
});

test("old trades unfold page by page, also while new ones come", async () => {
  for (let count = 0; count < 39; count += 1) platform.world.trade(0, "0.5");
  await openMarket(0);
  expect(await tradeRows().count()).toBe(25);
  platform.trade(0, "0.55");
  await tradeRows().first().getByText("55.0%").waitFor();
  const more = page.getByRole("button", { name: "Load older trades" });
  await more.click();
  await tradeRows().nth(40).waitFor();
  expect(await tradeRows().count()).toBe(41);
  expect(await more.count()).toBe(0);
  const keys = await tradeRows().evaluateAll((rows) => rows.map((row) => row.dataset.key));
  expect(new Set(keys).size).toBe(41);
});

test("the chart can be read by keyboard", async () => {
  platform.world.trade(0, "0.31");
  await openMarket(0);
  const chart = page.getByRole("slider");
  await chart.focus();
  await page.keyboard.press("Home");
  expect(await chart.getAttribute("aria-valuetext")).toMatch(/Yes 60\.0%, No 40\.0%$/);
  await page.keyboard.press("ArrowRight");
  expect(await chart.getAttribute("aria-valuetext")).toMatch(/Yes 31\.0%, No 69\.0%$/);
  await page.locator(".tooltip").waitFor();
});

test("links change the page without a reload and the back button returns", async () => {
  await openList();
  await page.evaluate(() => document.body.setAttribute("data-same", "yes"));
  await card(0).getByRole("link").click();
  await tradeRows().first().getByRole("link").click();
  await page.locator("table.positions").waitFor();
  expect(page.url()).toBe(`${url}/users/${ALICE}`);
  await page.goBack();
  await page.goBack();
  await card(0).waitFor();
  expect(await page.locator("body[data-same]").count()).toBe(1);
  // Every page closed the stream that it had opened.
  await expect.poll(() => platform.openStreams()).toBe(1);
});

test("a phone shows every page without scrolling sideways, in every state", async () => {
  await page.setViewportSize(PHONE);
  for (const path of [
    "/",
    `/markets/${id(2)}`,
    `/users/${ALICE}`,
    "/status",
    "/indexer",
    "/quote",
    "/pools",
    "/nowhere",
  ]) {
    await page.goto(path);
    await page.locator("h1").waitFor();
    await page.locator("main .loading").first().waitFor({ state: "detached" });
    expect(await overflow(page), path).toBe(0);
    platform.down = true;
    platform.cut();
    if (path !== "/nowhere") await state("reconnecting");
    expect(await overflow(page), `${path} while reconnecting`).toBe(0);
    platform.down = false;
  }
});
