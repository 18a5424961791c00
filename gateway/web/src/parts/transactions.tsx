// Transactions that somebody waits for: look one up, register it, see what becomes of it.
import { Code, ConnectError } from "@connectrpc/connect";
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { transactions } from "../api/indexer_clients";
import { shorten } from "../format/text";
import type { Transaction } from "../gen/capstan/indexer/v1/transactions_pb";
import { useList } from "../live/list";
import { usePoll } from "../live/use";
import { More } from "./more";
import { Empty, Failure, Loading } from "./notice";
import { Table } from "./table";
import { TransactionBadge, TransactionFacts } from "./transaction_facts";
import { Count, Moment } from "./values";

const EVERY_MS = 2_000;
const RECENT_EVERY_MS = 5_000;
const PAGE = 10;
const HASH = /^0x[0-9a-fA-F]{64}$/;

export function Transactions({ chainId }: { chainId: bigint }) {
  const hash = useSignal("");
  return (
    <section class="panel" aria-labelledby="transactions">
      <h2 id="transactions">Transactions</h2>
      <LookUp onHash={(wanted) => (hash.value = wanted)} />
      {hash.value && <Followed key={hash.value} chainId={chainId} hash={hash.value} />}
      <Recent chainId={chainId} onHash={(wanted) => (hash.value = wanted)} />
    </section>
  );
}

function LookUp({ onHash }: { onHash: (hash: string) => void }) {
  const id = useId();
  const refused = useSignal(false);
  const apply = (form: HTMLFormElement): void => {
    const hash = String(new FormData(form).get("hash") ?? "").trim();
    refused.value = !HASH.test(hash);
    if (!refused.value) onHash(hash.toLowerCase());
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        apply(event.currentTarget);
      }}
    >
      <label class="wide">
        Hash
        <input
          name="hash"
          class="mono"
          placeholder="0x…"
          autocomplete="off"
          spellcheck={false}
          aria-invalid={refused.value}
          aria-describedby={`${id}-refused`}
        />
      </label>
      <button type="submit">Look up</button>
      <p id={`${id}-refused`} class="refused" role="alert">
        {refused.value && "A hash is 0x and 64 hex digits."}
      </p>
    </form>
  );
}

/** What is known of a transaction, asked again and again; undefined when nobody registered it. */
async function find(
  chainId: bigint,
  hash: string,
  signal: AbortSignal,
): Promise<Transaction | undefined> {
  try {
    return (await transactions.getTransaction({ chainId, hash }, { signal })).transaction;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) return undefined;
    throw error;
  }
}

function Followed({ chainId, hash }: { chainId: bigint; hash: string }) {
  const found = usePoll(
    async (signal) => ({ transaction: await find(chainId, hash, signal) }),
    EVERY_MS,
  );
  const refusal = useSignal<unknown>(undefined);
  const register = async (): Promise<void> => {
    try {
      await transactions.registerTransaction({ chainId, hash });
      refusal.value = undefined;
    } catch (error) {
      refusal.value = error;
    }
    await found.again();
  };
  const answer = found.data.value;
  return (
    <div class="followed">
      <Failure error={found.error.value} subject="transaction" />
      <Failure error={refusal.value} subject="transaction" onRetry={() => void register()} />
      {!answer && !found.error.value && <Loading what="transaction" />}
      {answer?.transaction && <TransactionFacts transaction={answer.transaction} />}
      {answer && !answer.transaction && (
        <p class="unregistered">
          Nobody registered <span class="mono">{shorten(hash)}</span>, so it is not followed.{" "}
          <button type="button" onClick={() => void register()}>
            Register it
          </button>
        </p>
      )}
    </div>
  );
}

function Recent({ chainId, onHash }: { chainId: bigint; onHash: (hash: string) => void }) {
  const list = useList<Transaction>(
    async (page, signal) => {
      const request = { ...page, chainId };
      const answer = await transactions.listRecentTransactions(request, { signal });
      return { items: answer.transactions, nextPageToken: answer.nextPageToken };
    },
    PAGE,
    RECENT_EVERY_MS,
  );
  const answer = list.data.value;
  return (
    <>
      <h3>Registered last</h3>
      <Failure error={list.error.value} subject="list of transactions" />
      {!answer && !list.error.value && <Loading what="transactions" />}
      {answer?.items.length === 0 && <Empty text="Nobody has registered a transaction yet." />}
      {answer && answer.items.length > 0 && (
        <Table
          name="transactions"
          label="Registered transactions"
          columns={["Transaction", "State", "#Block", "Label", "Changed"]}
          rows={answer.items.map((transaction) => ({
            key: transaction.hash,
            cells: cellsOf(transaction, onHash),
          }))}
        />
      )}
      {answer && (
        <More token={answer.nextPageToken} label="Load older ones" load={() => list.more()} />
      )}
    </>
  );
}

function cellsOf(transaction: Transaction, onHash: (hash: string) => void) {
  const { hash, state, inclusion, label, changedAt } = transaction;
  return [
    <button type="button" class="link mono" title={hash} onClick={() => onHash(hash)}>
      {shorten(hash)}
    </button>,
    <TransactionBadge state={state} />,
    inclusion?.block ? <Count value={inclusion.block.number} /> : <span class="muted">–</span>,
    label,
    <Moment time={changedAt} />,
  ];
}
