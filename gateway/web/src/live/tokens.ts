// What is known of tokens, read and learnt while a component is shown.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { TokenBook } from "../state/tokens";

/** What is known of the tokens of a chain, once it has been read. */
export function useBook(chainId: bigint) {
  const book = useMemo(() => new TokenBook(chainId), [chainId]);
  const state = useSignal<{ read?: boolean; error?: unknown; attempt: number }>({ attempt: 0 });
  const { attempt } = state.value;
  useEffect(() => {
    const request = new AbortController();
    const { signal } = request;
    const end = (now: { read?: boolean; error?: unknown }): void => {
      if (!signal.aborted) state.value = { ...now, attempt };
    };
    book.load(signal).then(
      () => end({ read: true }),
      (error: unknown) => end({ error }),
    );
    return () => request.abort();
  }, [book, attempt]);
  return {
    book: state.value.read ? book : undefined,
    error: state.value.error,
    again: () => (state.value = { attempt: attempt + 1 }),
  };
}

/** Learns of tokens while they are shown; false until that is done. */
export function useLearnt(book: TokenBook, tokens: string[]): boolean {
  const done = useSignal("");
  const wanted = tokens.join();
  useEffect(() => {
    const request = new AbortController();
    void book.learn(tokens, request.signal).then(() => {
      if (!request.signal.aborted) done.value = wanted;
    });
    return () => request.abort();
  }, [book, wanted]);
  return done.value === wanted;
}
