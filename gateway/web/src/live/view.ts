// A page's data: a snapshot that a stream keeps current, and that is read again when it must be.
import { computed, signal } from "@preact/signals";
import { describe } from "../api/errors";
import { markets, NO_DEADLINE } from "../api/clients";
import type { StreamKind, StreamMarketsResponse } from "../gen/capstan/market/v1/market_pb";
import type { AsOf } from "../gen/capstan/primitives/v1/block_pb";
import { backoffMs } from "./backoff";
import { type Phase, worstPhase } from "./machine";
import { LiveStream } from "./stream";

// Messages are applied together at this pace: a burst costs one rendering, not one each.
const FLUSH_MS = 50;

export interface Recipe<State> {
  /** What is shown, in a word, for error messages. */
  subject: string;
  /** Reads everything anew. */
  load(signal: AbortSignal): Promise<State>;
  /** Which block of which chain the state was read at; these chains are streamed. */
  asOf(state: State): AsOf[];
  /** Markets to stream; empty: all. */
  marketIds(state: State): string[];
  /** Kinds of messages to stream; absent: all but positions. */
  kinds?: StreamKind[];
  /** The state after a message. Applying a message twice must change nothing. */
  apply(state: State, message: StreamMarketsResponse): State;
  /** Called once for every message, for what it makes worth reading again. */
  heard?(message: StreamMarketsResponse): void;
}

/** Reads something and says how it goes into the state of that moment. */
type Reader<State> = (signal: AbortSignal) => Promise<(state: State | undefined) => State>;

export class LiveView<State> {
  readonly data = signal<State | undefined>(undefined);
  readonly error = signal<unknown>(undefined);
  private readonly streams = signal<ReadonlyMap<bigint, LiveStream<StreamMarketsResponse>>>(
    new Map(),
  );
  readonly phase = computed<Phase>(() => {
    const phases = [...this.streams.value.values()].map((stream) => stream.phase.value);
    if (phases.length === 0) return this.error.value === undefined ? "connecting" : "reconnecting";
    return worstPhase(phases);
  });

  private queue: StreamMarketsResponse[] = [];
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private request = new AbortController();
  // What streams said while something is being read: it may be newer than what is read.
  private readonly unread = new Set<StreamMarketsResponse[]>();
  private attempt = 0;

  constructor(private readonly recipe: Recipe<State>) {}

  /** Begins to read and to follow. */
  start(): void {
    void this.reload();
  }

  /** Ends all streams and requests. */
  stop(): void {
    this.request.abort();
    clearTimeout(this.flushTimer);
    clearTimeout(this.retryTimer);
    for (const stream of this.streams.peek().values()) stream.stop();
    this.streams.value = new Map();
  }

  /** Reads everything anew; what is shown stays until then. */
  async reload(): Promise<void> {
    this.request.abort();
    this.request = new AbortController();
    clearTimeout(this.retryTimer);
    // Said before the new snapshot, or about blocks that are no more.
    this.queue = [];
    const { signal } = this.request;
    try {
      await this.merge(async () => {
        const state = await this.recipe.load(signal);
        return () => state;
      });
      if (signal.aborted) return;
      this.attempt = 0;
      this.error.value = undefined;
      this.follow();
    } catch (error) {
      if (signal.aborted) return;
      this.error.value = error;
      if (describe(error, "").passing) this.retryLater();
    }
  }

  /**
   * Reads something more and merges it into the state, losing no message meanwhile. A reload
   * makes it void. Throws what `read` throws.
   */
  async merge(read: Reader<State>): Promise<void> {
    const { signal } = this.request;
    const missed: StreamMarketsResponse[] = [];
    this.unread.add(missed);
    try {
      const into = await read(signal);
      if (signal.aborted) return;
      const state = missed.reduce(this.recipe.apply, into(this.data.peek()));
      this.data.value = state;
    } finally {
      this.unread.delete(missed);
    }
  }

  private retryLater(): void {
    this.attempt += 1;
    const pause = backoffMs(this.attempt, Math.random());
    this.retryTimer = setTimeout(() => void this.reload(), pause);
  }

  private follow(): void {
    const state = this.data.peek();
    if (state === undefined) return;
    const wanted = new Set(this.recipe.asOf(state).map((asOf) => asOf.chainId));
    const streams = new Map<bigint, LiveStream<StreamMarketsResponse>>();
    for (const [chain, stream] of this.streams.peek()) {
      if (wanted.has(chain)) streams.set(chain, stream);
      else stream.stop();
    }
    for (const chain of wanted) {
      if (!streams.has(chain)) streams.set(chain, this.openStream(chain));
    }
    this.streams.value = streams;
    // No chain has been read yet: look again until there is one.
    if (wanted.size === 0) this.retryLater();
  }

  private openStream(chainId: bigint): LiveStream<StreamMarketsResponse> {
    return new LiveStream({
      open: (cursor, signal) => {
        const state = this.data.peek();
        const marketIds = state === undefined ? [] : this.recipe.marketIds(state);
        return markets.streamMarkets(
          { chainId, marketIds, cursor, kinds: this.recipe.kinds ?? [] },
          { signal, timeoutMs: NO_DEADLINE },
        );
      },
      placeOf: ({ cursor, message }) => ({ cursor, resync: message.case === "resync" }),
      onMessage: (message) => this.enqueue(message),
      onBegun: (message) => {
        if (!this.isAt(chainId, message.asOf)) void this.reload();
      },
      onReload: () => void this.reload(),
    });
  }

  /** Whether the snapshot is of exactly this block, so that nothing lies between. */
  private isAt(chainId: bigint, asOf: AsOf | undefined): boolean {
    const state = this.data.peek();
    if (state === undefined || asOf?.block === undefined) return false;
    const known = this.recipe.asOf(state).find((entry) => entry.chainId === chainId);
    return known?.block?.hash === asOf.block.hash;
  }

  private enqueue(message: StreamMarketsResponse): void {
    this.recipe.heard?.(message);
    this.queue.push(message);
    for (const missed of this.unread) missed.push(message);
    this.flushTimer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  private flush(): void {
    this.flushTimer = undefined;
    const messages = this.queue;
    this.queue = [];
    const state = this.data.peek();
    if (state !== undefined) this.data.value = messages.reduce(this.recipe.apply, state);
  }
}
