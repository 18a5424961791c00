// The newest events of a chain between one reading and the next.
import type { Event } from "../gen/capstan/indexer/v1/indexer_pb";
import { Finality } from "../gen/capstan/primitives/v1/block_pb";

/** What makes an event the same one: a block that left the chain took its events with it. */
export function eventKey(event: Event): string {
  return `${event.block?.hash}/${event.logIndex}`;
}

/**
 * The events that were there and are no more; both lists are newest first. `complete`: nothing is
 * older than the last of `after`; otherwise what is older than that is unknown, and not counted.
 */
export function takenBack(before: Event[], after: Event[], complete: boolean): Event[] {
  const known = new Set(after.map(eventKey));
  const reach = complete ? 0n : (after.at(-1)?.position ?? 0n);
  return before.filter(
    (event) =>
      // A final one can only have become too old to be kept.
      event.finality !== Finality.FINALIZED &&
      event.position >= reach &&
      !known.has(eventKey(event)),
  );
}
