// What an operator sees of the indexer, well and unwell: in a real browser, against the scripted platform.
import { expect, test } from "vitest";
import { ChainState } from "../src/gen/capstan/indexer/v1/indexer_pb";
import { overflow, PHONE, screenshot } from "./browser";
import { LIAR, POOL, SYNCING, twoPools, VAULT } from "./fake_indexer";
import { hash } from "./fake_world";
import { page, platform, scripted, witness } from "./scripted";

// Longer than the page waits before it asks again.
const PATIENCE = { timeout: 20_000 };

scripted();

const state = (text: string) => page.locator(".connection", { hasText: text }).waitFor();
const verdict = (text: string) => page.locator(".verdict", { hasText: text }).waitFor();
const eventRows = () => page.locator("table.events tbody tr[data-key]");
const chain = () => page.locator("section.chain");
const fact = (name: string) => chain().locator(`dt:text-is("${name}") + dd`);

async function open(): Promise<void> {
  await page.goto("/indexer");
  await chain().first().waitFor();
  await page.locator("main .loading").first().waitFor({ state: "detached" });
  await state("live");
}

test("a chain at its head is well, and the page knows when it was told", async () => {
  await open();
  await verdict("all is well");
  await chain().getByText("At the head.").waitFor();
  await page.getByText(/^Last answered \d\d:\d\d:\d\d, (now|\d s ago)$/).waitFor();
  expect(await fact("Log written by").textContent()).toBe("this process");
  expect(await page.getByRole("progressbar").count()).toBe(0);
  const endpoint = chain().locator("table.endpoints tbody tr");
  expect(await endpoint.locator("th, td").allTextContents()).toEqual([
    "https://one.example:443",
    "primary",
    "ready",
    "12 ms",
    "3 of 26",
    "0",
    "0",
    "0",
  ]);
  expect(witness.errors).toEqual([]);
  expect(witness.strangers).toEqual([]);
});

test("a chain that reads history says how far it is and how long it takes", async () => {
  platform.indexer.chains = [SYNCING];
  await open();
  await verdict("not at the head yet");
  const bar = page.getByRole("progressbar");
  expect(await bar.getAttribute("aria-valuenow")).toBe("62.5");
  expect(await bar.getAttribute("aria-valuetext")).toBe("62.5 %, 1 h 31 min left");
  await page.locator(".eta", { hasText: "1 h 31 min left" }).waitFor();
  await fact("Rate").getByText("68.6 blocks/s").waitFor();
  await fact("Lag").getByText("375,000 blocks 52 d 2 h").waitFor();
  await screenshot(page, "indexer-syncing");
  // The rate of events is what changes between two answers.
  await fact("Rate").getByText("0 events/s").waitFor();
  platform.indexer.chains = [{ ...SYNCING, etaSeconds: undefined, blocksPerSecond: undefined }];
  await page.locator(".eta", { hasText: "time left not known yet" }).waitFor();
  await fact("Rate").getByText("not known yet").waitFor();
});

test("a halted chain says what to do, before anything else", async () => {
  const problem = "the node has another block 17000000; remove it from rpc_urls, then start again";
  const halted = { chainId: 2n, name: "broken", state: ChainState.HALTED, problem };
  platform.indexer.chains = [{}, halted];
  await open();
  await verdict("needs attention");
  await page.getByRole("alert").getByText(`Halted. ${problem}`).waitFor();
  const reason = page.locator(".reasons li.bad");
  expect(await reason.allTextContents()).toEqual(["broken is halted"]);
  await reason.getByRole("link").click();
  expect(new URL(page.url()).hash).toBe("#chain-2");
  await screenshot(page, "indexer-halted");
  platform.indexer.chains = [{}, { ...halted, state: ChainState.LIVE, problem: "" }];
  await verdict("all is well");
  expect(await page.getByRole("alert").getByText("Halted").count()).toBe(0);
});

test("an endpoint that lied is named, and marked by more than colour", async () => {
  platform.indexer.chains = [{ endpoints: LIAR }];
  await open();
  await verdict("worth a look");
  await page.getByText("https://liar.example:443 gave 3 answers that cannot be true").waitFor();
  const liar = page.locator("table.endpoints tr", { hasText: "liar" });
  await liar.getByText("ejected", { exact: true }).waitFor();
  expect(await liar.locator(".badge.bad").last().textContent()).toBe("⚠ 3");
  expect(await page.locator("table.endpoints tr", { hasText: "one" }).getByText("⚠").count()).toBe(
    0,
  );
  await screenshot(page, "indexer-liar");
});

test("a process on standby is ready, and asks no node", async () => {
  const nothing = { head: undefined, endpoints: [], writer: false };
  platform.indexer.chains = [{ ...nothing, state: ChainState.STANDBY }];
  await open();
  await verdict("ready to take over");
  expect(await fact("Log written by").textContent()).toBe("another process");
  await fact("Head").getByText("not asked").waitFor();
  await chain().getByText("This process asks no endpoint.").waitFor();
});

test("events come by themselves and unfold to what they say", async () => {
  platform.indexer.emit("sync");
  await open();
  await eventRows().getByText("uniswap.v2.pair.Sync").waitFor();
  platform.indexer.emit("swap");
  const swap = page.getByRole("button", { name: "uniswap.v2.pair.Swap" });
  await swap.focus();
  await page.keyboard.press("Enter");
  expect(await swap.getAttribute("aria-expanded")).toBe("true");
  const details = page.locator(".event-details");
  await details.getByText("reserve0 uint112").waitFor();
  await details.getByText("Meaning: trade executed").waitFor();
  await details.getByText("998877").waitFor();
  // What is being read stays where it is, and is read on.
  const asked = platform.calls.get("listEvents") ?? 0;
  platform.indexer.emit("sync");
  await page.getByText(/^Held at block 1,032\./).waitFor();
  await expect.poll(() => platform.calls.get("listEvents"), PATIENCE).toBeGreaterThan(asked + 1);
  expect(await eventRows().count()).toBe(2);
  await page.getByRole("button", { name: "Follow again" }).click();
  await eventRows().nth(2).waitFor();
  expect(await details.count()).toBe(0);
});

test("an unfolded event that a reorg takes back is gone", async () => {
  platform.indexer.emit("sync");
  platform.indexer.emit("swap");
  await open();
  await page.getByRole("button", { name: "uniswap.v2.pair.Swap" }).click();
  await page.locator(".event-details").waitFor();
  platform.indexer.reorg(1);
  platform.indexer.emit("sync");
  await page.getByText(/^A reorg took back 1 of the shown events at/).waitFor();
  // Nothing is unfolded any more, so the list goes on.
  await expect.poll(() => eventRows().count(), PATIENCE).toBe(2);
  expect(await page.getByText("Held at block").count()).toBe(0);
});

test("a reorg takes events away, and says so", async () => {
  for (let count = 0; count < 4; count += 1) platform.indexer.emit("sync");
  platform.indexer.finalize(2);
  await open();
  expect(await eventRows().count()).toBe(4);
  const keys = await eventRows().evaluateAll((rows) => rows.map((row) => row.dataset.key));
  platform.indexer.reorg(2);
  await page.getByText(/^A reorg took back 2 of the shown events at/).waitFor();
  expect(await eventRows().evaluateAll((rows) => rows.map((row) => row.dataset.key))).toEqual(
    keys.slice(2),
  );
});

test("older events unfold page by page and stay unfolded while new ones come", async () => {
  for (let count = 0; count < 60; count += 1) platform.indexer.emit("sync");
  await open();
  expect(await eventRows().count()).toBe(25);
  const more = page.getByRole("button", { name: "Load older events" });
  await more.click();
  await eventRows().nth(49).waitFor();
  await more.click();
  await eventRows().nth(59).waitFor();
  expect(await more.count()).toBe(0);
  platform.indexer.emit("swap");
  await eventRows().first().getByText("uniswap.v2.pair.Swap").waitFor();
  const keys = await eventRows().evaluateAll((rows) => rows.map((row) => row.dataset.key));
  expect(new Set(keys).size).toBe(61);
});

test("events are filtered by kind and contract", async () => {
  platform.indexer.emit("swap");
  platform.indexer.emit("sync");
  platform.indexer.emit("sync", VAULT);
  await open();
  const [kind, contract] = [page.getByLabel("Kind"), page.getByLabel("Contract", { exact: true })];
  await kind.fill("uniswap.v2.pair.Sync");
  await kind.press("Enter");
  await expect.poll(() => eventRows().count(), PATIENCE).toBe(2);
  await contract.fill(VAULT);
  await contract.press("Enter");
  await expect.poll(() => eventRows().count(), PATIENCE).toBe(1);
  await kind.fill("uniswap.v2.pair.Swap");
  await kind.press("Enter");
  await page.getByText("No event matches.").waitFor();
  const asked = platform.calls.get("listEvents");
  await contract.fill("0x12");
  await contract.press("Enter");
  await page.getByText("An address is 0x and 40 hex digits.").waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  await expect.poll(() => eventRows().count(), PATIENCE).toBe(3);
  expect(platform.calls.get("listEvents")).toBeGreaterThan(asked ?? 0);
  expect(await contract.inputValue()).toBe("");
});

test("a transaction is looked up, registered and followed", async () => {
  await open();
  const wanted = hash("fe", 1);
  const box = page.getByLabel("Hash");
  await box.fill("0x12");
  await box.press("Enter");
  await page.getByText("A hash is 0x and 64 hex digits.").waitFor();
  await box.fill(wanted.toUpperCase().replace("0X", "0x"));
  await box.press("Enter");
  await page.getByRole("button", { name: "Register it" }).click();
  const followed = page.locator(".followed");
  await followed.getByText("No node was ever seen to have it.").waitFor();
  platform.indexer.include(wanted);
  await followed.getByText("mined", { exact: true }).waitFor();
  await followed.getByText("21,000").waitFor();
  await page.locator("table.transactions").getByText("mined").waitFor();
  // That nobody registered it is an answer, not a failure of the platform.
  await state("live");
  expect(platform.calls.get("registerTransaction")).toBe(1);
});

test("pools are listed where there are any", async () => {
  await open();
  await page.getByText("Nobody has registered a transaction yet.").waitFor();
  expect(await page.locator("#pools").count()).toBe(0);
  platform.indexer.pools.push(...twoPools(platform.world.block()));
  await page.reload();
  const rows = page.locator("table.pools tbody tr");
  await rows.getByText("0.3 %").waitFor();
  await rows.getByText("402,178,595,175").waitFor();
  await rows.getByText("0.05 %").waitFor();
  await rows.getByText("at tick -196301").waitFor();
  await rows.getByText("none yet").waitFor();
  expect(await page.locator(`table.pools tr[data-key="${POOL}"]`).count()).toBe(1);
});

test("what is shown stays while the platform is away, with its age", async () => {
  platform.indexer.emit("sync");
  await open();
  await page.clock.install();
  platform.down = true;
  await page.clock.runFor(3_000);
  await state("reconnecting");
  await page.getByRole("alert").getByText("The platform does not answer").first().waitFor();
  await page.clock.runFor(60_000);
  await page.getByText(/^Last answered .*, 1 min \d+ s ago$/).waitFor();
  expect(await chain().count()).toBe(1);
  expect(await eventRows().count()).toBe(1);
  // What was well a minute ago is not said to be.
  await verdict("not known now");
  await screenshot(page, "indexer-away");
  platform.down = false;
  await page.clock.runFor(20_000);
  await state("live");
  await verdict("all is well");
  expect(await page.getByRole("alert").getByText("does not answer").count()).toBe(0);
});

test("a platform without chains and one that is away are told apart", async () => {
  platform.indexer.chains = [];
  await page.goto("/indexer");
  await verdict("no chain");
  await page.getByText("No chain is configured.").waitFor();
  platform.down = true;
  await page.reload();
  await page.getByText("The platform does not answer").waitFor();
  expect(await page.locator(".verdict").count()).toBe(0);
});

test("a chain is chosen where there are several", async () => {
  platform.indexer.chains = [{}, { chainId: 2n, name: "second" }];
  await open();
  const asked = page.waitForRequest((request) => request.url().endsWith("/ListPools"));
  await page.getByLabel("Events, transactions and pools of").selectOption("second");
  // Chain id 2 is field 1 of the request, behind the five bytes of the frame.
  expect([...((await asked).postDataBuffer() ?? [])].slice(5, 7)).toEqual([8, 2]);
});

test("a page whose part is not there says so", async () => {
  await page.route("**/assets/indexer-*.js", (route) => route.abort());
  await page.goto("/indexer");
  await page.getByText("This page could not be loaded").waitFor();
  await page.unroute("**/assets/indexer-*.js");
  await page.getByRole("button", { name: "Try now" }).click();
  await chain().waitFor();
});

test("a phone shows it without scrolling sideways, in every state", async () => {
  await page.setViewportSize(PHONE);
  platform.indexer.emit("swap");
  platform.indexer.pools.push(...twoPools(platform.world.block()));
  const broken = { name: "broken", chainId: 2n, state: ChainState.HALTED, problem: "x".repeat(90) };
  for (const chains of [[{ endpoints: LIAR }], [SYNCING], [{}, broken]]) {
    platform.indexer.chains = chains;
    await open();
    await page.getByRole("button", { name: "uniswap.v2.pair.Swap" }).click();
    await page.locator(".event-details").waitFor();
    expect(await overflow(page)).toBe(0);
  }
  await screenshot(page, "phone-indexer");
  platform.down = true;
  await state("reconnecting");
  expect(await overflow(page)).toBe(0);
});
