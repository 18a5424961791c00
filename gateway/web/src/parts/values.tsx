// Single values as they appear in text and tables, each with its exact value for machines.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  exactAmount,
  formatAmount,
  formatPercent,
  group,
  type Unit,
  withSign,
} from "../format/amount";
import { finalityName, formatAgo, formatTime, millis, shorten } from "../format/text";
import type { AsOf, BlockRef, Finality } from "../gen/capstan/primitives/v1/block_pb";
import { useNow } from "../live/clock";
import { userPath } from "../router";

export function Amount({ raw, unit }: { raw: string; unit: Unit }) {
  return (
    <data class="number" value={raw} title={exactAmount(raw, unit)}>
      {formatAmount(raw, unit)}
    </data>
  );
}

/** What was won, or lost below zero. */
export function Profit({ raw, unit }: { raw: string | undefined; unit: Unit }) {
  if (raw === undefined) return <span class="muted">no price</span>;
  return (
    <data class="number" value={raw} title={withSign(raw, (size) => exactAmount(size, unit))}>
      {withSign(raw, (size) => formatAmount(size, unit))}
    </data>
  );
}

export function Price({ price }: { price: string | undefined }) {
  if (price === undefined) return <span class="muted">no price</span>;
  return (
    <data class="number" value={price} title={price}>
      {formatPercent(price)}
    </data>
  );
}

export function Count({ value }: { value: bigint | number }) {
  return (
    <data class="number" value={value.toString()}>
      {group(value.toString())}
    </data>
  );
}

/** A count that should be zero. */
export function Alarming({ count }: { count: bigint }) {
  if (count === 0n) return <Count value={count} />;
  return (
    <span class="badge bad">
      <span aria-hidden="true">⚠ </span>
      <Count value={count} />
    </span>
  );
}

/** An account: a short form that leads to its page. */
export function User({ address }: { address: string }) {
  return (
    <a class="mono" href={userPath(address)} title={address}>
      {shorten(address)}
    </a>
  );
}

/** An id or address in full; it may break anywhere so that it fits a phone. */
export function Id({ value }: { value: string }) {
  return <code class="id">{value}</code>;
}

export function BlockTime({ block }: { block: BlockRef | undefined }) {
  if (!block?.time) return <span class="muted">unknown</span>;
  const time = new Date(millis(block.time));
  return (
    <time dateTime={time.toISOString()} title={`block ${group(block.number)}`}>
      {formatTime(time, new Date())}
    </time>
  );
}

/** A moment, or that nothing says when. */
export function Moment({ time }: { time: Timestamp | undefined }) {
  if (time === undefined) return <span class="muted">unknown</span>;
  const date = new Date(millis(time));
  return <time dateTime={date.toISOString()}>{formatTime(date, new Date())}</time>;
}

/** How long ago a block was made, by the clock of the browser. */
export function BlockAge({ block }: { block: BlockRef }) {
  const now = useNow();
  if (!block.time) return <>time unknown</>;
  const time = new Date(millis(block.time));
  return (
    <time dateTime={time.toISOString()} title={formatTime(time, new Date(now))}>
      {formatAgo(time.getTime(), now)}
    </time>
  );
}

/** When what is shown was answered; its age goes on while nothing answers. */
export function LastAnswered({ at }: { at: number }) {
  const now = useNow();
  return (
    <span class="as-of">
      Last answered {formatTime(new Date(at), new Date(now))}, {formatAgo(at, Math.max(at, now))}
    </span>
  );
}

/** Which block the shown values are of, and how certain it is that it stays. */
export function AsOfBlock({ asOf, label = "As of block" }: { asOf: AsOf; label?: string }) {
  return (
    <span class="as-of">
      {label} <Count value={asOf.block?.number ?? 0n} /> <FinalityBadge finality={asOf.finality} />
    </span>
  );
}

export function FinalityBadge({ finality }: { finality: Finality }) {
  return <span class={`finality ${finalityName(finality)}`}>{finalityName(finality)}</span>;
}
