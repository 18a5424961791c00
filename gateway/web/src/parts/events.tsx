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
  // Its height is kept while another filter is asked, so that the page does not jump.
  const place = useRef<HTMLDivElement>(null);
  const kept = useSignal(0);
  const onApply = (wanted: Filter): void => {
    kept.value = place.current?.offsetHeight ?? 0;
    filter.value = wanted;
  };
  const onSeen = (events: Event[]): void => {
    kept.value = 0;
    const unknown = events.filter((event) => !kinds.peek().has(event.kind));
    if (unknown.length === 0) return;
    kinds.value = new Set([...kinds.peek(), ...unknown.map((event) => event.kind)]);
  };
  return (
    <section class="panel" aria-labelledby="events">
      <h2 id="events">Latest events</h2>
      <EventFilter kinds={kinds.value} onApply={onApply} />
      <div ref={place} style={{ minHeight: `${kept.value}px` }}>
        <EventList
          key={`${kind}/${address}`}
          chainId={chainId}
          filter={filter.value}
          onSeen={onSeen}
        />
      </div>
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
  const { list, open, upTo, unfold } = useEvents(chainId, filter);
  const answer = list.data.value;
  useEffect(() => {
    if (answer) onSeen(answer.items);
  }, [answer]);
  return (
    <>
      <p class="list-state">
        {answer?.asOf && <AsOfBlock asOf={answer.asOf} />}
        {upTo !== undefined && (
          <span class="as-of">
            Held at block <Count value={upTo} />.{" "}
            <button type="button" class="link" onClick={() => unfold(new Set())}>
              Follow again
            </button>
          </span>
        )}
        <Reorged answer={answer} />
      </p>
      <Failure error={list.error.value} subject="list of events" />
      {!answer && !list.error.value && <Loading what="events" />}
      {answer && answer.items.length === 0 && <NoEvents filtered={filter !== NO_FILTER} />}
      {answer && answer.items.length > 0 && (
        <EventTable events={answer.items} open={open} onUnfold={unfold} />
      )}
      {answer && (
        <More token={answer.nextPageToken} label="Load older events" load={() => list.more()} />
      )}
    </>
  );
}

type Keys = ReadonlySet<string>;

/** Follows the events; while some are unfolded, only those that were there then. */
function useEvents(chainId: bigint, filter: Filter) {
  const open = useSignal<Keys>(new Set());
  // New events would push away what is being read.
  const upTo = useSignal<bigint | undefined>(undefined);
  const list = useList<Event>(
    async (page, signal) => {
      const which = { ...filter, chainId, toBlock: upTo.peek(), newestFirst: true };
      const request = { ...which, ...page, payloads: [Payload.ARGUMENTS, Payload.CANONICAL] };
      const { events, nextPageToken, asOf } = await indexer.listEvents(request, { signal });
      return { items: events, nextPageToken, asOf };
    },
    PAGE,
    EVERY_MS,
  );
  const answer = list.data.value;
  const unfold = (keys: Keys): void => {
    open.value = keys;
    const wasHeld = upTo.peek() !== undefined;
    if (keys.size > 0 === wasHeld) return;
    upTo.value = wasHeld ? undefined : answer?.asOf?.block?.number;
    void list.again();
  };
  useEffect(() => {
    // A reorg can take back what is being read.
    const known = new Set(answer?.items.map(eventKey));
    const left = [...open.peek()].filter((key) => known.has(key));
    if (left.length < open.peek().size) unfold(new Set(left));
  }, [answer]);
  return { list, open: open.value, upTo: upTo.value, unfold };
}

function NoEvents({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty text="No event matches. Change the kind or the contract." />;
  return (
    <Empty text="No event yet. Events appear here as soon as a followed contract emits one." />
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
  return (
    <span class="undone" role="status">
      {last.value &&
        `A reorg took back ${last.value.count} of the shown events at ${formatTime(last.value.at, new Date())}.`}
    </span>
  );
}

function EventTable({
  events,
  open,
  onUnfold,
}: {
  events: Event[];
  open: Keys;
  onUnfold: (keys: Keys) => void;
}) {
  const toggle = (key: string): void => {
    const keys = new Set(open);
    if (!keys.delete(key)) keys.add(key);
    onUnfold(keys);
  };
  return (
    <Table
      name="events"
      label="Latest events"
      columns={["Block", "Kind", "Time", "Contract", "Finality"]}
      rows={events.map((event) => {
        const key = eventKey(event);
        const isOpen = open.has(key);
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
