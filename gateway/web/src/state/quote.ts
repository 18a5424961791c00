// A quote that is told again whenever it changes.
import { computed, signal } from "@preact/signals";
import { NO_DEADLINE } from "../api/clients";
import { describe } from "../api/errors";
import { quoter } from "../api/quoter_clients";
import type { AsOf } from "../gen/capstan/primitives/v1/block_pb";
import type { Quote, StreamQuotesResponse } from "../gen/capstan/quoter/v1/quote_pb";
import type { Phase } from "../live/machine";
import { LiveStream } from "../live/stream";
import { type Question, requestOf } from "./question";

export class QuoteView {
  readonly quote = signal<Quote | undefined>(undefined);
  /** The newest block that the quote is known to hold for. */
  readonly asOf = signal<AsOf | undefined>(undefined);
  readonly error = signal<unknown>(undefined);
  private readonly stream = signal<LiveStream<StreamQuotesResponse> | undefined>(undefined);
  readonly phase = computed<Phase>(() => this.stream.value?.phase.value ?? "connecting");

  constructor(private readonly question: Question) {}

  start(): void {
    const quote = requestOf(this.question);
    this.stream.value = new LiveStream<StreamQuotesResponse>({
      open: (_, signal) => quoter.streamQuotes({ quote }, { signal, timeoutMs: NO_DEADLINE }),
      // A stream of quotes begins with the quote of now: there is nothing to resume.
      placeOf: () => ({ cursor: "", resync: false }),
      onMessage: ({ message }) => this.receive(message),
      onFailure: (error) => this.fail(error),
    });
  }

  stop(): void {
    this.stream.peek()?.stop();
  }

  private receive(message: StreamQuotesResponse["message"]): void {
    this.error.value = undefined;
    if (message.case === "quote") {
      this.quote.value = message.value;
      this.asOf.value = message.value.asOf;
    } else if (message.case === "heartbeat") {
      this.asOf.value = message.value;
    }
  }

  private fail(error: unknown): void {
    this.error.value = error;
    // The same question would be refused again.
    if (!describe(error, "").passing) this.stop();
  }
}
