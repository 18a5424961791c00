// One chain: whether it is right, how far it is, and what serves it.
import type { ComponentChildren } from "preact";
import { formatDuration, formatRate } from "../format/text";
import { ChainState, type ChainStatus } from "../gen/capstan/indexer/v1/indexer_pb";
import type { BlockRef } from "../gen/capstan/primitives/v1/block_pb";
import { eventsPerSecond, progress, type Sample } from "../state/indexer";
import { ChainBadge, Lag } from "./chains";
import { Endpoints } from "./endpoints";
import { Fact } from "./fact";
import { Notice } from "./notice";
import { Alarming, BlockAge, Count } from "./values";

/** The place of a chain on the page, for links. */
export function chainAnchor(chainId: bigint): string {
  return `chain-${chainId}`;
}

export function ChainPanel({
  chain,
  samples,
  stale,
}: {
  chain: ChainStatus;
  samples: Sample[];
  /** The platform does not answer: all this was so, and may not be any more. */
  stale: boolean;
}) {
  const anchor = chainAnchor(chain.chainId);
  return (
    <section
      class={stale ? "panel chain stale" : "panel chain"}
      id={anchor}
      aria-labelledby={`${anchor}-name`}
    >
      <div class="section-head">
        <h2 id={`${anchor}-name`}>
          {chain.name} <span class="muted small">{chain.chainId.toString()}</span>
          <ChainBadge state={chain.state} />
        </h2>
        <span class="muted small">{STATE_MEANING[chain.state]}</span>
      </div>
      <Problem chain={chain} />
      <HistoryProblem chain={chain} />
      {chain.state === ChainState.SYNCING && <Progress chain={chain} />}
      <Blocks chain={chain} />
      <Numbers chain={chain} perSecond={eventsPerSecond(samples, chain.chainId)} />
      <h3>Endpoints</h3>
      <Endpoints chain={chain} />
    </section>
  );
}

const STATE_MEANING: Record<ChainState, string> = {
  [ChainState.UNSPECIFIED]: "This page does not know the state.",
  [ChainState.STARTING]: "Connecting to the node.",
  [ChainState.SYNCING]: "Reading history.",
  [ChainState.LIVE]: "At the head.",
  [ChainState.STALLED]: "The node gives no usable answer; trying again.",
  [ChainState.HALTED]: "Stopped until you act.",
  [ChainState.STANDBY]: "Another process writes the log; this one takes over when that is gone.",
};

function Problem({ chain }: { chain: ChainStatus }) {
  if (chain.problem === "") return null;
  const halted = chain.state === ChainState.HALTED;
  return <Notice title={halted ? "Halted" : "Problem"} advice={chain.problem} />;
}

function HistoryProblem({ chain }: { chain: ChainStatus }) {
  if (chain.historyProblem === "") return null;
  return <Notice title="History is missing" advice={chain.historyProblem} />;
}

function Progress({ chain }: { chain: ChainStatus }) {
  const tenths = progress(chain);
  const percent = tenths === undefined ? undefined : (tenths / 10).toFixed(1);
  const left = chain.etaSeconds;
  return (
    <div class="progress">
      <div
        class="bar-track series-0"
        role="progressbar"
        aria-label={`Indexed of ${chain.name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent === undefined ? undefined : Number(percent)}
        aria-valuetext={percent === undefined ? "unknown" : `${percent} %, ${timeLeft(left)}`}
      >
        <span class="bar-fill" style={{ width: `${percent ?? 0}%` }} />
      </div>
      <p class="progress-text">
        <span class="number">{percent === undefined ? "?" : percent} %</span> of the blocks from{" "}
        <Count value={chain.earliestBlock} /> to the head ·{" "}
        <span class="eta">{timeLeft(left)}</span>
      </p>
    </div>
  );
}

function timeLeft(seconds: bigint | undefined): string {
  return seconds === undefined ? "time left not known yet" : `${formatDuration(seconds)} left`;
}

function Blocks({ chain }: { chain: ChainStatus }) {
  const standby = chain.state === ChainState.STANDBY;
  return (
    <dl class="facts blocks">
      <BlockFact name="Head" block={chain.head} without={standby ? "not asked" : "not reached"} />
      <BlockFact name="Indexed" block={chain.indexed} without="none yet" />
      <BlockFact name="Safe" block={chain.safe} without="none said" />
      <BlockFact name="Finalized" block={chain.finalized} without="none yet" />
    </dl>
  );
}

function BlockFact({
  name,
  block,
  without,
}: {
  name: string;
  block: BlockRef | undefined;
  without: string;
}) {
  return (
    <Fact name={name}>
      {block ? <Count value={block.number} /> : <span class="muted">{without}</span>}
      <Second>{block && <BlockAge block={block} />}</Second>
    </Fact>
  );
}

function Numbers({ chain, perSecond }: { chain: ChainStatus; perSecond: number | undefined }) {
  const { blocksPerSecond } = chain;
  return (
    <dl class="facts">
      <Fact name="Lag">
        <Lag chain={chain} />
      </Fact>
      <Fact name="Rate">
        {blocksPerSecond === undefined ? (
          <span class="muted">not known yet</span>
        ) : (
          <span class="number">{formatRate(blocksPerSecond)} blocks/s</span>
        )}
        <Second>{perSecond !== undefined && `${formatRate(perSecond)} events/s`}</Second>
      </Fact>
      <Fact name="Events">
        <Count value={chain.events} />
      </Fact>
      <Fact name="Contracts">
        <Count value={chain.contracts} />
      </Fact>
      <Fact name="Reorgs">
        <Count value={chain.reorgs} />
      </Fact>
      <Fact name="Undecoded logs">
        <Alarming count={chain.decodeFailures} />
      </Fact>
      <Fact name="Kept from block">
        <Count value={chain.earliestBlock} />
      </Fact>
      <Fact name="Log written by">{chain.writer ? "this process" : "another process"}</Fact>
    </dl>
  );
}

/** A second line, whose place is kept while there is nothing to say. */
function Second({ children }: { children: ComponentChildren }) {
  return <span class="second number">{children}</span>;
}
