// The pages of quotes and pools: which one, and of which chain.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { indexer } from "../api/clients";
import { quoter } from "../api/quoter_clients";
import type { ChainHealth } from "../gen/capstan/quoter/v1/quoter_pb";
import { useBook } from "../live/tokens";
import { usePoll } from "../live/use";
import { Empty, Failure, Loading, Notice } from "../parts/notice";
import { AsOfBlock, BlockAge, Count } from "../parts/values";
import { chainOf, route } from "../router";
import type { TokenBook } from "../state/tokens";
import { PoolPage } from "./pool";
import { PoolsPage } from "./pools";
import { QuotePage } from "./quote";

const EVERY_MS = 5_000;

export function QuoterPages() {
  const shown = route.value;
  switch (shown.page) {
    case "pool":
      return (
        <PoolPage key={`${shown.chainId}/${shown.id}`} id={shown.id} chainId={shown.chainId} />
      );
    case "pools":
      return <Scoped key="pools" title="Pools" page={PoolsPage} />;
    default:
      return <Scoped key={location.search} title="Quote a swap" page={QuotePage} />;
  }
}

/** What a page about one chain is given. */
export interface Scope {
  chainId: bigint;
  book: TokenBook;
}

/** A page about one chain, which the visitor chooses where there are several. */
function Scoped({
  title,
  page: Page,
}: {
  title: string;
  page: (scope: Scope) => ComponentChildren;
}) {
  const health = usePoll((signal) => quoter.getHealth({}, { signal }), EVERY_MS);
  const names = usePoll((signal) => chainNames(signal), 12 * EVERY_MS);
  const chosen = useSignal(chainOf(location.search));
  const chains = health.data.value?.chains ?? [];
  const chain = chains.find(({ chainId }) => chainId === chosen.value) ?? chains[0];
  return (
    <>
      <h1>{title}</h1>
      {chain && <State chain={chain} />}
      <Failure error={health.error.value} subject="state of the pools" />
      {!chain && !health.error.value && !health.data.value && <Loading what="pools" />}
      {health.data.value && !chain && <Empty text="No chain is configured." />}
      {chains.length > 1 && chain && (
        <label class="chooser">
          Chain
          <select
            value={chain.chainId.toString()}
            onChange={(event) => (chosen.value = BigInt(event.currentTarget.value))}
          >
            {chains.map(({ chainId }) => (
              <option key={chainId} value={chainId.toString()}>
                {names.data.value?.get(chainId) ?? chainId.toString()}
              </option>
            ))}
          </select>
        </label>
      )}
      {chain?.asOf && (
        <OfChain key={chain.chainId.toString()} chainId={chain.chainId} page={Page} />
      )}
    </>
  );
}

// The quoter knows chains by number; without the indexer that has to do.
async function chainNames(signal: AbortSignal): Promise<ReadonlyMap<bigint, string>> {
  const { chains } = await indexer.getStatus({}, { signal });
  return new Map(chains.map(({ chainId, name }) => [chainId, name]));
}

function State({ chain }: { chain: ChainHealth }) {
  if (!chain.asOf?.block) {
    return (
      <Notice
        title="The pools are not known yet"
        advice="They are being made from the event log; this page goes on by itself."
      />
    );
  }
  return (
    <p class="page-as-of">
      <AsOfBlock asOf={chain.asOf} />
      <span class="as-of">
        made <BlockAge block={chain.asOf.block} />
      </span>
      <span class="as-of">
        <Count value={chain.pools} /> pools
        {chain.poolsUnusable > 0n && (
          <>
            , <Count value={chain.poolsUnusable} /> not used
          </>
        )}
        , <Count value={chain.tokens} /> tokens
      </span>
    </p>
  );
}

function OfChain({
  chainId,
  page: Page,
}: {
  chainId: bigint;
  page: (scope: Scope) => ComponentChildren;
}) {
  const { book, error, again } = useBook(chainId);
  if (error) return <Failure error={error} subject="list of tokens" onRetry={again} />;
  if (!book) return <Loading what="tokens" />;
  return <Page chainId={chainId} book={book} />;
}
