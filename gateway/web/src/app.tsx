// The frame of every page: header, connection state, the page itself, footer.
import { useEffect, useRef } from "preact/hooks";
import { connection } from "./live/connection";
import type { Phase } from "./live/machine";
import { MarketPage } from "./pages/market";
import { MarketsPage } from "./pages/markets";
import { StatusPage } from "./pages/status";
import { UserPage } from "./pages/user";
import { Later } from "./parts/later";
import { Notice } from "./parts/notice";
import { type Route, route } from "./router";

export function App() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const shown = route.value;

  useEffect(() => {
    // A screen reader must learn of the new page; the browser announces only the first one.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [shown]);

  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="top">
        <div class="top-inner">
          <a class="brand" href="/">
            <img src="/favicon.svg" alt="" width="26" height="26" />
            <span>Capstan</span>
          </a>
          <nav aria-label="Pages">
            <NavLink href="/" label="Markets" current={shown.page === "markets"} />
            <NavLink href="/quote" label="Quote" current={QUOTER_PAGES.has(shown.page)} />
            <NavLink href="/indexer" label="Indexer" current={shown.page === "indexer"} />
            <NavLink href="/status" label="Status" current={shown.page === "status"} />
          </nav>
          <ConnectionState />
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Page route={shown} />
      </main>
      <footer class="bottom">
        <p>
          Read from the chain by your own Capstan. The same data as JSON:{" "}
          <a href="/api/markets">/api/markets</a>
        </p>
      </footer>
    </>
  );
}

function NavLink({ href, label, current }: { href: string; label: string; current: boolean }) {
  return (
    <a href={href} aria-current={current ? "page" : undefined}>
      {label}
    </a>
  );
}

const PHASE_TEXT: Record<Phase, string> = {
  connecting: "connecting",
  live: "live",
  reconnecting: "reconnecting",
  paused: "paused",
};

// For operators: visitors of the markets need not load it.
const loadIndexerPage = async () => (await import("./pages/indexer")).IndexerPage;

// Quotes and pools have a contract of their own, too.
const QUOTER_PAGES: ReadonlySet<Route["page"]> = new Set(["quote", "pools", "pool"]);
const loadQuoterPages = async () => (await import("./pages/quoter")).QuoterPages;

function ConnectionState() {
  const phase = connection.value;
  return (
    <p class={`connection ${phase ?? "idle"}`} role="status" aria-live="polite">
      {phase && (
        <>
          <span class="sr-only">Connection: </span>
          {PHASE_TEXT[phase]}
        </>
      )}
    </p>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case "markets":
      return <MarketsPage key={route.category} category={route.category} />;
    case "market":
      return (
        <MarketPage key={`${route.chainId}/${route.id}`} id={route.id} chainId={route.chainId} />
      );
    case "user":
      return <UserPage key={route.address} address={route.address} />;
    case "quote":
    case "pools":
    case "pool":
      return <Later title="Quote" load={loadQuoterPages} />;
    case "indexer":
      return <Later title="Indexer" load={loadIndexerPage} />;
    case "status":
      return <StatusPage />;
    case "missing":
      return (
        <>
          <h1>Page not found</h1>
          <Notice title="There is no such page" advice="Choose a market from the list." />
          <p>
            <a href="/">All markets</a>
          </p>
        </>
      );
  }
}
