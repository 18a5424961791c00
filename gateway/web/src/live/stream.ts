// Keeps one server stream open: runs the state machine's effects with real timers.
import { signal } from "@preact/signals";
import { refusesCursor } from "../api/errors";
import { backoffMs } from "./backoff";
import { type Connection, type Effect, INITIAL, type Input, type Phase, step } from "./machine";

// The contract promises a message at least every 10 seconds; after three times that it is dead.
export const SILENCE_MS = 30_000;

/** Where a message stands in its stream; without a cursor a broken stream begins anew. */
export interface Place {
  cursor: string;
  /** Blocks left the chain: what is shown must be read again. */
  resync: boolean;
}

export interface StreamOptions<Message> {
  open(cursor: string, signal: AbortSignal): AsyncIterable<Message>;
  placeOf(message: Message): Place;
  /** A message other than a resync. */
  onMessage(message: Message): void;
  /** The stream began without a cursor, at the block of this message. */
  onBegun?(message: Message): void;
  onReload?(): void;
  /** The stream failed; it is opened again unless it is stopped now. */
  onFailure?(error: unknown): void;
}

export class LiveStream<Message> {
  readonly phase = signal<Phase>(INITIAL.phase);
  private connection: Connection = INITIAL;
  private request: AbortController | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private hiddenAt = 0;

  constructor(private readonly options: StreamOptions<Message>) {
    document.addEventListener("visibilitychange", this.onVisibility);
    if (document.hidden) this.onVisibility();
    else void this.open();
  }

  /** Ends the stream for good. */
  stop(): void {
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.close();
  }

  // Browsers allow few connections to one host over HTTP/1.1, shared by all tabs: a hidden tab
  // gives its own back.
  private readonly onVisibility = (): void => {
    if (document.hidden) {
      this.hiddenAt = Date.now();
      this.input({ kind: "hide" });
    } else {
      this.input({ kind: "show", awayMs: Date.now() - this.hiddenAt });
    }
  };

  private input(input: Input, message?: Message): void {
    const [connection, effects] = step(this.connection, input);
    this.connection = connection;
    this.phase.value = connection.phase;
    for (const effect of effects) this.run(effect, message);
  }

  private run(effect: Effect, message?: Message): void {
    if (effect === "open") void this.open();
    else if (effect === "close") this.close();
    else if (effect === "reload") this.options.onReload?.();
    else if (effect === "begun" && message) this.options.onBegun?.(message);
    else if (effect === "retry_later") {
      const pause = backoffMs(this.connection.attempt, Math.random());
      this.retry = setTimeout(() => this.input({ kind: "retry" }), pause);
    }
  }

  private close(): void {
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    this.request?.abort();
    this.request = undefined;
  }

  private async open(): Promise<void> {
    this.close();
    const request = new AbortController();
    this.request = request;
    this.watch();
    let cursorRefused = false;
    try {
      for await (const message of this.options.open(this.connection.cursor, request.signal)) {
        if (this.request !== request) return;
        this.receive(message);
      }
    } catch (error) {
      cursorRefused = refusesCursor(error);
      if (this.request === request) this.options.onFailure?.(error);
    }
    // An aborted request was replaced or ended on purpose; only a lost one is tried again.
    if (this.request === request) this.input({ kind: "lost", cursorRefused });
  }

  private receive(message: Message): void {
    this.watch();
    const { cursor, resync } = this.options.placeOf(message);
    this.input({ kind: "message", cursor, resync }, message);
    if (!resync) this.options.onMessage(message);
  }

  private watch(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(
      () => this.input({ kind: "lost", cursorRefused: false }),
      SILENCE_MS,
    );
  }
}
