// What the chain's own contracts say of a quote, asked when the reader wants to know.
import { useSignal } from "@preact/signals";
import { quoter } from "../api/quoter_clients";
import { shorten } from "../format/text";
import type { Quote } from "../gen/capstan/quoter/v1/quote_pb";
import {
  Verdict,
  type VerifiedHop,
  type VerifyQuoteResponse,
} from "../gen/capstan/quoter/v1/verify_pb";
import { poolPath } from "../router";
import { Failure } from "./notice";
import { Count } from "./values";

interface Asked {
  isAsking: boolean;
  answer?: VerifyQuoteResponse;
  error?: unknown;
}

export function VerifyQuote({ quote, chainId }: { quote: Quote; chainId: bigint }) {
  const asked = useSignal<Asked>({ isAsking: false });
  const { isAsking, answer, error } = asked.value;
  const ask = async (): Promise<void> => {
    asked.value = { isAsking: true };
    try {
      asked.value = { isAsking: false, answer: await quoter.verifyQuote({ quote }) };
    } catch (error) {
      asked.value = { isAsking: false, error };
    }
  };
  return (
    <div class="verify">
      <button type="button" disabled={isAsking} onClick={() => void ask()}>
        Ask the contracts
      </button>
      <Failure error={error} subject="quote" />
      {answer && <Said answer={answer} chainId={chainId} />}
    </div>
  );
}

function Said({ answer, chainId }: { answer: VerifyQuoteResponse; chainId: bigint }) {
  const others = answer.hops.filter(({ difference }) => difference !== "0");
  return (
    <div role="status">
      <p>
        <strong>{verdictText(answer.verdict)}</strong>
        {answer.block && (
          <>
            {" "}
            That was the quote of block <Count value={answer.block.number} />.
          </>
        )}
      </p>
      {others.length > 0 && (
        <ul class="skipped">
          {others.map((hop) => (
            <li key={`${hop.route} ${hop.hop}`}>
              Route {hop.route + 1},{" "}
              <a class="mono" href={poolPath({ poolId: hop.poolId, chainId })} title={hop.poolId}>
                {shorten(hop.poolId)}
              </a>
              : {hopText(hop)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function verdictText(verdict: Verdict): string {
  switch (verdict) {
    case Verdict.EQUAL:
      return "The contracts say the same, to the last unit.";
    case Verdict.PARTLY_EQUAL:
      return "The contracts say the same of every pool that could be asked about.";
    default:
      return "The contracts say something else.";
  }
}

function hopText({ problem, difference, quoted }: VerifiedHop): string {
  return problem || `${difference} of ${quoted} smallest units`;
}
