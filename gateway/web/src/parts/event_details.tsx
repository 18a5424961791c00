// All that an event says, under its row.
import { type Field, formatValue, meaningOf } from "../format/meaning";
import type { Event } from "../gen/capstan/indexer/v1/indexer_pb";
import { Id } from "./values";

export function EventDetails({ event }: { event: Event }) {
  const place: Field[] = [
    ["contract", event.address],
    ["protocol", event.protocol],
    ["event", event.name],
    ["transaction", event.transactionHash],
    ["log", `${event.logIndex} of block ${event.block?.number ?? "?"}`],
    ["block hash", event.block?.hash ?? "?"],
  ];
  const given = event.arguments.map(({ name, type, value }): Field => [
    `${name} ${type}`,
    formatValue(value),
  ]);
  return (
    <div class="event-details">
      <Fields title="Arguments" fields={given} without="The event has no arguments." />
      {event.canonical.length === 0 && (
        <Fields title="Meaning" fields={[]} without="No known protocol says what it means." />
      )}
      {event.canonical.map((canonical, index) => {
        const { name, fields } = meaningOf(canonical);
        return <Fields key={index} title={`Meaning: ${name}`} fields={fields} without="" />;
      })}
      <Fields title="Place" fields={place} without="" />
    </div>
  );
}

function Fields({ title, fields, without }: { title: string; fields: Field[]; without: string }) {
  return (
    <div>
      <h3>{title}</h3>
      {fields.length === 0 && <p class="muted small">{without}</p>}
      <dl class="fields">
        {fields.map(([name, text], index) => (
          <div key={index}>
            <dt>{name}</dt>
            <dd>
              <Id value={text} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
