// Which page a path shows, and how links lead there without a reload.
import { signal } from "@preact/signals";

export type Route =
  | { page: "markets"; category: string }
  | { page: "market"; id: string; chainId: bigint }
  | { page: "user"; address: string }
  | { page: "quote" }
  | { page: "pools" }
  | { page: "pool"; id: string; chainId: bigint }
  | { page: "indexer" }
  | { page: "status" }
  | { page: "missing" };

/** The page for a path and its query; a chain id of 0 means that the link names none. */
export function parseRoute(path: string, query = ""): Route {
  const parts = path.split("/").filter((part) => part !== "");
  const [section, id] = parts.map(decode);
  if (section === undefined) return { page: "markets", category: categoryOf(query) };
  if (parts.length === 1 && isPlain(section)) return { page: section };
  if (id !== undefined && parts.length === 2) {
    if (section === "markets") return { page: "market", id, chainId: chainOf(query) };
    if (section === "pools") return { page: "pool", id, chainId: chainOf(query) };
    if (section === "users") return { page: "user", address: id };
  }
  return { page: "missing" };
}

/** By its slug when it has one. */
export function marketPath(market: {
  marketId: string;
  chainId: bigint;
  slug?: string | undefined;
}): string {
  return `/markets/${market.slug ?? market.marketId}?chain=${market.chainId}`;
}

/** The list of all markets, or of those of a category. */
export function marketsPath(category: string): string {
  return category === "" ? "/" : `/?category=${encodeURIComponent(category)}`;
}

export function userPath(address: string): string {
  return `/users/${address}`;
}

export function poolPath(pool: { poolId: string; chainId: bigint }): string {
  return `/pools/${pool.poolId}?chain=${pool.chainId}`;
}

export const route = signal<Route>({ page: "markets", category: "" });

function read(): void {
  route.value = parseRoute(location.pathname, location.search);
}

/** Shows the page of a path without a reload. */
export function go(path: string): void {
  if (path !== location.pathname + location.search) history.pushState(null, "", path);
  read();
  scrollTo(0, 0);
}

/** Follows the address bar and takes over clicks on links to pages of the app. */
export function startRouter(): void {
  read();
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || !isPlainClick(event) || link.target || link.origin !== location.origin) return;
    // A link within the page, or to what the gateway answers itself.
    if (link.hash !== "" || parseRoute(link.pathname).page === "missing") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

// Anything else is the visitor asking for a new tab, a download or a menu.
function isPlainClick(event: MouseEvent): boolean {
  const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return event.button === 0 && !modified && !event.defaultPrevented;
}

// Pages that take nothing from their path.
const PLAIN = ["quote", "pools", "indexer", "status"] as const;

function isPlain(section: string): section is (typeof PLAIN)[number] {
  return PLAIN.some((page) => page === section);
}

export function chainOf(query: string): bigint {
  const chain = new URLSearchParams(query).get("chain") ?? "";
  return /^\d{1,19}$/.test(chain) ? BigInt(chain) : 0n;
}

function categoryOf(query: string): string {
  return new URLSearchParams(query).get("category") ?? "";
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
