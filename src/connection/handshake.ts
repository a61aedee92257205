/**
 * The time that a peer has for its hello once it is known to speak the ringwire wire.
 *
 * Invariant: `failed` is called at most once for each `begin`, and never after `end`.
 */
import { FrameError } from '../errors.ts';

export class Handshake {
  readonly #limitMs: number;
  readonly #failed: (error: FrameError) => void;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(limitMs: number, failed: (error: FrameError) => void) {
    this.#limitMs = limitMs;
    this.#failed = failed;
  }

  begin(): void {
    const limit = this.#limitMs;
    this.#timer = setTimeout(() => {
      this.#failed(
        new FrameError('ERR_RINGWIRE_HANDSHAKE_TIMEOUT', `no hello within ${limit} ms`, { limit }),
      );
    }, limit);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
