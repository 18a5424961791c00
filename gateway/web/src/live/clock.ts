// The time of day for what says how old it is: one timer for the whole page.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const EVERY_MS = 1_000;

const now = signal(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Milliseconds since 1970; whoever reads it is rendered again every second. */
export function useNow(): number {
  useEffect(() => {
    users += 1;
    if (users === 1) {
      tick();
      timer = setInterval(tick, EVERY_MS);
    }
    return () => {
      users -= 1;
      if (users === 0) clearInterval(timer);
    };
  }, []);
  return now.value;
}

function tick(): void {
  now.value = Date.now();
}
