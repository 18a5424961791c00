// A real browser against the scripted platform, both new for every test of a file.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { openBrowser, openPage, type Witness } from "./browser";
import { FakePlatform } from "./fake";

// What the test at hand has: importers see what is assigned here.
export let browser: Browser;
export let platform: FakePlatform;
export let url: string;
export let witness: Witness;
export let page: Page;

/** Makes them for the tests of the file that calls it. */
export function scripted(): void {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    platform = new FakePlatform();
    url = await platform.start();
    witness = await openPage(browser, url);
    page = witness.page;
  });
  afterEach(async () => {
    await page.context().close();
    await platform.stop();
  });
}
