// The life of one stream as a pure state machine: what happens leads to a new state and effects.

export type Phase = "connecting" | "live" | "reconnecting" | "paused";

export interface Connection {
  readonly phase: Phase;
  /** Cursor of the last message; empty: the next stream starts now, with a gap before it. */
  readonly cursor: string;
  /** Attempts since the last message. */
  readonly attempt: number;
}

export type Input =
  | { kind: "message"; cursor: string; resync: boolean }
  | { kind: "lost"; cursorRefused: boolean }
  | { kind: "retry" }
  | { kind: "hide" }
  | { kind: "show"; awayMs: number };

/** `begun`: the stream did not resume, so what is shown may miss something. */
export type Effect = "open" | "close" | "retry_later" | "begun" | "reload";

export const INITIAL: Connection = { phase: "connecting", cursor: "", attempt: 0 };

// After a longer absence a fresh snapshot is cheaper than the replay of all that was missed.
export const REPLAY_LIMIT_MS = 60_000;

/** One step: the state after `input`, and what to do, in order. */
export function step(connection: Connection, input: Input): [Connection, Effect[]] {
  switch (input.kind) {
    case "message":
      return onMessage(connection, input.cursor, input.resync);
    case "lost":
      if (connection.phase === "paused") return [connection, []];
      return [
        {
          phase: "reconnecting",
          cursor: input.cursorRefused ? "" : connection.cursor,
          attempt: connection.attempt + 1,
        },
        ["close", "retry_later"],
      ];
    case "retry":
      return connection.phase === "reconnecting" ? [connection, ["open"]] : [connection, []];
    case "hide":
      return connection.phase === "paused"
        ? [connection, []]
        : [{ ...connection, phase: "paused" }, ["close"]];
    case "show": {
      if (connection.phase !== "paused") return [connection, []];
      const cursor = input.awayMs > REPLAY_LIMIT_MS ? "" : connection.cursor;
      return [{ phase: "reconnecting", cursor, attempt: 0 }, ["open"]];
    }
  }
}

function onMessage(
  connection: Connection,
  cursor: string,
  resync: boolean,
): [Connection, Effect[]] {
  const next: Connection = { phase: "live", cursor, attempt: 0 };
  if (resync) return [next, ["reload"]];
  return [next, connection.cursor === "" ? ["begun"] : []];
}

/** The phase to show for several streams at once: the worst of them. */
export function worstPhase(phases: Phase[]): Phase {
  const order: Phase[] = ["reconnecting", "connecting", "paused"];
  return order.find((phase) => phases.includes(phase)) ?? "live";
}
