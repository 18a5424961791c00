// The transaction that executes a swap, made when the reader says who sends it; nothing is signed or sent here.
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { quoter } from "../api/quoter_clients";
import {
  Approval,
  type BuildSwapResponse,
  type Transaction,
} from "../gen/capstan/quoter/v1/swap_pb";
import { type Question, requestOf } from "../state/question";
import type { TokenBook } from "../state/tokens";
import { Fact } from "./fact";
import { Failure } from "./notice";
import { TokenAmount } from "./token";
import { Count } from "./values";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

interface Asked {
  isAsking: boolean;
  answer?: BuildSwapResponse;
  error?: unknown;
}

export function BuildSwap({ book, question }: { book: TokenBook; question: Question }) {
  const id = useId();
  const asked = useSignal<Asked>({ isAsking: false });
  const { isAsking, answer, error } = asked.value;
  const ask = async (sender: string, approval: Approval): Promise<void> => {
    asked.value = { isAsking: true };
    try {
      const request = { quote: requestOf(question), sender, approval };
      asked.value = { isAsking: false, answer: await quoter.buildSwap(request) };
    } catch (error) {
      asked.value = { isAsking: false, error };
    }
  };
  return (
    <details class="build">
      <summary>Build the transaction</summary>
      <form
        class="form"
        aria-label="Transaction"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          void ask(String(form.get("sender")).trim(), Number(form.get("approval")));
        }}
      >
        <label for={`${id}-sender`}>
          Sender
          <input
            id={`${id}-sender`}
            class="mono"
            name="sender"
            required
            pattern={ADDRESS.source}
            title="An address: 0x and 40 hex digits"
            autocomplete="off"
            spellcheck={false}
          />
        </label>
        <label for={`${id}-approval`}>
          Tokens are taken
          <select id={`${id}-approval`} name="approval">
            <option value={Approval.UNSPECIFIED}>whichever way there is</option>
            <option value={Approval.ALLOWANCE}>by an allowance of SwapRouter02</option>
            <option value={Approval.PERMIT2}>by Permit2</option>
          </select>
        </label>
        <button type="submit" disabled={isAsking}>
          Build
        </button>
      </form>
      <Failure error={error} subject="transaction" />
      {answer && <Built book={book} answer={answer} />}
    </details>
  );
}

function Built({ book, answer }: { book: TokenBook; answer: BuildSwapResponse }) {
  const { quote, transaction, problem, allowance, permit, simulation, missingBalance } = answer;
  return (
    <div role="status">
      {problem && (
        <p>
          <strong>There is no transaction:</strong> {problem}
        </p>
      )}
      {simulation && (
        <p>
          <strong>
            {simulation.succeeded
              ? "A node says that it succeeds."
              : "A node says that it reverts:"}
          </strong>{" "}
          {simulation.revert}
        </p>
      )}
      <dl class="facts">
        {allowance && (
          <Fact name="Allow before">
            <TokenAmount book={book} token={allowance.token} raw={allowance.amount} />
            <span class="second mono">{allowance.spender}</span>
          </Fact>
        )}
        {missingBalance !== undefined && quote && (
          <Fact name="The sender lacks">
            <TokenAmount book={book} token={quote.tokenIn} raw={missingBalance} />
          </Fact>
        )}
        {transaction && <Facts transaction={transaction} deadline={answer.deadline} />}
      </dl>
      {permit && <Text label="Sign with eth_signTypedData_v4" text={permit.typedData} />}
      {transaction && <Text label="Data" text={transaction.data} />}
    </div>
  );
}

function Facts({ transaction, deadline }: { transaction: Transaction; deadline: bigint }) {
  const until = new Date(Number(deadline) * 1_000).toISOString();
  return (
    <>
      <Fact name="To">
        <span class="mono">{transaction.to}</span>
      </Fact>
      <Fact name="Value, in wei">
        <data class="number" value={transaction.value}>
          {transaction.value}
        </data>
      </Fact>
      <Fact name="Gas">
        <Count value={transaction.gas} /> units
      </Fact>
      <Fact name="Fails after, by chain time">
        <time dateTime={until}>{until.replace("T", " ").slice(0, 19)}</time>
      </Fact>
    </>
  );
}

function Text({ label, text }: { label: string; text: string }) {
  const id = useId();
  return (
    <label for={id}>
      {label}
      <textarea id={id} class="mono" readonly rows={4} value={text} spellcheck={false} />
    </label>
  );
}
