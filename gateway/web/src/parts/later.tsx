// A page that is loaded when it is first wanted.
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Loading, Notice } from "./notice";

/** Shows what `load` brings; `load` must be the same function every time. */
export function Later({ title, load }: { title: string; load: () => Promise<ComponentType> }) {
  const loaded = useSignal<{ Page?: ComponentType; failed?: boolean }>({});
  useEffect(() => {
    load().then(
      (Page) => (loaded.value = { Page }),
      () => (loaded.value = { failed: true }),
    );
  }, [load]);
  const { Page, failed } = loaded.value;
  if (Page) return <Page />;
  return (
    <>
      <h1>{title}</h1>
      {failed ? (
        // A browser may keep the failure of a part for as long as the page lives.
        <Notice
          title="This page could not be loaded"
          advice="The platform is away or has a new version."
          onRetry={() => location.reload()}
        />
      ) : (
        <Loading what="page" />
      )}
    </>
  );
}
