// Names, categories and gifts: in a real browser, against the scripted platform.
import { afterEach, expect, test } from "vitest";
import { ALICE, BOB } from "./fake_world";
import { page, platform, scripted, url, witness } from "./scripted";

scripted();
afterEach(() => expect(witness.errors).toEqual([]));

const card = (index: number) => page.locator(`[data-market="${platform.world.idOf(index)}"]`);
const cards = () => page.locator("[data-market]");

test("a market is linked by its slug, and its page is kept current", async () => {
  await page.goto("/");
  await card(0).getByRole("link").click();
  await page.locator("table.trades tbody tr").first().waitFor();
  expect(page.url()).toBe(`${url}/markets/scripted-event-0?chain=8453`);
  await page.locator(".connection", { hasText: "live" }).waitFor();
  platform.trade(0, "0.81");
  await page.getByText("81.0%", { exact: true }).first().waitFor();
  await page.goto("/");
  await card(3).getByRole("link").click();
  await page.locator("table.trades tbody tr").first().waitFor();
  expect(page.url()).toBe(`${url}/markets/${platform.world.idOf(3)}?chain=8453`);
});

test("the list is narrowed to a category, by link and by hand, and shown in full again", async () => {
  await page.goto("/");
  await card(2).getByRole("link", { name: "R&D" }).click();
  await card(0).waitFor({ state: "detached" });
  await card(2).waitFor();
  expect(await cards().count()).toBe(10);
  expect(page.url()).toBe(`${url}/?category=R%26D`);
  const form = page.getByRole("form", { name: "Category" });
  expect(await form.getByLabel("Category").inputValue()).toBe("R&D");
  await form.getByLabel("Category").fill("Weather");
  await form.getByRole("button", { name: "Filter" }).click();
  await card(1).waitFor();
  expect(await cards().count()).toBe(10);
  await form.getByLabel("Category").fill("Nothing");
  await form.getByRole("button", { name: "Filter" }).click();
  await page.getByText("No market is of the category Nothing.").waitFor();
  await form.getByRole("button", { name: "Show all" }).click();
  await card(0).waitFor();
  expect(page.url()).toBe(`${url}/`);
  await page.goBack();
  await page.getByText("No market is of the category Nothing.").waitFor();
});

test("a user's history says what was given, to whom and by whom", async () => {
  await page.goto(`/users/${ALICE}`);
  const rows = page.locator("table.history tbody tr");
  await rows.first().waitFor();
  const short = `${BOB.slice(0, 6)}…${BOB.slice(-4)}`;
  const first = (await rows.nth(0).innerText()).replace(/\s+/g, " ");
  expect(first).toContain(`given by ${short} token 777 unknown`);
  for (const [row, outcome] of [
    [1, "Yes"],
    [2, "No"],
  ] as const) {
    const text = (await rows.nth(row).innerText()).replace(/\s+/g, " ");
    expect(text).toContain(`given to ${short} Will scripted event number 0`);
    expect(text).toContain(`${outcome} 5.00`);
  }
  const keys = await rows.evaluateAll((all) => all.map((row) => row.dataset.key));
  expect(new Set(keys).size).toBe(keys.length);
  await rows.nth(1).getByRole("link", { name: short }).click();
  await page.getByText("This address has done nothing here yet.").waitFor();
});
