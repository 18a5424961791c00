// The pools that quotes are made of, and those that cannot be used, with the reason.
import { useSignal } from "@preact/signals";
import { quoter } from "../api/quoter_clients";
import { formatPpm } from "../format/decimal";
import { shorten } from "../format/text";
import type { Pool } from "../gen/capstan/quoter/v1/pools_pb";
import { useList } from "../live/list";
import { useLearnt } from "../live/tokens";
import { useTitle } from "../live/use";
import { More } from "../parts/more";
import { Empty, Failure, Loading } from "../parts/notice";
import { PoolState, PoolTokens, PoolUse } from "../parts/pool_state";
import { Table } from "../parts/table";
import { TokenField } from "../parts/token";
import { AsOfBlock } from "../parts/values";
import { poolPath } from "../router";
import type { TokenBook } from "../state/tokens";
import type { Scope } from "./quoter";

const EVERY_MS = 5_000;
const PAGE = 50;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

const PROTOCOLS = [
  "uniswap.v2",
  "uniswap.v3",
  "uniswap.v4",
  "balancer.v2.weighted",
  "erc4626",
  "weth9",
];

interface Filter {
  token: string;
  protocol: string;
  includeUnusable: boolean;
}

const NO_FILTER: Filter = { token: "", protocol: "", includeUnusable: true };

export function PoolsPage({ chainId, book }: Scope) {
  useTitle("Pools");
  const filter = useSignal(NO_FILTER);
  // Offered tokens are named as soon as their decimals are known.
  useLearnt(book, book.tokens.value.slice(0, PAGE));
  return (
    <section class="panel" aria-labelledby="pools">
      <div class="section-head">
        <h2 id="pools">Known pools</h2>
        <a href={`/quote?chain=${chainId}`}>Quote a swap</a>
      </div>
      <PoolFilter book={book} filter={filter.value} onApply={(next) => (filter.value = next)} />
      <PoolList
        key={JSON.stringify(filter.value)}
        chainId={chainId}
        book={book}
        filter={filter.value}
      />
    </section>
  );
}

function PoolFilter({
  book,
  filter,
  onApply,
}: {
  book: TokenBook;
  filter: Filter;
  onApply: (filter: Filter) => void;
}) {
  const written = useSignal(filter.token);
  const isWrong = written.value !== "" && !ADDRESS.test(written.value);
  const onToken = (token: string): void => {
    written.value = token;
    if (token === "" || ADDRESS.test(token)) onApply({ ...filter, token });
  };
  return (
    <form class="form" aria-label="Pools" onSubmit={(event) => event.preventDefault()}>
      <TokenField
        book={book}
        label="Token"
        name="token"
        none="any"
        chosen={written.value}
        onChoose={onToken}
      />
      <label>
        Protocol
        <select
          name="protocol"
          value={filter.protocol}
          onChange={(event) => onApply({ ...filter, protocol: event.currentTarget.value })}
        >
          <option value="">all</option>
          {PROTOCOLS.map((protocol) => (
            <option key={protocol} value={protocol}>
              {protocol}
            </option>
          ))}
        </select>
      </label>
      <label>
        Shown are
        <select
          name="shown"
          value={filter.includeUnusable ? "all" : "used"}
          onChange={(event) =>
            onApply({ ...filter, includeUnusable: event.currentTarget.value === "all" })
          }
        >
          <option value="all">all pools</option>
          <option value="used">pools that are used</option>
        </select>
      </label>
      <p class="refused" role="alert">
        {isWrong && "An address is 0x and 40 hex digits."}
      </p>
    </form>
  );
}

function PoolList({ chainId, book, filter }: Scope & { filter: Filter }) {
  const list = useList<Pool>(
    async (page, signal) => {
      const answer = await quoter.listPools({ ...page, ...filter, chainId }, { signal });
      return { items: answer.pools, nextPageToken: answer.nextPageToken, asOf: answer.asOf };
    },
    PAGE,
    EVERY_MS,
  );
  const answer = list.data.value;
  return (
    <>
      <p class="list-state">{answer?.asOf && <AsOfBlock asOf={answer.asOf} />}</p>
      <Failure error={list.error.value} subject="list of pools" />
      {!answer && !list.error.value && <Loading what="pools" />}
      {answer?.items.length === 0 && (
        <Empty text="No pool is like this. Pools are found when a factory is configured." />
      )}
      {answer && answer.items.length > 0 && (
        <>
          <Table
            name="liquidity-pools"
            label="Pools"
            columns={["Pool", "Tokens", "#Fee", "#Holds", "In quotes"]}
            rows={answer.items.map((pool) => ({ key: pool.poolId, cells: cellsOf(pool, book) }))}
          />
          <More token={answer.nextPageToken} label="Load more pools" load={() => list.more()} />
        </>
      )}
    </>
  );
}

function cellsOf(pool: Pool, book: TokenBook) {
  return [
    <>
      <a class="mono" href={poolPath(pool)} title={pool.poolId}>
        {shorten(pool.poolId)}
      </a>
      <span class="second">{pool.protocol}</span>
    </>,
    <PoolTokens pool={pool} book={book} />,
    <data class="number" value={pool.feePpm}>
      {formatPpm(pool.feePpm)}
    </data>,
    <PoolState pool={pool} book={book} />,
    <PoolUse pool={pool} />,
  ];
}
