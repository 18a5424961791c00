// One user: what the address holds and what it did.
import { useTitle, useView } from "../live/use";
import { shorten } from "../format/text";
import { More } from "../parts/more";
import { Failure, Loading } from "../parts/notice";
import { ClosedPositions, Liquidity } from "../parts/user_costs";
import { History, Positions } from "../parts/user_tables";
import { AsOfBlock, Id } from "../parts/values";
import { UserView } from "../state/user";

export function UserPage({ address }: { address: string }) {
  useTitle(`User ${shorten(address)}`);
  const view = useView(() => new UserView(address));
  const state = view.data.value;
  return (
    <>
      <p class="crumb">
        <a href="/">All markets</a>
      </p>
      <h1>User {shorten(address)}</h1>
      <p>
        <Id value={address} />
      </p>
      <Failure error={view.error.value} subject="user" onRetry={() => void view.reload()} />
      {!state && !view.error.value && <Loading what="user" />}
      {state && (
        <>
          <p class="page-as-of">
            {state.readAt.map((asOf) => (
              <AsOfBlock key={asOf.chainId} asOf={asOf} />
            ))}
          </p>
          <section class="panel" aria-labelledby="positions">
            <h2 id="positions">Positions</h2>
            <Positions positions={state.positions} markets={state.markets} />
            {state.nextPositions !== "" && (
              <p class="muted small">The first {state.positions.length} positions.</p>
            )}
          </section>
          <section class="panel" aria-labelledby="closed">
            <h2 id="closed">Closed positions</h2>
            <ClosedPositions positions={state.closed} markets={state.markets} />
            {state.nextClosed !== "" && (
              <p class="muted small">The first {state.closed.length} closed positions.</p>
            )}
          </section>
          <section class="panel" aria-labelledby="liquidity">
            <h2 id="liquidity">Liquidity</h2>
            <Liquidity positions={state.liquidity} markets={state.markets} />
          </section>
          <section class="panel" aria-labelledby="activity">
            <h2 id="activity">History</h2>
            <History activities={state.activities} markets={state.markets} />
            <More
              token={state.nextActivities}
              label="Load older history"
              load={() => view.moreHistory()}
            />
          </section>
        </>
      )}
    </>
  );
}
