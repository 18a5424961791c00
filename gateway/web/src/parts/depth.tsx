// How much moves the price of a pair, both ways.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { quoter } from "../api/quoter_clients";
import { formatBps, formatDecimal, wholePrice } from "../format/decimal";
import {
  type DepthLevel,
  type GetLiquidityDepthResponse,
  GetLiquidityDepthResponseSchema,
} from "../gen/capstan/quoter/v1/pools_pb";
import { usePoll } from "../live/use";
import type { TokenBook } from "../state/tokens";
import { Empty, Failure, Loading } from "./notice";
import { Table } from "./table";
import { Token, TokenAmount } from "./token";
import { AsOfBlock } from "./values";

const EVERY_MS = 5_000;

export function Depth({
  book,
  chainId,
  base,
  quote,
}: {
  book: TokenBook;
  chainId: bigint;
  base: string;
  quote: string;
}) {
  const pair = { chainId, baseToken: base, quoteToken: quote };
  const depth = usePoll((signal) => readDepth(pair, signal), EVERY_MS);
  const answer = depth.data.value;
  const levels = answer ? rowsOf(answer.sell, answer.buy) : [];
  return (
    <section class="panel" aria-labelledby="depth">
      <div class="section-head">
        <h2 id="depth">
          Depth of <Token book={book} address={base} /> in <Token book={book} address={quote} />
        </h2>
        {answer?.asOf && <AsOfBlock asOf={answer.asOf} />}
      </div>
      <Failure error={depth.error.value} subject="pair" />
      {!answer && !depth.error.value && <Loading what="depth" />}
      {answer && levels.length === 0 && <Empty text="No pool trades these two tokens directly." />}
      {answer && levels.length > 0 && (
        <>
          <p class="muted small">
            Over all pools of the pair, fees included.{" "}
            <MidPrice book={book} pair={{ base, quote }} price={answer.midPrice} />
          </p>
          <Table
            name="depth"
            label="Depth"
            columns={["Price moves", "#Sold", "#Got for it", "#Bought", "#Paid for it"]}
            rows={levels.map(([moveBps, sell, buy]) => ({
              key: String(moveBps),
              cells: [
                formatBps(moveBps),
                ...[sell, buy].flatMap((level) => [
                  <Cell book={book} token={base} raw={level?.baseAmount} />,
                  <Cell book={book} token={quote} raw={level?.quoteAmount} />,
                ]),
              ],
            }))}
          />
        </>
      )}
    </section>
  );
}

// A token that nobody trades has no depth.
async function readDepth(
  pair: { chainId: bigint; baseToken: string; quoteToken: string },
  signal: AbortSignal,
): Promise<GetLiquidityDepthResponse> {
  try {
    return await quoter.getLiquidityDepth(pair, { signal });
  } catch (error) {
    if (ConnectError.from(error).code !== Code.NotFound) throw error;
    return create(GetLiquidityDepthResponseSchema);
  }
}

function MidPrice({
  book,
  pair,
  price,
}: {
  book: TokenBook;
  pair: { base: string; quote: string };
  price: string;
}) {
  if (price === "") return null;
  const whole = wholePrice(price, book.unit(pair.base).decimals, book.unit(pair.quote).decimals);
  return (
    <>
      Mid price{" "}
      <data class="number" value={price} title={whole ?? price}>
        {formatDecimal(whole ?? price)}
      </data>
      {whole === undefined && " in smallest units"}.
    </>
  );
}

function Cell({ book, token, raw }: { book: TokenBook; token: string; raw: string | undefined }) {
  if (raw === undefined) return <span class="muted">none</span>;
  return <TokenAmount book={book} token={token} raw={raw} />;
}

type DepthRow = [moveBps: number, sell: DepthLevel | undefined, buy: DepthLevel | undefined];

// Pools can end before a level, on one side only.
function rowsOf(sell: DepthLevel[], buy: DepthLevel[]): DepthRow[] {
  const moves = new Set([...sell, ...buy].map(({ moveBps }) => moveBps));
  const at = (levels: DepthLevel[], move: number) => levels.find(({ moveBps }) => moveBps === move);
  return [...moves]
    .sort((one, other) => one - other)
    .map((move) => [move, at(sell, move), at(buy, move)]);
}
