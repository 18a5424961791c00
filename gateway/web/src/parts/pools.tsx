// The liquidity pools of a chain; nothing where there are none.
import { pools } from "../api/indexer_clients";
import { shorten } from "../format/text";
import type { Pool } from "../gen/capstan/indexer/v1/pools_pb";
import { useList } from "../live/list";
import { More } from "./more";
import { Failure } from "./notice";
import { Table } from "./table";
import { Amount, AsOfBlock, BlockTime } from "./values";

const EVERY_MS = 10_000;
const PAGE = 25;

export function Pools({ chainId }: { chainId: bigint }) {
  const list = useList<Pool>(
    async (page, signal) => {
      const answer = await pools.listPools({ ...page, chainId }, { signal });
      return { items: answer.pools, nextPageToken: answer.nextPageToken, asOf: answer.asOf };
    },
    PAGE,
    EVERY_MS,
  );
  const answer = list.data.value;
  if (!answer?.items.length && !list.error.value) return null;
  return (
    <section class="panel" aria-labelledby="pools">
      <div class="section-head">
        <h2 id="pools">Pools</h2>
        {answer?.asOf && <AsOfBlock asOf={answer.asOf} />}
      </div>
      <Failure error={list.error.value} subject="list of pools" />
      {answer && answer.items.length > 0 && (
        <>
          <p class="muted small">Amounts are in the smallest unit of each token.</p>
          <Table
            name="pools"
            label="Pools"
            columns={["Pool", "Tokens", "#Fee", "#To trade with", "#In, last 24 h", "Last trade"]}
            rows={answer.items.map((pool) => ({ key: pool.address, cells: cellsOf(pool) }))}
          />
          <More token={answer.nextPageToken} label="Load more pools" load={() => list.more()} />
        </>
      )}
    </section>
  );
}

function cellsOf(pool: Pool) {
  return [
    <>
      <Short address={pool.address} /> <span class="muted small">{pool.protocol}</span>
    </>,
    <>
      <Short address={pool.token0} />
      <br />
      <Short address={pool.token1} />
    </>,
    <span class="number">{(pool.fee / 10_000).toString()} %</span>,
    <Depth pool={pool} />,
    <>
      <Raw value={pool.volume0} />
      <br />
      <Raw value={pool.volume1} />
    </>,
    pool.lastTrade ? <BlockTime block={pool.lastTrade} /> : <span class="muted">none yet</span>,
  ];
}

function Depth({ pool: { depth } }: { pool: Pool }) {
  if (depth.case === "reserves") {
    return (
      <>
        <Raw value={depth.value.reserve0} />
        <br />
        <Raw value={depth.value.reserve1} />
      </>
    );
  }
  if (depth.case === undefined) return <span class="muted">unknown</span>;
  return (
    <>
      liquidity <Raw value={depth.value.liquidity} />
      <br />
      <span class="muted small">at tick {depth.value.tick}</span>
    </>
  );
}

function Raw({ value }: { value: string }) {
  return <Amount raw={value || "0"} unit={{ decimals: 0 }} />;
}

function Short({ address }: { address: string }) {
  return (
    <span class="mono" title={address}>
      {shorten(address)}
    </span>
  );
}
