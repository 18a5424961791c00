// Which of the shown events a reorg took back.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { EventSchema } from "../gen/capstan/indexer/v1/indexer_pb";
import { Finality } from "../gen/capstan/primitives/v1/block_pb";
import { takenBack } from "./events";

const event = (number: number, hash = `a${number}`, finality = Finality.LATEST) =>
  create(EventSchema, {
    block: { number: BigInt(number), hash },
    position: BigInt(number) << 24n,
    finality,
  });

const hashes = (...lists: Parameters<typeof takenBack>) =>
  takenBack(...lists).map(({ block }) => block?.hash);

test("an event whose block was replaced was taken back", () => {
  const before = [event(3), event(2), event(1)];
  const after = [event(3, "b3"), event(2, "b2"), event(1)];
  expect(hashes(before, after, false)).toEqual(["a3", "a2"]);
  expect(hashes(before, [event(1)], true)).toEqual(["a3", "a2"]);
});

test("an event that newer ones pushed out of the list was not", () => {
  const before = [event(3), event(2), event(1)];
  expect(hashes(before, [event(5), event(4), event(3)], false)).toEqual([]);
});

test("a final event that is no longer kept was not", () => {
  const before = [event(3), event(2), event(1, "a1", Finality.FINALIZED)];
  expect(hashes(before, [event(3), event(2)], true)).toEqual([]);
});

test("a log that lost everything took back everything", () => {
  expect(hashes([event(2), event(1)], [], true)).toEqual(["a2", "a1"]);
});
