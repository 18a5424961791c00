// The endpoints that serve a chain, and how each of them fares.
import {
  type ChainStatus,
  type Endpoint,
  EndpointRole,
  EndpointState,
} from "../gen/capstan/indexer/v1/indexer_pb";
import { Empty } from "./notice";
import { Table } from "./table";
import { Alarming, Count } from "./values";

export function Endpoints({ chain }: { chain: ChainStatus }) {
  if (chain.endpoints.length === 0) return <Empty text="This process asks no endpoint." />;
  return (
    <Table
      name="endpoints"
      label={`Endpoints of ${chain.name}`}
      columns={[
        "Endpoint",
        "Role",
        "State",
        "#Latency",
        "#In flight",
        "#Errors",
        "#Lies",
        "#Rate limited",
      ]}
      rows={chain.endpoints.map((endpoint, index) => ({
        // The same server can be named twice, with different paths.
        key: `${index}/${endpoint.url}`,
        cells: cellsOf(endpoint),
      }))}
    />
  );
}

function cellsOf(endpoint: Endpoint) {
  const [state, level] = STATE[endpoint.state];
  return [
    <span class="mono">{endpoint.url}</span>,
    ROLE_TEXT[endpoint.role],
    <span class={`badge ${level}`}>{state}</span>,
    <Latency ms={endpoint.latencyMs} />,
    <span class="number">
      <Count value={endpoint.inFlight} /> of <Count value={endpoint.limit} />
    </span>,
    <Count value={endpoint.errors} />,
    <Alarming count={endpoint.lies} />,
    <Count value={endpoint.rateLimited} />,
  ];
}

function Latency({ ms }: { ms: number }) {
  if (ms === 0) return <span class="muted">none yet</span>;
  return <span class="number">{ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms</span>;
}

const ROLE_TEXT: Record<EndpointRole, string> = {
  [EndpointRole.UNSPECIFIED]: "unknown",
  [EndpointRole.PRIMARY]: "primary",
  [EndpointRole.FALLBACK]: "fallback",
};

const STATE: Record<EndpointState, [string, string]> = {
  [EndpointState.UNSPECIFIED]: ["unknown", ""],
  [EndpointState.READY]: ["ready", "good"],
  [EndpointState.LAGGING]: ["lagging", "waiting"],
  [EndpointState.LIMITED]: ["limited", "waiting"],
  [EndpointState.EJECTED]: ["ejected", "bad"],
};
