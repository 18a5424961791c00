// Asks again and again for what no stream tells.
import { type ReadonlySignal, signal } from "@preact/signals";
import { backoffMs } from "./backoff";
import type { Phase } from "./machine";

export interface Poll<Answer> {
  data: ReadonlySignal<Answer | undefined>;
  /** Why the last attempt failed; undefined after a success. */
  error: ReadonlySignal<unknown>;
  phase: ReadonlySignal<Phase>;
  stop(): void;
}

/** Calls `ask` every `everyMs`, later after failures, and not at all in a hidden tab. */
export function poll<Answer>(
  ask: (signal: AbortSignal) => Promise<Answer>,
  everyMs: number,
): Poll<Answer> {
  const data = signal<Answer | undefined>(undefined);
  const error = signal<unknown>(undefined);
  const phase = signal<Phase>("connecting");
  const end = new AbortController();
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const tick = async (): Promise<void> => {
    if (document.hidden) return;
    try {
      data.value = await ask(end.signal);
      error.value = undefined;
      phase.value = "live";
      failures = 0;
    } catch (failure) {
      if (end.signal.aborted) return;
      error.value = failure;
      phase.value = "reconnecting";
      failures += 1;
    }
    if (end.signal.aborted) return;
    const pause = failures === 0 ? everyMs : Math.max(everyMs, backoffMs(failures, Math.random()));
    clearTimeout(timer);
    timer = setTimeout(() => void tick(), pause);
  };
  const onVisibility = (): void => {
    clearTimeout(timer);
    void tick();
  };

  document.addEventListener("visibilitychange", onVisibility);
  void tick();
  return {
    data,
    error,
    phase,
    stop: () => {
      document.removeEventListener("visibilitychange", onVisibility);
      clearTimeout(timer);
      end.abort();
    },
  };
}
