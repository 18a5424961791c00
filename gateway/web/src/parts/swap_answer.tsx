// What the chain would answer in the newest block, or why there is no answer.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { describe } from "../api/errors";
import { formatBps, formatDecimal, inverse, wholePrice } from "../format/decimal";
import { problemText, statusText } from "../format/problem";
import { formatAgo, millis, shorten } from "../format/text";
import {
  type Completeness,
  type GasCost,
  type Quote,
  QuoteStatus,
} from "../gen/capstan/quoter/v1/quote_pb";
import { useNow } from "../live/clock";
import { useLearnt } from "../live/tokens";
import { useView } from "../live/use";
import { poolPath } from "../router";
import type { Question } from "../state/question";
import { QuoteView } from "../state/quote";
import { COIN, type TokenBook } from "../state/tokens";
import { BuildSwap } from "./build_swap";
import { Fact } from "./fact";
import { Failure, Loading, Notice } from "./notice";
import { SwapRoutes } from "./swap_routes";
import { Token, TokenAmount } from "./token";
import { AsOfBlock, BlockAge, Count } from "./values";
import { VerifyQuote } from "./verify_quote";

interface Answered {
  book: TokenBook;
  quote: Quote;
  question: Question;
}

export function SwapAnswer({
  book,
  question,
  onAsk,
}: {
  book: TokenBook;
  question: Question;
  onAsk: (question: Question) => void;
}) {
  const view = useView(() => new QuoteView(question));
  const [quote, asOf] = [view.quote.value, view.asOf.value];
  useLearnt(book, quote?.routes.flatMap(({ hops }) => hops.map(({ tokenOut }) => tokenOut)) ?? []);
  return (
    <section class="panel" aria-labelledby="answer">
      <div class="section-head">
        <h2 id="answer">Quote</h2>
        {asOf?.block && (
          <span class="as-of">
            <AsOfBlock asOf={asOf} label="Holds in block" /> made <BlockAge block={asOf.block} />
          </span>
        )}
      </div>
      <Refused error={view.error.value} />
      {!quote && !view.error.value && <Loading what="quote" />}
      {quote && quote.status === QuoteStatus.OK && (
        <Found book={book} quote={quote} question={question} />
      )}
      {quote && quote.status !== QuoteStatus.OK && (
        <NotFound book={book} quote={quote} question={question} onAsk={onAsk} />
      )}
      {quote?.completeness && (
        <Looked completeness={quote.completeness} chainId={question.chainId} />
      )}
    </section>
  );
}

/** A question that is wrong is said to be; everything else as on other pages. */
function Refused({ error }: { error: unknown }) {
  if (error === undefined) return null;
  const { passing, advice } = describe(error, "quote");
  if (passing) return <Failure error={error} subject="quote" />;
  return <Notice title="This cannot be quoted" advice={advice.replace(/^Check the link\. /, "")} />;
}

function Found({ book, quote, question }: Answered) {
  const { tokenIn, tokenOut, warnings, routes } = quote;
  return (
    <>
      {warnings.length > 0 && (
        <ul class="reasons">
          {warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
      <dl class="facts main-facts">
        <Fact name="You give">
          <TokenAmount book={book} token={tokenIn} raw={quote.amountIn} />
        </Fact>
        <Fact name="You get">
          <TokenAmount book={book} token={tokenOut} raw={quote.amountOut} />
        </Fact>
        <Limit book={book} quote={quote} question={question} />
        {quote.expireTime && <Expiry time={quote.expireTime} />}
      </dl>
      <h3>What it costs</h3>
      <dl class="facts">
        <Fact name="Price">
          <SwapPrice book={book} quote={quote} price={quote.executionPrice} />
        </Fact>
        <Fact name="Price before it, without fees">
          <SwapPrice book={book} quote={quote} price={quote.midPrice} />
        </Fact>
        <Fact name="Price impact">
          <Share bps={quote.priceImpactBps} />
        </Fact>
        <Fact name="Fees of the pools">
          <Share bps={quote.lpFeeBps} />
        </Fact>
        {quote.gas && <Gas book={book} quote={quote} gas={quote.gas} side={question.side} />}
      </dl>
      <h3>{routes.length === 1 ? "The route" : `${routes.length} routes, in order`}</h3>
      <SwapRoutes routes={routes} book={book} chainId={question.chainId} />
      <VerifyQuote quote={quote} chainId={question.chainId} />
      <BuildSwap book={book} question={question} />
    </>
  );
}

function Limit({ book, quote, question }: Answered) {
  const slippage = formatBps(quote.slippageBps);
  if (question.side === "in") {
    return (
      <Fact name={`At least, with ${slippage} slippage`}>
        <TokenAmount book={book} token={quote.tokenOut} raw={quote.minAmountOut ?? "0"} />
      </Fact>
    );
  }
  return (
    <Fact name={`At most, with ${slippage} slippage`}>
      <TokenAmount book={book} token={quote.tokenIn} raw={quote.maxAmountIn ?? "0"} />
    </Fact>
  );
}

function Expiry({ time }: { time: Timestamp }) {
  const now = useNow();
  const at = millis(time);
  return (
    <Fact name="Next block expected">
      <time dateTime={new Date(at).toISOString()}>{at > now ? formatAgo(at, now) : "due now"}</time>
    </Fact>
  );
}

function SwapPrice({ book, quote, price }: { book: TokenBook; quote: Quote; price: string }) {
  const [given, got] = [quote.tokenIn, quote.tokenOut];
  const whole = wholePrice(price, book.unit(given).decimals, book.unit(got).decimals);
  const [tokenIn, tokenOut] = [given, got].map((token) => <Token book={book} address={token} />);
  return (
    <>
      <data class="number" value={price} title={whole ?? price}>
        {formatDecimal(whole ?? price)}
      </data>{" "}
      {whole === undefined ? (
        "in smallest units"
      ) : (
        <>
          {tokenOut} a {tokenIn}
          <span class="second">
            {formatDecimal(inverse(whole) ?? "0")} {tokenIn} a {tokenOut}
          </span>
        </>
      )}
    </>
  );
}

function Share({ bps }: { bps: string }) {
  const percent = formatBps(bps);
  return (
    <data class="number" value={bps} title={percent}>
      {formatDecimal(percent.slice(0, -1), 4)}%
    </data>
  );
}

function Gas({
  book,
  quote,
  gas,
  side,
}: {
  book: TokenBook;
  quote: Quote;
  gas: GasCost;
  side: Question["side"];
}) {
  const compared = side === "in" ? quote.tokenOut : quote.tokenIn;
  return (
    <>
      <Fact name="Gas">
        <Count value={gas.units} /> units
      </Fact>
      <Fact name="Cost of the gas">
        {/^0*$/.test(gas.gasPrice) ? (
          <span class="muted">price of gas not known</span>
        ) : (
          <TokenAmount book={book} token={COIN} raw={gas.total || "0"} />
        )}
        {gas.inToken !== undefined && (
          <span class="second">
            <TokenAmount book={book} token={compared} raw={gas.inToken} />
          </span>
        )}
      </Fact>
      {quote.amountNetOfGas !== undefined && (
        <Fact name={side === "in" ? "You get, after gas" : "You give, with gas"}>
          <TokenAmount book={book} token={compared} raw={quote.amountNetOfGas} />
        </Fact>
      )}
    </>
  );
}

function NotFound({
  book,
  quote,
  question,
  onAsk,
}: Answered & { onAsk: (question: Question) => void }) {
  const token = question.side === "in" ? quote.tokenIn : quote.tokenOut;
  const most = quote.maxFillable;
  return (
    <div class="no-quote">
      <p role="status">
        <strong>{statusText(quote.status)}</strong>
      </p>
      {quote.problem && <p class="muted small">The platform says: {quote.problem}</p>}
      {most !== undefined && (
        <p>
          The most that can be {question.side === "in" ? "given" : "got"} is about{" "}
          <TokenAmount book={book} token={token} raw={most} />.{" "}
          {most !== "0" && (
            <button type="button" class="link" onClick={() => onAsk({ ...question, amount: most })}>
              Quote that
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function Looked({ completeness, chainId }: { completeness: Completeness; chainId: bigint }) {
  const { poolsConsidered, poolsSkipped, searchExhaustive } = completeness;
  return (
    <details class="completeness">
      <summary>
        <Count value={poolsConsidered} /> {poolsConsidered === 1 ? "pool" : "pools"} looked at
        {searchExhaustive ? ", every way compared" : ", not every way compared"}
      </summary>
      {poolsSkipped.length === 0 ? (
        <p class="muted small">No pool was left out.</p>
      ) : (
        <ul class="skipped">
          {poolsSkipped.map(({ poolId, problem }) => (
            <li key={poolId}>
              <a class="mono" href={poolPath({ poolId, chainId })} title={poolId}>
                {shorten(poolId)}
              </a>{" "}
              left out: {problemText(problem)}
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
