// One open server stream: a queue that a client drains until it is broken.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { StreamMarketsResponseSchema } from "../src/gen/capstan/market/v1/market_pb";

export type StreamMessage = Exclude<
  MessageInitShape<typeof StreamMarketsResponseSchema>,
  { $typeName: string }
>;

export class FakeStream<Message> {
  private readonly queue: Message[] = [];
  private ended: "no" | "closed" | "failed" = "no";
  private wake: () => void = () => {};

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.end("closed"));
  }

  push(message: Message): void {
    this.queue.push(message);
    this.wake();
  }

  /** Ends the stream as a server does that goes away. */
  fail(): void {
    this.end("failed");
  }

  async *messages(): AsyncIterable<Message> {
    for (;;) {
      yield* this.queue.splice(0);
      if (this.ended === "failed") throw new ConnectError("going away", Code.Unavailable);
      if (this.ended === "closed") return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        if (this.queue.length > 0 || this.ended !== "no") resolve();
      });
    }
  }

  private end(how: "closed" | "failed"): void {
    if (this.ended === "no") this.ended = how;
    this.wake();
  }
}
