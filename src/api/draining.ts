/**
 * Those who wait until there is room again: `await peer.drained()`.
 *
 * Invariant: each waits until it is released, refused, aborted or too late, and settles once.
 */
import { RingwireError } from '../errors.ts';
import { notConnected } from './requests/asker.ts';
import { timeoutOf } from './option-checks.ts';

/** How long `drained` may take. */
export interface DrainOptions {
  /** Gives the waiting up, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds; no end unless said otherwise. */
  readonly timeout?: number;
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
  /** Called before either. */
  settled(): void;
}

export class Draining {
  readonly #waiting = new Set<Waiting>();

  /** @param isReady nobody has to wait now */
  wait({ signal, timeout }: DrainOptions, isReady: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const limit = timeoutOf(timeout, Infinity);
      if (isReady) {
        resolve();
        return;
      }
      const fail = (error: Error): void => {
        waiting.settled();
        reject(error);
      };
      const aborted = (): void => fail(signal?.reason as Error);
      const timer = limit < 2 ** 31 ? setTimeout(() => fail(tooLate(limit)), limit) : undefined;
      const waiting: Waiting = {
        resolve,
        reject,
        settled: () => {
          this.#waiting.delete(waiting);
          clearTimeout(timer);
          signal?.removeEventListener('abort', aborted);
        },
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.#waiting.add(waiting);
    });
  }

  /** There is room again. */
  release(): void {
    for (const waiting of this.#stop()) waiting.resolve();
  }

  /** There will never be any. */
  refuse(): void {
    for (const waiting of this.#stop()) waiting.reject(notConnected());
  }

  #stop(): Waiting[] {
    const all = [...this.#waiting];
    for (const each of all) each.settled();
    return all;
  }
}

function tooLate(limit: number): RingwireError {
  return new RingwireError('ERR_RINGWIRE_DRAIN_TIMEOUT', `no room within ${limit} ms`, { limit });
}
