// The block that each chain's data is of.
import type { AsOf } from "../gen/capstan/primitives/v1/block_pb";

/** The list with the entry of one chain replaced or added. */
export function withAsOf(list: AsOf[], asOf: AsOf | undefined): AsOf[] {
  if (asOf === undefined) return list;
  return [...list.filter((known) => known.chainId !== asOf.chainId), asOf];
}

/** Several answers' lists as one; the older block of a chain counts. */
export function oldest(lists: AsOf[][]): AsOf[] {
  const byChain = new Map<bigint, AsOf>();
  for (const asOf of lists.flat()) {
    const known = byChain.get(asOf.chainId);
    if (!known || (asOf.block?.number ?? 0n) < (known.block?.number ?? 0n)) {
      byChain.set(asOf.chainId, asOf);
    }
  }
  return [...byChain.values()];
}
