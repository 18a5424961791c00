// What an event says, as text: its arguments, and what they mean.
import { isMessage } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate, TimestampSchema, type Value } from "@bufbuild/protobuf/wkt";
import { type CanonicalEvent, CanonicalEventSchema } from "../gen/capstan/indexer/v1/canonical_pb";

/** A named value as text. */
export type Field = [name: string, text: string];

/** An argument's value; lists in brackets, strings as they are. */
export function formatValue(value: Value | undefined): string {
  const kind = value?.kind;
  if (kind === undefined) return "";
  switch (kind.case) {
    case "listValue":
      return `[${kind.value.values.map(formatValue).join(", ")}]`;
    case "structValue": {
      const fields = Object.entries(kind.value.fields);
      return `{${fields.map(([name, field]) => `${name}: ${formatValue(field)}`).join(", ")}}`;
    }
    case "nullValue":
    case undefined:
      return "";
    default:
      return String(kind.value);
  }
}

/**
 * What a canonical event says: its name and what it gives, in words of the contract. Read from the
 * contract's own description, so that a new kind of event needs no line here.
 */
export function meaningOf({ event }: CanonicalEvent): { name: string; fields: Field[] } {
  const described = CanonicalEventSchema.fields.find(({ localName }) => localName === event.case);
  if (event.case === undefined || described?.message === undefined) {
    return { name: "unknown to this page", fields: [] };
  }
  const given = event.value as unknown as Record<string, unknown>;
  const fields = described.message.fields.flatMap(({ localName, name, enum: names }): Field[] => {
    const value = given[localName];
    const text = names ? enumText(names.values, value) : plainText(value);
    return text === "" ? [] : [[words(name), text]];
  });
  return { name: words(described.name), fields };
}

function plainText(value: unknown): string {
  if (value === undefined) return "";
  if (isMessage(value, TimestampSchema)) return timeText(value);
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function timeText(time: Timestamp): string {
  return timestampDate(time).toISOString();
}

// "TRADE_SIDE_BUY" of the field "side" is "buy"; the unspecified one says nothing.
function enumText(names: { number: number; localName: string }[], value: unknown): string {
  if (value === 0) return "";
  return words(names.find(({ number }) => number === value)?.localName ?? String(value));
}

function words(name: string): string {
  return name.replaceAll("_", " ").toLowerCase();
}
