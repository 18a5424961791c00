// How long to wait before the next attempt.

const FIRST_MS = 500;
const LONGEST_MS = 15_000;

/**
 * The pause before attempt number `attempt` (from 1): doubling up to a limit, and a random half
 * of it off, so that clients that lost the same server do not return in the same moment.
 * `random` is in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.round(full * (0.5 + random / 2));
}
