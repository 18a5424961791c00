// The one connection state that the header shows: that of whatever the current page follows.
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { type Phase, worstPhase } from "./machine";

const sources = signal<ReadonlySet<ReadonlySignal<Phase>>>(new Set());

/** The worst phase of what the page follows; undefined while it follows nothing. */
export const connection = computed<Phase | undefined>(() =>
  sources.value.size === 0
    ? undefined
    : worstPhase([...sources.value].map((source) => source.value)),
);

/** Counts `phase` in until the returned function is called. */
export function showPhase(phase: ReadonlySignal<Phase>): () => void {
  sources.value = new Set([...sources.peek(), phase]);
  return () => {
    sources.value = new Set([...sources.peek()].filter((source) => source !== phase));
  };
}
