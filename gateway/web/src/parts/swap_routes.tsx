// The routes of a quote: every pool that the amount passes through, and how much at each step.
import { Fragment } from "preact";
import { formatBps, formatPpm } from "../format/decimal";
import { shorten } from "../format/text";
import type { Hop, Route } from "../gen/capstan/quoter/v1/quote_pb";
import { poolPath } from "../router";
import type { TokenBook } from "../state/tokens";
import { seriesClass } from "./bars";
import { TokenAmount } from "./token";

interface Drawn {
  book: TokenBook;
  chainId: bigint;
}

export function SwapRoutes({ routes, ...drawn }: Drawn & { routes: Route[] }) {
  return (
    <ol class="routes">
      {routes.map((route, index) => (
        <li key={index} class={`route ${seriesClass(index)}`}>
          <OneRoute route={route} number={index + 1} {...drawn} />
        </li>
      ))}
    </ol>
  );
}

function OneRoute({ route, number, book, chainId }: Drawn & { route: Route; number: number }) {
  const { hops, shareBps, amountIn, amountOut } = route;
  const [first, last] = [hops[0], hops.at(-1)];
  if (!first || !last) return null;
  return (
    <>
      <h3>
        Route {number} <data value={shareBps}>{formatBps(shareBps)}</data>
        <span class="bar-track" aria-hidden="true">
          <span class="bar-fill" style={{ width: formatBps(shareBps) }} />
        </span>
      </h3>
      <ol class="hops" aria-label={`Steps of route ${number}`}>
        <li class="stop">
          <span class="sr-only">gives </span>
          <TokenAmount book={book} token={first.tokenIn} raw={amountIn} />
        </li>
        {hops.map((hop, index) => (
          <Fragment key={index}>
            <li class="hop">
              <Through hop={hop} chainId={chainId} />
            </li>
            <li class="stop">
              <span class="sr-only">{hop === last ? "gets " : "becomes "}</span>
              <TokenAmount
                book={book}
                token={hop.tokenOut}
                raw={hop === last ? amountOut : hop.amountOut}
              />
            </li>
          </Fragment>
        ))}
      </ol>
    </>
  );
}

function Through({ hop, chainId }: { hop: Hop; chainId: bigint }) {
  const { poolId, protocol, feePpm, ticksCrossed } = hop;
  return (
    <>
      <a href={poolPath({ poolId, chainId })} title={`pool ${poolId}`}>
        <span class="sr-only">through </span>
        {protocol} <span class="mono small">{shorten(poolId)}</span>
      </a>
      <span class="muted small">
        {feePpm === 0 ? "no fee" : `fee ${formatPpm(feePpm)}`}
        {ticksCrossed !== undefined && `, ${ticksCrossed} ${ticksCrossed === 1 ? "tick" : "ticks"}`}
      </span>
    </>
  );
}
