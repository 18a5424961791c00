// What has become of a registered transaction.
import { group } from "../format/amount";
import { type Transaction, TransactionState } from "../gen/capstan/indexer/v1/transactions_pb";
import { Fact } from "./fact";
import { Count, FinalityBadge, Id, Moment, User } from "./values";

interface StateText {
  name: string;
  level: string;
  meaning: string;
}

const STATES: Record<TransactionState, StateText> = {
  [TransactionState.UNSPECIFIED]: { name: "unspecified", level: "", meaning: "Not stated." },
  [TransactionState.UNKNOWN]: {
    name: "unknown",
    level: "waiting",
    meaning: "No node was ever seen to have it.",
  },
  [TransactionState.PENDING]: {
    name: "pending",
    level: "waiting",
    meaning: "It waits in the pool of a node.",
  },
  [TransactionState.MINED]: {
    name: "mined",
    level: "waiting",
    meaning: "It is in a block that a reorg can still take back.",
  },
  [TransactionState.FINAL]: {
    name: "final",
    level: "good",
    meaning: "It is in a final block; this never changes.",
  },
  [TransactionState.REPLACED]: {
    name: "replaced",
    level: "bad",
    meaning: "Another transaction of the same sender has its nonce.",
  },
  [TransactionState.DROPPED]: {
    name: "dropped",
    level: "bad",
    meaning: "No node has it any more; it may still come back.",
  },
};

export function TransactionBadge({ state }: { state: TransactionState }) {
  const { name, level } = STATES[state];
  return <span class={`badge ${level}`}>{name}</span>;
}

export function TransactionFacts({ transaction }: { transaction: Transaction }) {
  const { hash, state, label, sender, nonce, replacedBy, finality } = transaction;
  return (
    <>
      <p role="status">
        <TransactionBadge state={state} /> {STATES[state].meaning}
      </p>
      <p>
        <Id value={hash} />
      </p>
      <dl class="facts">
        {label && <Fact name="Label">{label}</Fact>}
        {sender && (
          <Fact name="Sender">
            <User address={sender} />
          </Fact>
        )}
        {nonce !== undefined && (
          <Fact name="Nonce">
            <Count value={nonce} />
          </Fact>
        )}
        <InclusionFacts transaction={transaction} />
        {replacedBy && (
          <Fact name="Replaced by">
            <Id value={replacedBy} />
          </Fact>
        )}
        {finality !== 0 && (
          <Fact name="Finality">
            <FinalityBadge finality={finality} />
          </Fact>
        )}
        <Fact name="Registered">
          <Moment time={transaction.registeredAt} />
        </Fact>
        <Fact name="Changed">
          <Moment time={transaction.changedAt} />
        </Fact>
      </dl>
    </>
  );
}

function InclusionFacts({ transaction: { inclusion } }: { transaction: Transaction }) {
  if (!inclusion) return null;
  const { block, success, gasUsed, fee, confirmations } = inclusion;
  return (
    <>
      <Fact name="Block">
        <Count value={block?.number ?? 0n} />
      </Fact>
      <Fact name="Took effect">{EFFECT[String(success)]}</Fact>
      <Fact name="Confirmations">
        <Count value={confirmations} />
      </Fact>
      <Fact name="Gas used">
        <Count value={gasUsed} />
      </Fact>
      {fee && (
        <Fact name="Fee, smallest unit">
          <data class="number" value={fee}>
            {group(fee)}
          </data>
        </Fact>
      )}
    </>
  );
}

const EFFECT: Record<string, string> = {
  true: "yes",
  false: "no, it reverted",
  undefined: "receipts do not say",
};
