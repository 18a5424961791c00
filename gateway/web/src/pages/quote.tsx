// A swap: what it would give in the newest block, by which routes, and how deep the pair is.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { useLearnt } from "../live/tokens";
import { useTitle } from "../live/use";
import { Depth } from "../parts/depth";
import { SwapAnswer } from "../parts/swap_answer";
import { SwapForm } from "../parts/swap_form";
import { parseQuestion, type Question, questionPath } from "../state/question";
import type { Scope } from "./quoter";

export function QuotePage({ chainId, book }: Scope) {
  useTitle("Quote");
  const asked = useSignal<Question>({ ...parseQuestion(location.search), chainId });
  const question = asked.value;
  // The form is filled in whole tokens of what the link asked.
  const linked = useMemo(() => [question.tokenIn, question.tokenOut].filter(Boolean), []);
  const isLearnt = useLearnt(book, linked);
  const filled = useSignal(0);
  const onAsk = (next: Question): void => {
    history.replaceState(null, "", questionPath(next));
    asked.value = next;
  };
  const isAsked = question.amount !== "" && question.tokenIn !== "" && question.tokenOut !== "";
  return (
    <>
      <section class="panel" aria-labelledby="swap">
        <div class="section-head">
          <h2 id="swap">Swap</h2>
          <a href={`/pools?chain=${chainId}`}>All pools</a>
        </div>
        {isLearnt && <SwapForm key={filled.value} book={book} asked={question} onAsk={onAsk} />}
      </section>
      {isAsked && (
        <SwapAnswer
          key={questionPath(question)}
          book={book}
          question={question}
          onAsk={(next) => {
            onAsk(next);
            filled.value += 1;
          }}
        />
      )}
      {isAsked && (
        <Depth
          key={`${question.tokenIn}/${question.tokenOut}`}
          book={book}
          chainId={chainId}
          base={question.tokenIn}
          quote={question.tokenOut}
        />
      )}
    </>
  );
}
