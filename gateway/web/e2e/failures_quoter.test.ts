// Quotes and pools, well and unwell: in a real browser, against the scripted platform.
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Objective, QuoteStatus } from "../src/gen/capstan/quoter/v1/quote_pb";
import { Verdict } from "../src/gen/capstan/quoter/v1/verify_pb";
import { barriers, overflow, PHONE, screenshot } from "./browser";
import { COIN, GOLD, HOOKED, NAMELESS, PAIR, refused, WRAPPED } from "./fake_quoter";
import { ALICE, BOB } from "./fake_world";
import { page, platform, scripted, url, witness } from "./scripted";

scripted();

const QUESTION = `/quote?in=${WRAPPED}&out=${GOLD}&give=20000000000000000000`;
const state = (text: string) => page.locator(".connection", { hasText: text }).waitFor();
const answer = () => page.locator("section[aria-labelledby=answer]");
const fact = (name: string) => answer().locator(`dt:text-is("${name}") + dd`);
const value = (name: string) => fact(name).locator("data").first().getAttribute("value");
const form = () => page.getByRole("form", { name: "Swap" });
const quote = () => form().getByRole("button", { name: "Quote" }).click();

async function open(path = QUESTION): Promise<void> {
  await page.goto(path);
  await page.locator("main .loading").first().waitFor({ state: "detached" });
  await state("live");
}

test("a quote is asked by the form, in whole tokens, and the link says it", async () => {
  await open("/quote");
  await form().getByLabel("You give").selectOption(WRAPPED);
  await form().getByLabel("You get").selectOption(GOLD);
  await form().getByLabel("Amount, in wrapped coin").fill("20");
  await form().getByText("Slippage, routes and objective").click();
  await form().getByLabel("Slippage, in %").fill("1");
  await form().getByLabel("Most pools in a row").selectOption("4");
  await form().getByLabel("Most routes").selectOption("2");
  await form().getByLabel("Best is").selectOption("the most, whatever the gas");
  await quote();
  await fact("You get").waitFor();
  expect(page.url()).toBe(
    `${url}/quote?chain=8453&in=${WRAPPED}&out=${GOLD}&give=20000000000000000000&slippage=100&hops=4&splits=2&objective=gross`,
  );
  const [question] = platform.quoter.questions;
  expect(question).toMatchObject({ slippageBps: 100, maxHops: 4, maxSplits: 2 });
  expect(question?.objective).toBe(Objective.GROSS);
  expect(question?.amount).toEqual({ case: "amountIn", value: "20000000000000000000" });
  await page.reload();
  await fact("At least, with 1% slippage").waitFor();
  expect(await form().getByLabel("Amount, in wrapped coin").inputValue()).toBe("20");
  expect(witness.errors).toEqual([]);
  expect(witness.strangers).toEqual([]);
});

test("a quote says every part of what it costs, and draws its routes", async () => {
  await open();
  expect(await value("You give")).toBe("20000000000000000000");
  expect(await fact("You get").textContent()).toMatch(/^1\.9900671 0x2260…C599$/);
  expect(await fact("Price").textContent()).toContain("0.0995033 0x2260…C599 a wrapped coin");
  expect(await fact("Price impact").textContent()).toBe("0.1843%");
  expect(await fact("Fees of the pools").textContent()).toBe("0.3%");
  expect(await fact("Gas").textContent()).toBe("245,000 units");
  expect(await fact("Cost of the gas").textContent()).toContain("0.00735 coin");
  expect(await value("You get, after gas")).toBe("198933220");
  await fact("Next block expected")
    .getByText(/^in \d+ s$/)
    .waitFor();
  const routes = answer().locator(".routes > li");
  expect(await routes.locator("h3").allTextContents()).toEqual(["Route 1 75%", "Route 2 25%"]);
  const steps = routes.first().getByRole("list", { name: "Steps of route 1" });
  expect(await steps.getByRole("listitem").count()).toBe(5);
  const pool = steps.getByRole("link", { name: "uniswap.v2" });
  expect(await pool.locator("..").textContent()).toContain("fee 0.3%");
  await page.getByText("3 pools looked at, every way compared").click();
  await answer().getByText("left out: hooks can change amounts").waitFor();
  await page.locator("table.depth tbody tr").first().waitFor();
  expect(await page.locator("table.depth tbody tr").nth(1).textContent()).toContain("5%nonenone");
  await screenshot(page, "quote");
  await pool.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: `Pool ${PAIR.slice(0, 6)}` }).waitFor();
});

test("the contracts are asked when the reader wants it, of the quote that is shown", async () => {
  await open();
  const ask = answer().getByRole("button", { name: "Ask the contracts" });
  await ask.click();
  await answer().getByText("The contracts say the same, to the last unit.").waitFor();
  platform.quoter.verdict = Verdict.DIFFERENT;
  await ask.click();
  await answer().getByText("-3 of 149255034 smallest units").waitFor();
  expect(await barriers(page)).toEqual([]);
  platform.quoter.mine({ amountOut: "188000000", quoteId: "0x01" });
  await expect.poll(() => value("You get")).toBe("188000000");
  // It is said of the quote that was asked about, which the next block's does not void.
  await answer().getByText("The contracts say something else. That was the quote of").waitFor();
});

test("a transaction is built when the reader says who sends it", async () => {
  await open();
  await answer().getByText("Build the transaction").click();
  const sender = answer().getByLabel("Sender");
  const build = answer().getByRole("button", { name: "Build" });
  await sender.fill(ALICE);
  await build.click();
  await answer().getByText("A node says that it succeeds.").waitFor();
  expect(await answer().getByLabel("Data").inputValue()).toBe("0x5ae401dc");
  await sender.fill(BOB);
  await build.click();
  await answer().getByText("Allow before").waitFor();
  await answer().getByLabel("Tokens are taken").selectOption({ label: "by Permit2" });
  await build.click();
  await answer().getByText("the permit is to be signed first").waitFor();
  expect(await barriers(page)).toEqual([]);
});

test("a quote changes with its block, and a heartbeat only moves the block", async () => {
  await open();
  const block = () => answer().locator(".as-of data").first().getAttribute("value");
  const first = Number(await block());
  platform.quoter.mine();
  await expect.poll(block).toBe(String(first + 1));
  expect(await value("You get")).toBe("199006712");
  platform.quoter.mine({
    amountOut: "188000000",
    warnings: ["the price impact is over 5 percent"],
  });
  await expect.poll(() => value("You get")).toBe("188000000");
  await answer().locator(".reasons").getByText("over 5 percent").waitFor();
  expect(await block()).toBe(String(first + 2));
  expect(platform.quoter.questions).toHaveLength(1);
});

test("a broken stream asks again, and keeps what it showed", async () => {
  await open();
  platform.down = true;
  platform.quoter.cut();
  await state("reconnecting");
  expect(await value("You get")).toBe("199006712");
  platform.quoter.said = { amountOut: "177000000" };
  platform.down = false;
  await expect.poll(() => value("You get"), { timeout: 30_000 }).toBe("177000000");
  await state("live");
});

test("too much is answered with the most that can be filled, which can be quoted", async () => {
  const problem = "the pools that lead there have not enough liquidity";
  const status = QuoteStatus.INSUFFICIENT_LIQUIDITY;
  platform.quoter.said = refused(status, problem, "7000000000000000000");
  await open();
  await answer().getByText("The pools do not have so much.").waitFor();
  await answer().getByText(problem).waitFor();
  expect(await answer().locator(".no-quote data").getAttribute("value")).toBe(
    "7000000000000000000",
  );
  expect(await barriers(page)).toEqual([]);
  platform.quoter.said = {};
  await answer().getByRole("button", { name: "Quote that" }).click();
  await expect.poll(() => value("You give")).toBe("7000000000000000000");
  expect(await form().getByLabel("Amount, in wrapped coin").inputValue()).toBe("7");
  await expect.poll(() => platform.quoter.openStreams()).toBe(1);
});

test.each([
  [QuoteStatus.NO_ROUTE, "No pools lead from one token to the other."],
  [QuoteStatus.STALE_STATE, "The state of the pools is too old."],
  [QuoteStatus.UNSUPPORTED_TOKEN, "A token takes a fee on transfer"],
  [QuoteStatus.AMOUNT_TOO_SMALL, "So little would come out"],
  [QuoteStatus.UNKNOWN_TOKEN, "No pool has ever traded one of the tokens."],
  [QuoteStatus.TIMEOUT, "Nothing was found in time."],
])("status %i is said in words", async (status, text) => {
  platform.quoter.said = refused(status, "");
  await open();
  await answer().getByText(text).waitFor();
  expect(await answer().locator(".routes").count()).toBe(0);
});

test("a question that the platform refuses is not asked again", async () => {
  const problem = "quote.token_out: has a wrong EIP-55 checksum";
  platform.quoter.refusal = new ConnectError(problem, Code.InvalidArgument);
  await page.goto(QUESTION);
  await answer().getByRole("alert").getByText(problem).waitFor();
  expect(await answer().getByRole("button", { name: "Try now" }).count()).toBe(0);
  const asked = platform.calls.get("streamQuotes");
  platform.quoter.mine();
  await page.locator("table.depth tbody tr").first().waitFor();
  expect(platform.calls.get("streamQuotes")).toBe(asked);
});

test("what cannot be asked is refused by the form", async () => {
  await open("/quote");
  const alert = form().getByRole("alert");
  await quote();
  await alert.getByText("Choose both tokens.").waitFor();
  await form().getByLabel("You give").selectOption(WRAPPED);
  await form().getByLabel("You get").selectOption(WRAPPED);
  await quote();
  await alert.getByText("Both tokens are the same.").waitFor();
  await form().getByLabel("You get").selectOption("another, by its address");
  await form().getByLabel("You get, address").fill("0x12");
  await quote();
  await alert.getByText("An address is 0x and 40 hex digits.").waitFor();
  await form().getByLabel("You get, address").fill(GOLD);
  await form().getByLabel("Amount, in wrapped coin").fill("0.0000000000000000001");
  await quote();
  await alert.getByText("An amount is a number with at most 18 decimals.").waitFor();
  await form().getByLabel("Amount, in wrapped coin").fill("0");
  await quote();
  await alert.getByText("An amount is over 0.").waitFor();
  expect(platform.quoter.questions).toHaveLength(0);
});

test("amounts of a token of unknown decimals are in smallest units", async () => {
  await open(`/quote?in=${NAMELESS}&out=${COIN}&get=1500000000000000000`);
  expect(await fact("You get").textContent()).toBe("1.5 coin");
  expect(await fact("You give").textContent()).toMatch(/units of 0x1111…1111$/);
  await fact("Price").getByText("in smallest units").waitFor();
  await fact("At most, with 0.5% slippage").waitFor();
  expect(await form().getByLabel("Amount, in coin").inputValue()).toBe("1.5");
  await form().getByLabel("Exact is").selectOption("the amount given");
  await form().getByLabel("Amount, in smallest units").waitFor();
  await page.getByText("No pool trades these two tokens directly.").waitFor();
});

test("pools that are not read yet are waited for", async () => {
  platform.quoter.ready = false;
  await page.goto(QUESTION);
  await page.getByText("The pools are not known yet").waitFor();
  expect(await form().count()).toBe(0);
  platform.quoter.ready = true;
  await fact("You get").waitFor({ timeout: 20_000 });
});

test("a quoter that is away is named, and its return noticed", async () => {
  platform.down = true;
  await page.goto(QUESTION);
  await page.getByText("The platform does not answer").first().waitFor();
  platform.down = false;
  await fact("You get").waitFor({ timeout: 30_000 });
});

test("pools are listed with why some are not used, and by token and protocol", async () => {
  await open("/pools");
  const rows = page.locator("table.liquidity-pools tbody tr");
  await expect.poll(() => rows.count()).toBe(4);
  await rows.getByText(`hooks can change amounts: hooks ${ALICE}`).waitFor();
  await rows.getByText("4.1978732").first().waitFor();
  await screenshot(page, "pools");
  const filter = page.getByRole("form", { name: "Pools" });
  await filter.getByLabel("Token").selectOption(GOLD);
  await expect.poll(() => rows.count()).toBe(2);
  await filter.getByLabel("Protocol").selectOption("uniswap.v3");
  await expect.poll(() => rows.count()).toBe(1);
  await filter.getByLabel("Protocol").selectOption("erc4626");
  await page.getByText("No pool is like this.").waitFor();
  await filter.getByLabel("Protocol").selectOption("all");
  await filter.getByLabel("Token").selectOption("any");
  await filter.getByLabel("Shown are").selectOption("pools that are used");
  await expect.poll(() => rows.count()).toBe(3);
  await rows.first().getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: "Pool" }).waitFor();
});

test("a pool has its state and the ticks around its price", async () => {
  await open(`/pools/${ALICE}?chain=8453`);
  const ticks = page.locator("table.ticks tbody tr");
  await expect.poll(() => ticks.count()).toBe(50);
  await page.getByRole("button", { name: "Show more ticks" }).click();
  await expect.poll(() => ticks.count()).toBe(60);
  expect(await ticks.first().textContent()).toContain("-262020 below the price");
  await page.getByText("177,159,557,114,291,636,142,080").waitFor();
  await screenshot(page, "pool");
  await page.getByRole("link", { name: "Quote its tokens" }).click();
  await page.getByLabel("You get").waitFor();
  expect(await page.getByLabel("You get").inputValue()).toBe(GOLD);
  await page.goto("/pools/0x1234");
  await page.getByText("There is no such pool").waitFor();
});

test("nothing keeps anybody from using the pages, by hand, keyboard or screen reader", async () => {
  for (const path of [QUESTION, "/quote", "/pools", `/pools/${HOOKED}?chain=8453`]) {
    for (const size of [PHONE, { width: 1440, height: 900 }]) {
      await page.setViewportSize(size);
      await open(path);
      expect(await barriers(page), path).toEqual([]);
      expect(await overflow(page), path).toBe(0);
    }
  }
});
