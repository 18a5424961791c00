// Asking again and again: when, and which answer counts.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { poll } from "./poll";

const EVERY_MS = 2_000;
interface Answer {
  resolve(text: string): void;
  reject(error: Error): void;
}

let answers: Answer[];
let page: EventTarget & { hidden: boolean };
const ask = vi.fn(
  (_signal: AbortSignal) =>
    new Promise<string>((resolve, reject) => answers.push({ resolve, reject })),
);
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  answers = [];
  ask.mockClear();
  page = Object.assign(new EventTarget(), { hidden: false });
  vi.stubGlobal("document", page);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("an answer says when it came, and the next question waits for its time", async () => {
  const { data, phase, answeredAt, stop } = poll(ask, EVERY_MS);
  expect([data.value, phase.value, answeredAt.value]).toEqual([undefined, "connecting", 0]);
  await vi.advanceTimersByTimeAsync(300);
  answers[0]?.resolve("first");
  await settle();
  expect([data.value, phase.value, answeredAt.value]).toEqual(["first", "live", 1_000_300]);
  await vi.advanceTimersByTimeAsync(EVERY_MS - 1);
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(ask).toHaveBeenCalledTimes(2);
  stop();
});

test("a failure keeps the last answer and its time", async () => {
  const { data, error, phase, answeredAt, stop } = poll(ask, EVERY_MS);
  answers[0]?.resolve("first");
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  answers[1]?.reject(new Error("away"));
  await settle();
  expect([data.value, phase.value, answeredAt.value]).toEqual(["first", "reconnecting", 1_000_000]);
  expect(error.value).toEqual(new Error("away"));
  stop();
});

test("asking at once drops the question that is under way, and its answer", async () => {
  const { data, again, stop } = poll(ask, EVERY_MS);
  const second = again();
  expect(ask.mock.calls[0]?.[0].aborted).toBe(true);
  answers[1]?.resolve("second");
  await second;
  answers[0]?.resolve("first");
  await settle();
  expect(data.value).toBe("second");
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect(ask).toHaveBeenCalledTimes(3);
  stop();
});

test("a hidden page asks nothing until it is shown", async () => {
  const { stop } = poll(ask, EVERY_MS);
  answers[0]?.resolve("first");
  await settle();
  page.hidden = true;
  page.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(ask).toHaveBeenCalledTimes(1);
  page.hidden = false;
  page.dispatchEvent(new Event("visibilitychange"));
  expect(ask).toHaveBeenCalledTimes(2);
  stop();
});

test("after the end nothing is asked, not even at once", async () => {
  const { again, stop } = poll(ask, EVERY_MS);
  answers[0]?.resolve("first");
  await settle();
  stop();
  await again();
  await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(ask).toHaveBeenCalledTimes(1);
});
