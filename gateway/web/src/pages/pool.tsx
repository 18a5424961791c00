// One pool: what it trades, what it holds, and the ticks at which its liquidity changes.
import { useSignal } from "@preact/signals";
import { quoter } from "../api/quoter_clients";
import { group } from "../format/amount";
import { formatPpm } from "../format/decimal";
import { shorten } from "../format/text";
import type { ConcentratedLiquidity, Pool, Tick } from "../gen/capstan/quoter/v1/pools_pb";
import { useBook, useLearnt } from "../live/tokens";
import { usePoll, useTitle } from "../live/use";
import { Fact } from "../parts/fact";
import { More } from "../parts/more";
import { Failure, Loading } from "../parts/notice";
import { PoolState, PoolUse } from "../parts/pool_state";
import { Table } from "../parts/table";
import { Token } from "../parts/token";
import { AsOfBlock, Count, Id } from "../parts/values";
import { questionPath } from "../state/question";
import type { TokenBook } from "../state/tokens";

const EVERY_MS = 5_000;
const TICKS = 50;

export function PoolPage({ id, chainId }: { id: string; chainId: bigint }) {
  const found = usePoll((signal) => quoter.getPool({ poolId: id, chainId }, { signal }), EVERY_MS);
  const answer = found.data.value;
  const pool = answer?.pool;
  useTitle(`Pool ${shorten(id)}`);
  return (
    <>
      <p class="crumb">
        <a href={pool ? `/pools?chain=${pool.chainId}` : "/pools"}>All pools</a>
      </p>
      <h1>
        Pool <span class="mono">{shorten(id)}</span>
      </h1>
      {answer?.asOf && (
        <p class="page-as-of">
          <AsOfBlock asOf={answer.asOf} />
        </p>
      )}
      <Failure error={found.error.value} subject="pool" />
      {!pool && !found.error.value && <Loading what="pool" />}
      {pool && <OnePool pool={pool} />}
    </>
  );
}

function OnePool({ pool }: { pool: Pool }) {
  const { book, error, again } = useBook(pool.chainId);
  if (error) return <Failure error={error} subject="list of tokens" onRetry={again} />;
  if (!book) return <Loading what="tokens" />;
  return (
    <>
      <Facts pool={pool} book={book} />
      {pool.state.case === "concentrated" && <Ticks state={pool.state.value} />}
    </>
  );
}

function Facts({ pool, book }: { pool: Pool; book: TokenBook }) {
  useLearnt(book, pool.tokens);
  const [tokenIn, tokenOut] = pool.tokens;
  const { chainId, state } = pool;
  return (
    <section class="panel" aria-labelledby="pool">
      <div class="section-head">
        <h2 id="pool">{pool.protocol}</h2>
        <a href={questionPath({ chainId, tokenIn, tokenOut })}>Quote its tokens</a>
      </div>
      <dl class="facts">
        <Fact name="In quotes">
          <PoolUse pool={pool} />
        </Fact>
        <Fact name="Fee">
          <data class="number" value={pool.feePpm}>
            {formatPpm(pool.feePpm)}
          </data>
        </Fact>
        <Fact name="Holds">
          <PoolState pool={pool} book={book} />
        </Fact>
        {state.case === "concentrated" && (
          <>
            <Fact name="Spacing of ticks">
              <Count value={state.value.tickSpacing} />
            </Fact>
            <Fact name="Square root of the price, times 2^96">
              <data class="number" value={state.value.sqrtPriceX96}>
                {group(state.value.sqrtPriceX96)}
              </data>
            </Fact>
          </>
        )}
      </dl>
      <dl class="ids">
        <Fact name="Pool">
          <Id value={pool.poolId} />
        </Fact>
        {pool.factory && (
          <Fact name="Factory or vault">
            <Id value={pool.factory} />
          </Fact>
        )}
        {pool.tokens.map((token, index) => (
          <Fact key={token} name={`Token ${index}`}>
            <Token book={book} address={token} /> <Id value={token} />
          </Fact>
        ))}
      </dl>
    </section>
  );
}

function Ticks({ state }: { state: ConcentratedLiquidity }) {
  const shown = useSignal(TICKS);
  // Those around the price say the most.
  const ticks = nearest(state.ticks, state.tick, shown.value);
  return (
    <section class="panel" aria-labelledby="ticks">
      <h2 id="ticks">
        Ticks <span class="muted small">{group(String(state.ticks.length))} initialized</span>
      </h2>
      {ticks.length > 0 && (
        <Table
          name="ticks"
          label="Ticks"
          columns={["Tick", "#Comes into range upwards", "#Begins or ends here"]}
          rows={ticks.map((tick) => ({
            key: String(tick.tick),
            cells: [
              <>
                {tick.tick} <Side tick={tick.tick} price={state.tick} />
              </>,
              <Liquidity raw={tick.liquidityNet} />,
              <Liquidity raw={tick.liquidityGross} />,
            ],
          }))}
        />
      )}
      <More
        token={shown.value < state.ticks.length ? "in memory" : ""}
        label="Show more ticks"
        load={async () => void (shown.value += TICKS)}
      />
    </section>
  );
}

function Side({ tick, price }: { tick: number; price: number }) {
  return <span class="muted small">{tick <= price ? "below the price" : "above the price"}</span>;
}

function Liquidity({ raw }: { raw: string }) {
  return (
    <data class="number" value={raw}>
      {raw.startsWith("-") ? `−${group(raw.slice(1))}` : group(raw)}
    </data>
  );
}

/** The ticks that are nearest to the price, lowest first. */
function nearest(ticks: Tick[], price: number, count: number): Tick[] {
  const distance = ({ tick }: Tick): number => Math.abs(tick - price);
  return ticks
    .toSorted((one, other) => distance(one) - distance(other))
    .slice(0, count)
    .sort((one, other) => one.tick - other.tick);
}
