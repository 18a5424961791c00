// What went wrong and what to do, in one clear line each.
import { describe } from "../api/errors";

export function Notice({
  title,
  advice,
  onRetry,
}: {
  title: string;
  advice: string;
  onRetry?: (() => void) | undefined;
}) {
  return (
    <div class="notice" role="alert">
      <p>
        <strong>{title}.</strong> {advice}
      </p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}

/** A failure of a call, in words; nothing when there is none. */
export function Failure({
  error,
  subject,
  onRetry,
}: {
  error: unknown;
  subject: string;
  onRetry?: () => void;
}) {
  if (error === undefined) return null;
  const problem = describe(error, subject);
  return (
    <Notice
      title={problem.title}
      advice={problem.advice}
      onRetry={problem.passing ? onRetry : undefined}
    />
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p class="loading" role="status">
      Loading {what}…
    </p>
  );
}

export function Empty({ text }: { text: string }) {
  return <p class="empty">{text}</p>;
}
