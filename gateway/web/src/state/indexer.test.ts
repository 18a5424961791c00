// What an operator sees at a glance: the verdict, the progress, the rate of events.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ChainState, ChainStatusSchema } from "../gen/capstan/indexer/v1/indexer_pb";
import { eventsPerSecond, progress, type Sample, verdict, withSample } from "./indexer";

const chain = (status: MessageInitShape<typeof ChainStatusSchema> = {}) =>
  create(ChainStatusSchema, { chainId: 1n, name: "one", state: ChainState.LIVE, ...status });
const at = (number: number) => ({ number: BigInt(number) });

describe("the verdict", () => {
  const textOf = (...states: ChainState[]) =>
    verdict(states.map((state, index) => chain({ chainId: BigInt(index), state }))).text;

  test("is that of the chain which is worst off", () => {
    const { LIVE, SYNCING, STARTING, STALLED, HALTED, STANDBY, UNSPECIFIED } = ChainState;
    expect(textOf()).toBe("no chain");
    expect(textOf(LIVE, LIVE)).toBe("all is well");
    expect(textOf(LIVE, STANDBY)).toBe("all is well");
    expect(textOf(STANDBY, STANDBY)).toBe("ready to take over");
    expect(textOf(LIVE, SYNCING)).toBe("not at the head yet");
    expect(textOf(LIVE, STARTING)).toBe("not at the head yet");
    expect(textOf(SYNCING, STALLED)).toBe("needs attention");
    expect(textOf(LIVE, HALTED)).toBe("needs attention");
    expect(textOf(LIVE, UNSPECIFIED)).toBe("needs attention");
  });

  test("names a lie and a log that does not decode, which stop nothing", () => {
    const endpoints = [{ url: "http://honest" }, { url: "http://liar", lies: 1n }];
    const { level, text, reasons } = verdict([chain({ endpoints, decodeFailures: 1_200n })]);
    expect([level, text]).toEqual(["waiting", "worth a look"]);
    expect(reasons.map((reason) => reason.text)).toEqual([
      "http://liar gave 1 answer that cannot be true",
      "1,200 logs of one did not decode as the ABI says",
    ]);
  });

  test("puts what is worst first", () => {
    const syncing = chain({ name: "first", state: ChainState.SYNCING });
    const halted = chain({ name: "second", state: ChainState.HALTED });
    const { reasons } = verdict([syncing, halted]);
    expect(reasons.map(({ text }) => text)).toEqual([
      "second is halted",
      "first is reading history",
    ]);
  });
});

describe("the progress", () => {
  const of = (earliestBlock: number, indexed?: number, head?: number) =>
    progress(
      chain({
        earliestBlock: BigInt(earliestBlock),
        indexed: indexed === undefined ? undefined : at(indexed),
        head: head === undefined ? undefined : at(head),
      }),
    );

  test("counts from the first block that is kept", () => {
    expect(of(1_000, 1_499, 1_999)).toBe(500);
    expect(of(0, 0, 9)).toBe(100);
  });

  test("is whole only at the head, and never more", () => {
    expect(of(0, 9_999_998, 9_999_999)).toBe(999);
    expect(of(0, 9_999_999, 9_999_999)).toBe(1_000);
    // A node that fell behind.
    expect(of(0, 12, 10)).toBe(1_000);
  });

  test("begins at nothing, and is unknown without a head", () => {
    expect(of(5, undefined, 10)).toBe(0);
    expect(of(5, 4, 10)).toBe(0);
    expect(of(5, 7)).toBeUndefined();
    expect(of(50, 7, 10)).toBeUndefined();
  });
});

describe("the rate of events", () => {
  const after = (...counts: [at: number, events: bigint][]): Sample[] =>
    counts.reduce<Sample[]>(
      (samples, [at, events]) => withSample(samples, [chain({ events })], at),
      [],
    );

  test("is unknown until there are two answers", () => {
    expect(eventsPerSecond(after([0, 5n]), 1n)).toBeUndefined();
    expect(eventsPerSecond(after([0, 5n], [2_000, 5n]), 1n)).toBe(0);
    expect(eventsPerSecond(after([0, 5n], [2_000, 9n]), 1n)).toBe(2);
  });

  test("is that of the last ten seconds", () => {
    const samples = after([0, 0n], [5_000, 50_000n], [10_000, 50_010n], [15_000, 50_020n]);
    expect(eventsPerSecond(samples, 1n)).toBe(2);
    expect(samples).toHaveLength(3);
  });

  test("is unknown when events became fewer, and of another chain", () => {
    const samples = after([0, 9n], [2_000, 5n]);
    expect(eventsPerSecond(samples, 1n)).toBeUndefined();
    expect(eventsPerSecond(samples, 2n)).toBeUndefined();
  });
});
