// A real browser, and a page that remembers everything it must not have done.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

// Headless, without the sandbox that a container lacks, and without calls home of its own.
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1440, height: 900 };

export function openBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

export interface Witness {
  page: Page;
  /** Errors on the console, uncaught errors, and violations of the security policy. */
  errors: string[];
  /** Requests to another origin than the platform's. */
  strangers: string[];
}

/** A page in a fresh profile that records errors and foreign requests. */
export async function openPage(
  browser: Browser,
  base: string,
  options: { viewport?: { width: number; height: number }; dark?: boolean } = {},
): Promise<Witness> {
  const context = await browser.newContext({
    baseURL: base,
    viewport: options.viewport ?? DESKTOP,
    colorScheme: options.dark ? "dark" : "light",
  });
  const page = await context.newPage();
  const errors: string[] = [];
  const strangers: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(base).origin) strangers.push(request.url());
  });
  return { page, errors, strangers };
}

/** Saves what the page looks like, when somebody asked for it. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const directory = process.env.SCREENSHOT_DIR;
  if (!directory) return;
  mkdirSync(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What keeps somebody from using the page: the rule, and where it is broken. */
export async function barriers(page: Page): Promise<string[]> {
  // As the browser's own tools do: the page's security policy does not hold for it.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join()}`);
  });
}

/** How far the page is wider than the window, in pixels. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
}
