// Ties what a page follows to the life of its component.
import { useEffect, useMemo } from "preact/hooks";
import { showPhase } from "./connection";
import { type Poll, poll } from "./poll";
import type { LiveView } from "./view";

/** What a page needs of a view, whatever its state is. */
type Followed = Pick<LiveView<unknown>, "start" | "stop" | "phase">;

/** Makes a view, follows it while the component is shown, and shows its connection state. */
export function useView<View extends Followed>(make: () => View): View {
  const view = useMemo(make, []);
  useEffect(() => {
    view.start();
    const hide = showPhase(view.phase);
    return () => {
      hide();
      view.stop();
    };
  }, [view]);
  return view;
}

/** Polls while the component is shown. */
export function usePoll<Answer>(
  ask: (signal: AbortSignal) => Promise<Answer>,
  everyMs: number,
): Poll<Answer> {
  const answers = useMemo(() => poll(ask, everyMs), []);
  useEffect(() => {
    const hide = showPhase(answers.phase);
    return () => {
      hide();
      answers.stop();
    };
  }, [answers]);
  return answers;
}

/** Names the page in the tab. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Capstan`;
  }, [title]);
}
