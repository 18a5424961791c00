// The indexer: whether it is right, how far it is, and what it found last.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { indexer } from "../api/clients";
import type { ChainStatus } from "../gen/capstan/indexer/v1/indexer_pb";
import { useNow } from "../live/clock";
import { usePoll, useTitle } from "../live/use";
import { chainAnchor, ChainPanel } from "../parts/chain_panel";
import { Chains } from "../parts/chains";
import { Events } from "../parts/events";
import { Failure, Loading } from "../parts/notice";
import { Pools } from "../parts/pools";
import { Transactions } from "../parts/transactions";
import { LastAnswered } from "../parts/values";
import { type Sample, verdict, withSample } from "../state/indexer";

const EVERY_MS = 2_000;
// A few questions without an answer: what is shown may not be so any more.
const STALE_MS = 10_000;

export function IndexerPage() {
  useTitle("Indexer");
  const status = usePoll(useMemo(statusReader, []), EVERY_MS);
  const answer = status.data.value;
  const answeredAt = status.answeredAt.value;
  const age = useNow() - answeredAt;
  const stale = status.error.value !== undefined || age > STALE_MS;
  return (
    <>
      <h1>Indexer</h1>
      <p class="page-as-of">
        {answer ? <LastAnswered at={answeredAt} /> : <span class="as-of">Not answered yet</span>}
      </p>
      <Failure error={status.error.value} subject="status of the indexer" />
      {!answer && !status.error.value && <Loading what="status of the indexer" />}
      {answer && <Overview chains={answer.chains} stale={stale} />}
      {answer?.chains.map((chain) => (
        <ChainPanel key={chain.chainId} chain={chain} samples={answer.samples} stale={stale} />
      ))}
      {answer && answer.chains.length > 0 && <Log chains={answer.chains} />}
    </>
  );
}

// The rate of events is not in an answer: it is what changes from one to the next.
function statusReader() {
  let samples: Sample[] = [];
  return async (signal: AbortSignal) => {
    const { chains } = await indexer.getStatus({}, { signal });
    samples = withSample(samples, chains, performance.now());
    return { chains, samples };
  };
}

function Overview({ chains, stale }: { chains: ChainStatus[]; stale: boolean }) {
  const { level, text, reasons } = verdict(chains);
  return (
    <section class={stale ? "panel stale" : "panel"} aria-labelledby="overview">
      <h2 id="overview">
        Overview
        <span class={`badge verdict ${stale ? "" : level}`} role="status">
          {stale ? "not known now" : text}
        </span>
      </h2>
      {reasons.length > 0 && (
        <ul class="reasons">
          {reasons.map((reason) => (
            <li key={reason.text} class={reason.level}>
              <a href={`#${chainAnchor(reason.chainId)}`}>{reason.text}</a>
            </li>
          ))}
        </ul>
      )}
      {chains.length === 1 ? null : <Chains chains={chains} />}
    </section>
  );
}

/** What was found on one chain, which the visitor chooses where there are several. */
function Log({ chains }: { chains: ChainStatus[] }) {
  const chosen = useSignal<bigint | undefined>(undefined);
  const shown = chains.find(({ chainId }) => chainId === chosen.value) ?? chains[0];
  if (!shown) return null;
  const { chainId } = shown;
  return (
    <>
      {chains.length > 1 && (
        <label class="chooser">
          Events, transactions and pools of
          <select
            value={chainId.toString()}
            onChange={(event) => (chosen.value = BigInt(event.currentTarget.value))}
          >
            {chains.map((chain) => (
              <option key={chain.chainId} value={chain.chainId.toString()}>
                {chain.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <Events key={`events/${chainId}`} chainId={chainId} />
      <Transactions key={`transactions/${chainId}`} chainId={chainId} />
      <Pools key={`pools/${chainId}`} chainId={chainId} />
    </>
  );
}
