// The button that loads the next page of a list.
import { useSignal } from "@preact/signals";
import { Failure } from "./notice";

export function More({
  token,
  label,
  load,
}: {
  /** Token of the next page or anything else that says there is one; empty: there is none. */
  token: string;
  label: string;
  load: () => Promise<void>;
}) {
  const busy = useSignal(false);
  const error = useSignal<unknown>(undefined);
  if (token === "") return null;
  const onClick = async (): Promise<void> => {
    busy.value = true;
    error.value = undefined;
    try {
      await load();
    } catch (failure) {
      error.value = failure;
    } finally {
      busy.value = false;
    }
  };
  return (
    <div class="more">
      <button type="button" disabled={busy.value} onClick={() => void onClick()}>
        {busy.value ? "Loading…" : label}
      </button>
      <Failure error={error.value} subject="next page" onRetry={() => void onClick()} />
    </div>
  );
}
