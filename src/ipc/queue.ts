/**
 * `client.queue`: what node-ipc programs may touch of the queue of sync mode.
 */
import type { SyncWindow } from '../connection/sync-window.ts';

export class ClientQueue {
  readonly #window: () => SyncWindow | undefined;

  constructor(window: () => SyncWindow | undefined) {
    this.#window = window;
  }

  /** Messages that wait for their turn or for an answer. */
  get length(): number {
    return this.#window()?.length ?? 0;
  }

  /** Lets the next message go without waiting for the answer to the last one. */
  next(): void {
    this.#window()?.next();
  }

  /** Runs the tasks. Messages wait in the window, so a task has nothing to wait for. */
  add(...tasks: (() => void)[]): void {
    for (const task of tasks) task();
  }
}
