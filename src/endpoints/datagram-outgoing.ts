/**
 * Which peers have something to send: at the end of the tick, when the socket is ready again, or at once.
 *
 * Invariant: a peer with an open datagram is flushed in this tick, or within `coalesceMs`; one that waits for the socket is called when it is
 * ready.
 */
import type { DatagramLink } from './datagram-link.ts';

export class DatagramOutgoing {
  readonly #coalesceMs: number;
  readonly #failed: (error: Error) => void;
  #open: DatagramLink[] = [];
  #blocked = new Set<DatagramLink>();
  #scheduled = false;

  /** @param failed told what a message that was kept until now throws when it is encoded */
  constructor(coalesceMs: number, failed: (error: Error) => void) {
    this.#coalesceMs = coalesceMs;
    this.#failed = failed;
  }

  /** The peer has an open datagram or newest values. */
  opened(link: DatagramLink): void {
    link.isDirty = true;
    this.#open.push(link);
    if (this.#scheduled) return;
    this.#scheduled = true;
    const flush = (): void => {
      this.#scheduled = false;
      this.flush();
    };
    if (this.#coalesceMs > 0) setTimeout(flush, this.#coalesceMs);
    else process.nextTick(flush);
  }

  blocked(link: DatagramLink): void {
    this.#blocked.add(link);
  }

  forgotten(link: DatagramLink): void {
    this.#blocked.delete(link);
  }

  /** Closes the open datagrams. */
  flush(): void {
    const open = this.#open;
    this.#open = [];
    for (const link of open) {
      link.isDirty = false;
      this.guard(() => link.sender.flush());
    }
  }

  /** The socket takes datagrams again. */
  dispatch(): void {
    const blocked = this.#blocked;
    this.#blocked = new Set();
    for (const link of blocked) this.guard(() => link.dispatch());
  }

  guard(send: () => unknown): void {
    try {
      send();
    } catch (error) {
      this.#failed(error as Error);
    }
  }
}
