// Every failure that a visitor can meet, and what the page says about it.
import { Code, ConnectError } from "@connectrpc/connect";

export interface Problem {
  title: string;
  advice: string;
  /** Whether asking again can help without the visitor changing anything. */
  passing: boolean;
}

/** Says in words what went wrong and what to do; `subject` is what was asked for. */
export function describe(error: unknown, subject: string): Problem {
  const failure = ConnectError.from(error);
  switch (failure.code) {
    case Code.NotFound:
      return {
        title: `There is no such ${subject}`,
        advice: "Check the link, or choose one from the list.",
        passing: false,
      };
    case Code.InvalidArgument:
      return {
        title: `This link to a ${subject} is not valid`,
        advice: `Check the link. The platform says: ${failure.rawMessage}`,
        passing: false,
      };
    case Code.ResourceExhausted:
      return {
        title: "Too many requests",
        advice: "The platform asked for a pause; this page tries again by itself.",
        passing: true,
      };
    case Code.Unavailable:
    case Code.DeadlineExceeded:
    case Code.Unknown:
      return {
        title: "The platform does not answer",
        advice: "Check that it is running; this page tries again by itself.",
        passing: true,
      };
    default:
      return {
        title: `The ${subject} could not be read`,
        advice: `The platform says: ${failure.rawMessage}. This page tries again by itself.`,
        passing: true,
      };
  }
}

/** Whether a stream refused the cursor that it was given, so that only a new start helps. */
export function refusesCursor(error: unknown): boolean {
  // The cursor is the only part of the request that can become invalid after it worked once.
  const { code } = ConnectError.from(error);
  return (
    code === Code.InvalidArgument || code === Code.FailedPrecondition || code === Code.OutOfRange
  );
}
