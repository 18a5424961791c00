// Which events are wanted.
import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";

/** As the contract takes it: an empty string matches all. */
export interface Filter {
  kind: string;
  address: string;
}

export const NO_FILTER: Filter = { kind: "", address: "" };

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** `kinds` are offered; any other can be written. */
export function EventFilter({
  kinds,
  onApply,
}: {
  kinds: ReadonlySet<string>;
  onApply: (filter: Filter) => void;
}) {
  const id = useId();
  const refused = useSignal(false);
  const apply = (form: HTMLFormElement): void => {
    const data = new FormData(form);
    const text = (name: string) => String(data.get(name) ?? "").trim();
    const wanted = { kind: text("kind"), address: text("address") };
    refused.value = wanted.address !== "" && !ADDRESS.test(wanted.address);
    if (refused.value) return;
    onApply(wanted.kind === "" && wanted.address === "" ? NO_FILTER : wanted);
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        apply(event.currentTarget);
      }}
      onReset={() => {
        refused.value = false;
        onApply(NO_FILTER);
      }}
    >
      <label>
        Kind
        <input name="kind" list={`${id}-kinds`} autocomplete="off" spellcheck={false} />
      </label>
      <datalist id={`${id}-kinds`}>
        {[...kinds].sort().map((kind) => (
          <option key={kind} value={kind} />
        ))}
      </datalist>
      <label class="wide">
        Contract
        <input
          name="address"
          class="mono"
          placeholder="0x…"
          autocomplete="off"
          spellcheck={false}
          aria-invalid={refused.value}
          aria-describedby={`${id}-refused`}
        />
      </label>
      <button type="submit">Filter</button>
      <button type="reset">Show all</button>
      <p id={`${id}-refused`} class="refused" role="alert">
        {refused.value && "An address is 0x and 40 hex digits."}
      </p>
    </form>
  );
}
