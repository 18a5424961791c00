// Tokens: how one is called, how much there is of one, and how one is chosen.
import { useSignal } from "@preact/signals";
import { exactAmount } from "../format/amount";
import { formatDecimal, shift } from "../format/decimal";
import { shorten } from "../format/text";
import type { TokenBook } from "../state/tokens";

/** A token by its symbol where that is known, with its address in the tooltip. */
export function Token({ book, address }: { book: TokenBook; address: string }) {
  const { symbol } = book.unit(address);
  return (
    <span class={symbol ? "token" : "token mono"} title={address}>
      {symbol ?? shorten(address)}
    </span>
  );
}

/** An amount of smallest units, with its token. */
export function TokenAmount({ book, token, raw }: { book: TokenBook; token: string; raw: string }) {
  const unit = { decimals: book.unit(token).decimals };
  return (
    <span class="token-amount">
      <data class="number" value={raw} title={withMinus(raw, (size) => exactAmount(size, unit))}>
        {withMinus(raw, (size) => formatDecimal(shift(size, -(unit.decimals ?? 0)), DIGITS))}
      </data>
      {unit.decimals === undefined && " units of"} <Token book={book} address={token} />
    </span>
  );
}

// Amounts of tokens of any worth: of a dear one the first digits stand far behind the point.
const DIGITS = 8;

function withMinus(raw: string, format: (size: string) => string): string {
  return raw.startsWith("-") ? `−${format(raw.slice(1))}` : format(raw);
}

/** What a list of tokens says of one. */
export function tokenName(book: TokenBook, address: string): string {
  const { symbol } = book.unit(address);
  return symbol ? `${symbol} · ${shorten(address)}` : shorten(address);
}

const OTHER = "other";

/** Chooses a token: one of those that pools trade, or any by its address. */
export function TokenField({
  book,
  label,
  name,
  none = "choose",
  chosen,
  onChoose,
}: {
  book: TokenBook;
  label: string;
  name: string;
  /** What it says while no token is chosen. */
  none?: string;
  chosen: string;
  onChoose: (address: string) => void;
}) {
  const isOffered = book.tokens.value.includes(chosen);
  const isWritten = useSignal(chosen !== "" && !isOffered);
  return (
    <>
      <label>
        {label}
        <select
          name={name}
          value={isWritten.value ? OTHER : chosen}
          onChange={({ currentTarget: { value } }) => {
            isWritten.value = value === OTHER;
            onChoose(value === OTHER ? "" : value);
          }}
        >
          <option value="">{none}</option>
          {book.tokens.value.map((address) => (
            <option key={address} value={address}>
              {tokenName(book, address)}
            </option>
          ))}
          <option value={OTHER}>another, by its address</option>
        </select>
      </label>
      {isWritten.value && (
        <label class="wide">
          {label}, address
          <input
            name={`${name}-address`}
            class="mono"
            placeholder="0x…"
            autocomplete="off"
            spellcheck={false}
            value={chosen}
            onInput={(event) => onChoose(event.currentTarget.value.trim())}
          />
        </label>
      )}
    </>
  );
}
