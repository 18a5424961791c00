// Asks again and again for what no stream tells.
import { batch, type ReadonlySignal, signal } from "@preact/signals";
import { backoffMs } from "./backoff";
import type { Phase } from "./machine";

export interface Poll<Answer> {
  data: ReadonlySignal<Answer | undefined>;
  /** Why the last attempt failed; undefined after a success. */
  error: ReadonlySignal<unknown>;
  phase: ReadonlySignal<Phase>;
  /** When `data` was answered, in milliseconds since 1970; 0 before the first answer. */
  answeredAt: ReadonlySignal<number>;
  /** Asks at once, in place of what is being asked; resolves when that is answered or has failed. */
  again(): Promise<void>;
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
  const answeredAt = signal(0);
  let request = new AbortController();
  let ended = false;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const cancel = (): void => {
    clearTimeout(timer);
    request.abort();
  };
  const again = async (): Promise<void> => {
    cancel();
    if (document.hidden || ended) return;
    request = new AbortController();
    const mine = request.signal;
    try {
      const answer = await ask(mine);
      if (mine.aborted) return;
      batch(() => {
        data.value = answer;
        error.value = undefined;
        phase.value = "live";
        answeredAt.value = Date.now();
      });
      failures = 0;
    } catch (failure) {
      if (mine.aborted) return;
      error.value = failure;
      phase.value = "reconnecting";
      failures += 1;
    }
    const pause = failures === 0 ? everyMs : Math.max(everyMs, backoffMs(failures, Math.random()));
    timer = setTimeout(() => void again(), pause);
  };
  const onVisibility = (): void => void again();

  document.addEventListener("visibilitychange", onVisibility);
  void again();
  return {
    data,
    error,
    phase,
    answeredAt,
    again,
    stop: () => {
      document.removeEventListener("visibilitychange", onVisibility);
      ended = true;
      cancel();
    },
  };
}
