// The latest events of a chain, followed: what a reorg takes back is gone with the next reading.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { indexer } from "../api/clients";
import { formatTime, shorten } from "../format/text";
import { type Event, Payload } from "../gen/capstan/indexer/v1/indexer_pb";
import { type Page, useList } from "../live/list";
import { eventKey, takenBack } from "../state/events";
import { EventDetails } from "./event_details";
import { EventFilter, type Filter, NO_FILTER } from "./event_filter";
import { More } from "./more";
import { Empty, Failure, Loading } from "./notice";
import { Table } from "./table";
import { AsOfBlock, BlockTime, Count, FinalityBadge } from "./values";

const EVERY_MS = 2_000;
const PAGE = 25;

export function Events({ chainId }: { chainId: bigint }) {
  const filter = useSignal<Filter>(NO_FILTER);
  const kinds = useSignal<ReadonlySet<string>>(new Set());
  const { kind, address } = filter.value;
  const onSeen = (events: Event[]): void => {
    const unknown = events.filter((event) => !kinds.peek().has(event.kind));
    if (unknown.length === 0) return;
    kinds.value = new Set([...kinds.peek(), ...unknown.map((event) => event.kind)]);
  };
  return (
    <section class="panel" aria-labelledby="events">
      <h2 id="events">Latest events</h2>
      <EventFilter kinds={kinds.value} onApply={(wanted) => (filter.value = wanted)} />
      <EventList
        key={`${kind}/${address}`}
        chainId={chainId}
        filter={filter.value}
        onSeen={onSeen}
      />
    </section>
  );
}

function EventList({
  chainId,
  filter,
  onSeen,
}: {
  chainId: bigint;
  filter: Filter;
  onSeen: (events: Event[]) => void;
}) {
  const list = useList<Event>(
    async (page, signal) => {
      const payloads = [Payload.ARGUMENTS, Payload.CANONICAL];
      const request = { ...page, ...filter, chainId, newestFirst: true, payloads };
      const { events, nextPageToken, asOf } = await indexer.listEvents(request, { signal });
      return { items: events, nextPageToken, asOf };
    },
    PAGE,
    EVERY_MS,
  );
  const answer = list.data.value;
  useEffect(() => {
    if (answer) onSeen(answer.items);
  }, [answer]);
  return (
    <>
      <p class="list-state" role="status">
        {answer?.asOf && <AsOfBlock asOf={answer.asOf} />}
        <Reorged answer={answer} />
      </p>
      <Failure error={list.error.value} subject="list of events" />
      {!answer && !list.error.value && <Loading what="events" />}
      {answer && <EventTable events={answer.items} filtered={filter !== NO_FILTER} />}
      {answer && (
        <More token={answer.nextPageToken} label="Load older events" load={() => list.more()} />
      )}
    </>
  );
}

/** Says that events were taken back, since when the list is followed. */
function Reorged({ answer }: { answer: Page<Event> | undefined }) {
  const before = useRef<Event[]>([]);
  const last = useSignal<{ count: number; at: Date } | undefined>(undefined);
  useEffect(() => {
    if (!answer) return;
    const gone = takenBack(before.current, answer.items, answer.nextPageToken === "");
    before.current = answer.items;
    if (gone.length > 0) last.value = { count: gone.length, at: new Date() };
  }, [answer]);
  if (!last.value) return null;
  const { count, at } = last.value;
  return (
    <span class="undone">
      A reorg took back {count} of the shown events at {formatTime(at, new Date())}.
    </span>
  );
}

function EventTable({ events, filtered }: { events: Event[]; filtered: boolean }) {
  const open = useSignal<ReadonlySet<string>>(new Set());
  const toggle = (key: string): void => {
    const keys = new Set(open.peek());
    if (!keys.delete(key)) keys.add(key);
    open.value = keys;
  };
  if (events.length === 0) {
    return (
      <Empty
        text={
          filtered
            ? "No event matches. Change the kind or the contract."
            : "No event yet. Events appear here as soon as a followed contract emits one."
        }
      />
    );
  }
  return (
    <Table
      name="events"
      label="Latest events"
      columns={["Block", "Kind", "Time", "Contract", "Finality"]}
      rows={events.map((event) => {
        const key = eventKey(event);
        const isOpen = open.value.has(key);
        return {
          key,
          cells: [
            <Count value={event.block?.number ?? 0n} />,
            <button type="button" class="unfold" aria-expanded={isOpen} onClick={() => toggle(key)}>
              {event.kind}
            </button>,
            <BlockTime block={event.block} />,
            <span class="mono" title={event.address}>
              {shorten(event.address)}
            </span>,
            <FinalityBadge finality={event.finality} />,
          ],
          details: isOpen && <EventDetails event={event} />,
        };
      })}
    />
  );
}
