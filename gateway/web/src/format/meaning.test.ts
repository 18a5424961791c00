// What an event says, as text.
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { CanonicalEventSchema, TradeSide } from "../gen/capstan/indexer/v1/canonical_pb";
import { formatValue, meaningOf } from "./meaning";

const LARGEST = (2n ** 256n - 1n).toString();

test.each<[JsonValue, string]>([
  [LARGEST, LARGEST],
  [true, "true"],
  ["", ""],
  [["1", ["0xab", false]], "[1, [0xab, false]]"],
  [{ amount: "1" }, "{amount: 1}"],
  [null, ""],
])("the argument %j", (value, text) => {
  expect(formatValue(fromJson(ValueSchema, value))).toBe(text);
});

test("a meaning has the names of the contract, and leaves out what the log does not say", () => {
  const canonical = create(CanonicalEventSchema, {
    event: {
      case: "tradeExecuted",
      value: { venue: "gnosis.fpmm", amountIn: "10", side: TradeSide.BUY, outcomeIndex: 0 },
    },
  });
  expect(meaningOf(canonical)).toEqual({
    name: "trade executed",
    fields: [
      ["venue", "gnosis.fpmm"],
      ["amount in", "10"],
      ["side", "buy"],
      ["outcome index", "0"],
    ],
  });
});

test("lists, times and switches of a meaning are text, too", () => {
  const resolved = create(CanonicalEventSchema, {
    event: { case: "marketResolved", value: { payoutNumerators: ["1", "0"] } },
  });
  expect(meaningOf(resolved).fields).toEqual([["payout numerators", "1, 0"]]);
  const priced = create(CanonicalEventSchema, {
    event: { case: "priceUpdated", value: { answer: "-5", updatedAt: { seconds: 86_400n } } },
  });
  expect(meaningOf(priced).fields).toEqual([
    ["answer", "-5"],
    ["updated at", "1970-01-02T00:00:00.000Z"],
  ]);
  const approved = create(CanonicalEventSchema, {
    event: { case: "approvalChanged", value: { allTokens: false } },
  });
  expect(meaningOf(approved).fields).toEqual([["all tokens", "false"]]);
});

test("a meaning that is newer than this page is not guessed", () => {
  expect(meaningOf(create(CanonicalEventSchema))).toEqual({
    name: "unknown to this page",
    fields: [],
  });
});
