// Ids, names and times in words.
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { Finality } from "../gen/capstan/primitives/v1/block_pb";
import { group } from "./amount";

/** The ends of a long id: enough to recognise, short enough for a table. */
export function shorten(id: string): string {
  return id.length <= 13 ? id : `${id.slice(0, 6)}…${id.slice(-4)}`;
}

/** The question, or that the chain does not give one; a name is never made up. */
export function marketTitle(market: { question?: string | undefined; marketId: string }): string {
  return market.question || `Unnamed market ${shorten(market.marketId)}`;
}

/** What tells the lines of a history apart: of a transfer of several tokens each has one. */
export function activityKey(activity: {
  block?: { hash: string } | undefined;
  logIndex: number;
  positionId?: string | undefined;
}): string {
  const { block, logIndex, positionId } = activity;
  const place = `${block?.hash}/${logIndex}`;
  return positionId === undefined ? place : `${place}/${positionId}`;
}

/** The outcome's name, or its index when the chain does not name it. */
export function outcomeName(outcomes: string[], index: number): string {
  return outcomes[index] || `Outcome ${index}`;
}

/** Local date and time, to the second; without the date when it is today's. */
export function formatTime(time: Date, now: Date): string {
  const clock = time.toLocaleTimeString("en-GB");
  if (time.toDateString() === now.toDateString()) return clock;
  const year = time.getFullYear() === now.getFullYear() ? undefined : "numeric";
  const day = time.toLocaleDateString("en-GB", { day: "numeric", month: "short", year });
  return `${day}, ${clock}`;
}

/** Milliseconds since 1970 of a block or message time; 0 when it is absent. */
export function millis(time: Timestamp | undefined): number {
  return time ? timestampDate(time).getTime() : 0;
}

/** How certain it is that a block stays. */
export function finalityName(finality: Finality): string {
  switch (finality) {
    case Finality.FINALIZED:
      return "finalized";
    case Finality.SAFE:
      return "safe";
    case Finality.LATEST:
      return "latest";
    default:
      return "finality unknown";
  }
}

/** A span of seconds in its two largest units. */
export function formatDuration(seconds: bigint): string {
  const units: [string, bigint][] = [
    ["d", 86_400n],
    ["h", 3_600n],
    ["min", 60n],
    ["s", 1n],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  let rest = seconds;
  const parts: string[] = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    if (rest >= size) parts.push(`${rest / size} ${name}`);
    rest %= size;
  }
  return parts.join(" ");
}

/** How long ago something was, in whole seconds; "now" below one, "in …" for what is to come. */
export function formatAgo(time: number, now: number): string {
  const seconds = Math.trunc((now - time) / 1_000);
  if (seconds === 0) return "now";
  const span = formatDuration(BigInt(Math.abs(seconds)));
  return seconds > 0 ? `${span} ago` : `in ${span}`;
}

/** How many a second, to about three digits. */
export function formatRate(perSecond: number): string {
  if (perSecond >= 100) return group(BigInt(Math.round(perSecond)));
  if (perSecond >= 10) return perSecond.toFixed(1);
  return perSecond > 0 && perSecond < 0.01 ? "<0.01" : perSecond.toFixed(2).replace(/\.?0+$/, "");
}
