// The state of the platform: services, chains, version.
import { gateway } from "../api/clients";
import { formatDuration } from "../format/text";
import type { GetStatusResponse, ServiceStatus } from "../gen/capstan/gateway/v1/gateway_pb";
import { usePoll, useTitle } from "../live/use";
import { Chains } from "../parts/chains";
import { Empty, Failure, Loading } from "../parts/notice";
import { Table } from "../parts/table";

const EVERY_MS = 2_000;

export function StatusPage() {
  useTitle("Status");
  const status = usePoll((signal) => gateway.getStatus({}, { signal }), EVERY_MS);
  const answer = status.data.value;
  return (
    <>
      <h1>Status</h1>
      <Failure error={status.error.value} subject="status" />
      {!answer && !status.error.value && <Loading what="status" />}
      {answer && <Platform status={answer} />}
    </>
  );
}

function Platform({ status }: { status: GetStatusResponse }) {
  return (
    <>
      <section class="panel" aria-labelledby="platform">
        <h2 id="platform">Platform</h2>
        <dl class="facts">
          <div>
            <dt>State</dt>
            <dd>
              <span class={`badge ${status.status === "ok" ? "good" : "bad"}`}>
                {status.status}
              </span>
            </dd>
          </div>
          <div>
            <dt>Version</dt>
            <dd>{status.version}</dd>
          </div>
          <div>
            <dt>Up for</dt>
            <dd>{formatDuration(status.uptime)}</dd>
          </div>
        </dl>
      </section>
      <section class="panel" aria-labelledby="services">
        <h2 id="services">Services</h2>
        <Services services={status.services} />
      </section>
      <section class="panel" aria-labelledby="chains">
        <div class="section-head">
          <h2 id="chains">Chains</h2>
          <a href="/indexer">Endpoints, events and more</a>
        </div>
        <Chains chains={status.chains} detailed />
      </section>
    </>
  );
}

function Services({ services }: { services: ServiceStatus[] }) {
  if (services.length === 0) return <Empty text="The gateway fronts no service." />;
  return (
    <Table
      name="services"
      label="Services"
      columns={["Service", "Health"]}
      rows={services.map(({ name, health }) => ({
        key: name,
        cells: [
          name,
          <span class={`badge ${health === "SERVING" ? "good" : "bad"}`}>
            {HEALTH_TEXT[health] ?? health}
          </span>,
        ],
      }))}
    />
  );
}

const HEALTH_TEXT: Record<string, string> = {
  SERVING: "serving",
  NOT_SERVING: "not serving",
  UNREACHABLE: "unreachable",
};
