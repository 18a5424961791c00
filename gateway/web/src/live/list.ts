// A list that is read again and again, as far down as the visitor has unfolded it.
import { useMemo } from "preact/hooks";
import type { AsOf } from "../gen/capstan/primitives/v1/block_pb";
import type { Poll } from "./poll";
import { usePoll } from "./use";

export interface Page<Item> {
  items: Item[];
  nextPageToken: string;
  asOf?: AsOf | undefined;
}

export interface PageRequest {
  pageSize: number;
  pageToken: string;
}

type ReadPage<Item> = (page: PageRequest, signal: AbortSignal) => Promise<Page<Item>>;

// The most that the contract allows.
const LARGEST_PAGE = 1_000;

/** Reads `wanted` items, or all when there are fewer, by as few requests as that takes. */
export async function readPages<Item>(
  read: ReadPage<Item>,
  wanted: number,
  signal: AbortSignal,
): Promise<Page<Item>> {
  const pageSize = (missing: number): number => Math.min(missing, LARGEST_PAGE);
  let list = await read({ pageSize: pageSize(wanted), pageToken: "" }, signal);
  while (list.nextPageToken !== "" && list.items.length < wanted) {
    const missing = pageSize(wanted - list.items.length);
    const next = await read({ pageSize: missing, pageToken: list.nextPageToken }, signal);
    list = { ...next, items: [...list.items, ...next.items], asOf: list.asOf };
  }
  return list;
}

export interface List<Item> extends Poll<Page<Item>> {
  /** Shows a page more. */
  more(): Promise<void>;
}

/**
 * Reads a list every `everyMs` while the component is shown. All of it, so that nothing stays that a
 * reorg took back.
 */
export function useList<Item>(read: ReadPage<Item>, pageSize: number, everyMs: number): List<Item> {
  const unfolded = useMemo(() => ({ wanted: pageSize }), []);
  const answers = usePoll((signal) => readPages(read, unfolded.wanted, signal), everyMs);
  return {
    ...answers,
    more: () => {
      unfolded.wanted += pageSize;
      return answers.again();
    },
  };
}
