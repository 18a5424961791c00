// What an operator wants to know at a glance, from what the indexer says of its chains.
import { ChainState, type ChainStatus } from "../gen/capstan/indexer/v1/indexer_pb";
import { group } from "../format/amount";

export type Level = "good" | "waiting" | "bad";

export interface Verdict {
  level: Level;
  text: string;
  /** What needs attention, the worst first; each of one chain. */
  reasons: Reason[];
}

export interface Reason {
  chainId: bigint;
  level: Level;
  text: string;
}

/** Whether all is well, and what is not. */
export function verdict(chains: ChainStatus[]): Verdict {
  const found = chains.flatMap(reasonsOf);
  const reasons = found.toSorted((one, other) => RANK[one.level] - RANK[other.level]);
  const some = (...states: ChainState[]) => chains.some(({ state }) => states.includes(state));
  const every = (wanted: ChainState) => chains.every(({ state }) => state === wanted);
  if (chains.length === 0) return { level: "waiting", text: "no chain", reasons };
  if (reasons[0]?.level === "bad") return { level: "bad", text: "needs attention", reasons };
  if (some(ChainState.STARTING, ChainState.SYNCING)) {
    return { level: "waiting", text: "not at the head yet", reasons };
  }
  if (reasons.length > 0) return { level: "waiting", text: "worth a look", reasons };
  if (every(ChainState.STANDBY)) return { level: "good", text: "ready to take over", reasons };
  return { level: "good", text: "all is well", reasons };
}

const RANK: Record<Level, number> = { bad: 0, waiting: 1, good: 2 };

function reasonsOf(chain: ChainStatus): Reason[] {
  const { chainId, name, decodeFailures } = chain;
  const reasons: Reason[] = [];
  const add = (level: Level, text: string) => reasons.push({ chainId, level, text });
  const doing = STATE_REASON[chain.state];
  if (doing) add(doing[0], `${name} ${doing[1]}`);
  // Caught, and kept out of the log: what is there is right all the same.
  for (const { url, lies } of chain.endpoints) {
    if (lies > 0n) add("waiting", `${url} gave ${counted(lies, "answer")} that cannot be true`);
  }
  if (decodeFailures > 0n) {
    add("waiting", `${counted(decodeFailures, "log")} of ${name} did not decode as the ABI says`);
  }
  return reasons;
}

const STATE_REASON: Partial<Record<ChainState, [Level, string]>> = {
  [ChainState.UNSPECIFIED]: ["bad", "is in a state that this page does not know"],
  [ChainState.STARTING]: ["waiting", "is starting"],
  [ChainState.SYNCING]: ["waiting", "is reading history"],
  [ChainState.STALLED]: ["bad", "is stalled"],
  [ChainState.HALTED]: ["bad", "is halted"],
};

function counted(count: bigint, what: string): string {
  return `${group(count)} ${what}${count === 1n ? "" : "s"}`;
}

/** How much of a chain's blocks is indexed, in tenths of a percent; 1000 only at the head itself. */
export function progress(chain: ChainStatus): number | undefined {
  const { head, indexed, earliestBlock } = chain;
  if (head === undefined || head.number < earliestBlock) return undefined;
  if (indexed === undefined || indexed.number < earliestBlock) return 0;
  const all = head.number - earliestBlock + 1n;
  const done = indexed.number - earliestBlock + 1n;
  return done >= all ? 1_000 : Number((done * 1_000n) / all);
}

/** How many events every chain had at a moment, in milliseconds of a clock that never goes back. */
export interface Sample {
  at: number;
  events: ReadonlyMap<bigint, bigint>;
}

// As long as the indexer measures its own rate.
const WINDOW_MS = 10_000;

/** The samples with another one, oldest first; of what is older than the window one is kept. */
export function withSample(samples: Sample[], chains: ChainStatus[], at: number): Sample[] {
  const events = new Map(chains.map((chain) => [chain.chainId, chain.events]));
  const before = samples.findLastIndex((sample) => sample.at <= at - WINDOW_MS);
  return [...samples.slice(Math.max(before, 0)), { at, events }];
}

/** Events a second between the samples; undefined while there are no two, or events became fewer. */
export function eventsPerSecond(samples: Sample[], chainId: bigint): number | undefined {
  const first = samples.find(({ events }) => events.has(chainId));
  const last = samples.at(-1);
  const [from, to] = [first?.events.get(chainId), last?.events.get(chainId)];
  if (!first || !last || from === undefined || to === undefined) return undefined;
  const seconds = (last.at - first.at) / 1_000;
  // Taken back by a reorg, or no longer kept.
  if (seconds <= 0 || to < from) return undefined;
  return Number(to - from) / seconds;
}
