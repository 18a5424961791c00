// The life of a stream: what is resumed, what is read again, and when.
import { describe, expect, test } from "vitest";
import { backoffMs } from "./backoff";
import {
  type Connection,
  type Effect,
  INITIAL,
  type Input,
  REPLAY_LIMIT_MS,
  step,
  worstPhase,
} from "./machine";

function after(...inputs: Input[]): { connection: Connection; effects: Effect[] } {
  let connection = INITIAL;
  let effects: Effect[] = [];
  for (const input of inputs) [connection, effects] = step(connection, input);
  return { connection, effects };
}

const message = (cursor: string): Input => ({ kind: "message", cursor, resync: false });
const lost: Input = { kind: "lost", cursorRefused: false };

describe("a stream", () => {
  test("begins with its first message", () => {
    expect(after(message("a"))).toEqual({
      connection: { phase: "live", cursor: "a", attempt: 0 },
      effects: ["begun"],
    });
  });

  test("moves its cursor with every message and does nothing else", () => {
    const { connection, effects } = after(message("a"), message("b"));
    expect(connection.cursor).toBe("b");
    expect(effects).toEqual([]);
  });

  test("that is lost closes and tries again later with its cursor", () => {
    const { connection, effects } = after(message("a"), lost);
    expect(connection).toEqual({ phase: "reconnecting", cursor: "a", attempt: 1 });
    expect(effects).toEqual(["close", "retry_later"]);
    expect(step(connection, { kind: "retry" })).toEqual([connection, ["open"]]);
  });

  test("that resumes begins nothing, since it missed nothing", () => {
    const { connection, effects } = after(message("a"), lost, { kind: "retry" }, message("b"));
    expect(connection).toEqual({ phase: "live", cursor: "b", attempt: 0 });
    expect(effects).toEqual([]);
  });

  test("whose cursor is refused begins anew", () => {
    const refused: Input = { kind: "lost", cursorRefused: true };
    const { connection, effects } = after(message("a"), refused, { kind: "retry" }, message("z"));
    expect(connection.cursor).toBe("z");
    expect(effects).toEqual(["begun"]);
  });

  test("that announces a reorg has everything read again", () => {
    const resync: Input = { kind: "message", cursor: "b", resync: true };
    expect(after(message("a"), resync).effects).toEqual(["reload"]);
  });

  test("waits longer with every failure, until a message comes", () => {
    expect(after(lost, lost, lost).connection.attempt).toBe(3);
    expect(after(lost, lost, message("a")).connection.attempt).toBe(0);
  });

  test("of a hidden tab is closed and stays so", () => {
    const hidden = after(message("a"), { kind: "hide" });
    expect(hidden.connection.phase).toBe("paused");
    expect(hidden.effects).toEqual(["close"]);
    for (const input of [lost, { kind: "retry" }, { kind: "hide" }] satisfies Input[]) {
      expect(step(hidden.connection, input)).toEqual([hidden.connection, []]);
    }
  });

  test("resumes when the tab is soon shown again, and begins anew when it is late", () => {
    const show = (awayMs: number): Input => ({ kind: "show", awayMs });
    const soon = after(message("a"), { kind: "hide" }, show(REPLAY_LIMIT_MS));
    expect(soon.connection.cursor).toBe("a");
    expect(soon.effects).toEqual(["open"]);
    const late = after(message("a"), { kind: "hide" }, show(REPLAY_LIMIT_MS + 1));
    expect(late.connection.cursor).toBe("");
  });

  test("that was never hidden ignores being shown", () => {
    const { connection } = after(message("a"));
    expect(step(connection, { kind: "show", awayMs: 5 })).toEqual([connection, []]);
  });
});

describe("the pause before an attempt", () => {
  test("doubles up to a limit", () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => backoffMs(attempt, 1));
    expect(longest).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  });

  test("is never less than half of that", () => {
    expect(backoffMs(1, 0)).toBe(250);
    expect(backoffMs(50, 0)).toBe(7_500);
  });
});

test("several streams are as good as the worst of them", () => {
  expect(worstPhase([])).toBe("live");
  expect(worstPhase(["live", "live"])).toBe("live");
  expect(worstPhase(["live", "connecting"])).toBe("connecting");
  expect(worstPhase(["connecting", "reconnecting", "live"])).toBe("reconnecting");
});
