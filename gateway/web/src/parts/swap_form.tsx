// What is to be swapped: tokens, the amount that is exact, and how the answer is to be found.
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { exactAmount, parseAmount } from "../format/amount";
import { parsePercent, shift } from "../format/decimal";
import { Objective } from "../gen/capstan/quoter/v1/quote_pb";
import { useLearnt } from "../live/tokens";
import { MOST_HOPS, MOST_SPLITS, type Question } from "../state/question";
import type { TokenBook } from "../state/tokens";
import { TokenField } from "./token";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

export function SwapForm({
  book,
  asked,
  onAsk,
}: {
  book: TokenBook;
  asked: Question;
  onAsk: (question: Question) => void;
}) {
  const id = useId();
  const refused = useSignal("");
  const pair = useSignal({ tokenIn: asked.tokenIn, tokenOut: asked.tokenOut });
  const side = useSignal(asked.side);
  const { tokenIn, tokenOut } = pair.value;
  const valid = [tokenIn, tokenOut].filter((token) => ADDRESS.test(token));
  const isLearnt = useLearnt(book, valid);
  const exact = side.value === "in" ? tokenIn : tokenOut;
  const unit = book.unit(exact);

  const ask = (form: HTMLFormElement): void => {
    const read = readForm(new FormData(form), { ...asked, ...pair.value }, unit.decimals);
    refused.value = typeof read === "string" ? read : "";
    if (typeof read !== "string") onAsk(read);
  };
  return (
    <form
      class="form swap"
      aria-label="Swap"
      onSubmit={(event) => {
        event.preventDefault();
        ask(event.currentTarget);
      }}
    >
      <TokenField
        book={book}
        label="You give"
        name="in"
        chosen={tokenIn}
        onChoose={(address) => (pair.value = { ...pair.value, tokenIn: address })}
      />
      <TokenField
        book={book}
        label="You get"
        name="out"
        chosen={tokenOut}
        onChoose={(address) => (pair.value = { ...pair.value, tokenOut: address })}
      />
      <label>
        Exact is
        <select
          name="side"
          value={side.value}
          onChange={(event) => (side.value = event.currentTarget.value === "out" ? "out" : "in")}
        >
          <option value="in">the amount given</option>
          <option value="out">the amount got</option>
        </select>
      </label>
      <label>
        {amountLabel(unit, exact !== "")}
        <input
          name="amount"
          inputMode="decimal"
          autocomplete="off"
          defaultValue={asked.amount && exactAmount(asked.amount, { decimals: unit.decimals ?? 0 })}
          aria-describedby={`${id}-refused`}
        />
      </label>
      <Settings asked={asked} />
      <button type="submit" disabled={!isLearnt}>
        Quote
      </button>
      <p id={`${id}-refused`} class="refused" role="alert">
        {refused.value}
      </p>
    </form>
  );
}

function amountLabel(
  unit: { decimals?: number | undefined; symbol?: string | undefined },
  isChosen: boolean,
) {
  if (unit.decimals === undefined) return isChosen ? "Amount, in smallest units" : "Amount";
  return `Amount, in ${unit.symbol ?? "whole tokens"}`;
}

function Settings({ asked }: { asked: Question }) {
  return (
    <details class="settings">
      <summary>Slippage, routes and objective</summary>
      <div class="form">
        <label>
          Slippage, in %
          <input
            name="slippage"
            inputMode="decimal"
            autocomplete="off"
            defaultValue={shift(String(asked.slippageBps), -2)}
          />
        </label>
        <NumberField
          name="hops"
          label="Most pools in a row"
          most={MOST_HOPS}
          preset={asked.maxHops}
        />
        <NumberField
          name="splits"
          label="Most routes"
          most={MOST_SPLITS}
          preset={asked.maxSplits}
        />
        <label>
          Best is
          <select name="objective" defaultValue={String(asked.objective)}>
            <option value={Objective.NET_OF_GAS}>the most after gas</option>
            <option value={Objective.GROSS}>the most, whatever the gas</option>
          </select>
        </label>
      </div>
    </details>
  );
}

function NumberField({
  name,
  label,
  most,
  preset,
}: {
  name: string;
  label: string;
  most: number;
  preset: number;
}) {
  return (
    <label>
      {label}
      <select name={name} defaultValue={String(preset)}>
        {Array.from({ length: most }, (_, index) => (
          <option key={index} value={index + 1}>
            {index + 1}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The question of a form, or what is wrong with it. */
function readForm(
  data: FormData,
  asked: Question,
  decimals: number | undefined,
): Question | string {
  const text = (name: string): string => String(data.get(name) ?? "").trim();
  const { tokenIn, tokenOut } = asked;
  if (tokenIn === "" || tokenOut === "") return "Choose both tokens.";
  if (!ADDRESS.test(tokenIn) || !ADDRESS.test(tokenOut))
    return "An address is 0x and 40 hex digits.";
  if (tokenIn.toLowerCase() === tokenOut.toLowerCase()) return "Both tokens are the same.";
  const amount = parseAmount(text("amount"), { decimals });
  if (amount === undefined) return `An amount is a number with at most ${decimals ?? 0} decimals.`;
  if (amount === "0") return "An amount is over 0.";
  const slippageBps = parsePercent(text("slippage"));
  if (slippageBps === undefined) return "Slippage is 0 to 100 percent, with at most 2 decimals.";
  return {
    ...asked,
    amount,
    slippageBps,
    side: text("side") === "out" ? "out" : "in",
    maxHops: Number(text("hops")),
    maxSplits: Number(text("splits")),
    objective: Number(text("objective")) as Objective,
  };
}
