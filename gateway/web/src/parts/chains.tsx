// Every chain with its head, the indexed block and the lag, as the indexer says.
import { formatDuration } from "../format/text";
import { ChainState, type ChainStatus } from "../gen/capstan/indexer/v1/indexer_pb";
import { Empty } from "./notice";
import { Count } from "./values";

export const STATE_TEXT: Record<ChainState, string> = {
  [ChainState.UNSPECIFIED]: "unknown",
  [ChainState.STARTING]: "starting",
  [ChainState.SYNCING]: "syncing",
  [ChainState.LIVE]: "live",
  [ChainState.STALLED]: "stalled",
  [ChainState.HALTED]: "halted",
  [ChainState.STANDBY]: "standby",
};

/** The table of chains; `detailed` adds what an operator wants to know. */
export function Chains({ chains, detailed }: { chains: ChainStatus[]; detailed?: boolean }) {
  if (chains.length === 0) {
    return <Empty text="No chain is configured. Add one to capstan.toml and start again." />;
  }
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Chains, table">
      <table class="chains">
        <thead>
          <tr>
            <th scope="col">Chain</th>
            <th scope="col">State</th>
            <Headings of={["Head", "Indexed", "Lag"]} />
            {detailed && (
              <Headings of={["Finalized", "Events", "Contracts", "Reorgs", "Undecoded logs"]} />
            )}
          </tr>
        </thead>
        <tbody>
          {chains.map((chain) => (
            <ChainRow key={chain.chainId} chain={chain} detailed={detailed ?? false} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Headings({ of }: { of: string[] }) {
  return (
    <>
      {of.map((heading) => (
        <th key={heading} scope="col" class="right">
          {heading}
        </th>
      ))}
    </>
  );
}

function ChainRow({ chain, detailed }: { chain: ChainStatus; detailed: boolean }) {
  const details = [chain.events, chain.contracts, chain.reorgs, chain.decodeFailures];
  return (
    <tr data-chain={chain.chainId.toString()}>
      <th scope="row">
        {chain.name} <span class="muted small">{chain.chainId.toString()}</span>
        {chain.problem && <span class="problem">{chain.problem}</span>}
      </th>
      <td>
        <ChainBadge state={chain.state} />
      </td>
      <BlockNumber number={chain.head?.number} />
      <BlockNumber number={chain.indexed?.number} />
      <td class="right">
        <Lag chain={chain} />
      </td>
      {detailed && <BlockNumber number={chain.finalized?.number} />}
      {detailed &&
        details.map((value, index) => (
          <td key={index} class="right">
            <Count value={value} />
          </td>
        ))}
    </tr>
  );
}

function BlockNumber({ number }: { number: bigint | undefined }) {
  return (
    <td class="right">
      {number === undefined ? <span class="muted">none yet</span> : <Count value={number} />}
    </td>
  );
}

/** How far a chain is behind its head, in blocks and time. */
export function Lag({ chain }: { chain: ChainStatus }) {
  if (chain.head === undefined) return <span class="muted">unknown</span>;
  return (
    <>
      <Count value={chain.lagBlocks} /> {chain.lagBlocks === 1n ? "block" : "blocks"}
      {chain.lagSeconds > 0n && (
        <span class="lag-time muted small"> {formatDuration(chain.lagSeconds)}</span>
      )}
    </>
  );
}

/** What is being done with a chain, in a word. */
export function ChainBadge({ state }: { state: ChainState }) {
  return <span class={`badge ${stateClass(state)}`}>{STATE_TEXT[state]}</span>;
}

function stateClass(state: ChainState): string {
  if (state === ChainState.LIVE) return "good";
  return state === ChainState.STALLED || state === ChainState.HALTED ? "bad" : "waiting";
}
