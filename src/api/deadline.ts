/**
 * Work that has to be done in time, and that a signal can give up.
 *
 * Invariant: nothing is left behind on the signal, whatever comes first. The work itself goes on: who started it cleans up after it.
 */
import { timeoutOf } from './option-checks.ts';

export interface Deadline {
  readonly signal: AbortSignal | undefined;
  /** Infinity: no end. */
  readonly timeoutMs: number;
  readonly late: () => Error;
}

/** How long a close may take. */
export interface CloseOptions {
  /** Milliseconds for what was sent to leave, `limits.closeTimeoutMs` unless said otherwise; 0 or Infinity: no end. */
  readonly timeout?: number;
  /** Cuts at once when it is aborted. The promise settles all the same: it is closed then. */
  readonly signal?: AbortSignal;
}

/** Settles with `gone`, which `cut` brings about when the time is over or the signal says so. */
export function cutLate(
  gone: Promise<void>,
  cut: () => void,
  { timeout, signal }: CloseOptions,
  timeoutMs: number,
): Promise<void> {
  const limit = timeoutOf(timeout, timeoutMs);
  const timer = limit < 2 ** 31 ? setTimeout(cut, limit) : undefined;
  if (signal?.aborted) cut();
  signal?.addEventListener('abort', cut, { once: true });
  return gone.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cut);
  });
}

/** Settles as `work` does; rejects with the signal's reason, or with what `late` returns. */
export function inTime<T>(work: Promise<T>, { signal, timeoutMs, late }: Deadline): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const aborted = (): void => fail(signal?.reason as Error);
    const timer = timeoutMs < 2 ** 31 ? setTimeout(() => fail(late()), timeoutMs) : undefined;
    const settled = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    const fail = (error: Error): void => {
      settled();
      reject(error);
    };
    signal?.addEventListener('abort', aborted, { once: true });
    if (signal?.aborted) aborted();
    work.then(resolve, reject).finally(settled);
  });
}
