// Single values as they appear in text and tables, each with its exact value for machines.
import { exactAmount, formatAmount, formatPercent, group, type Unit } from "../format/amount";
import { finalityName, formatTime, millis, shorten } from "../format/text";
import type { AsOf, BlockRef } from "../gen/capstan/primitives/v1/block_pb";
import { userPath } from "../router";

export function Amount({ raw, unit }: { raw: string; unit: Unit }) {
  return (
    <data class="number" value={raw} title={exactAmount(raw, unit)}>
      {formatAmount(raw, unit)}
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

/** Which block the shown values are of, and how certain it is that it stays. */
export function AsOfBlock({ asOf, label = "As of block" }: { asOf: AsOf; label?: string }) {
  return (
    <span class="as-of">
      {label} <Count value={asOf.block?.number ?? 0n} />{" "}
      <span class="finality">{finalityName(asOf.finality)}</span>
    </span>
  );
}
