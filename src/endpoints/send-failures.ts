/**
 * What the system says of datagrams that it did not send, as errors for the program: of one code at most one in a second, all are counted elsewhere.
 *
 * Invariant: an error names where the datagram was to go, never what was in it.
 */
import { RingwireError } from '../errors.ts';

/** What Node tells of a datagram that could not be sent. */
export type SendError = NodeJS.ErrnoException & { address?: string; port?: number };

/** Of one code there is one error in this time. */
const TELL_AGAIN_MS = 1_000;

export class SendFailures {
  readonly #failed: (error: RingwireError) => void;
  readonly #toldMs = new Map<string, number>();

  constructor(failed: (error: RingwireError) => void) {
    this.#failed = failed;
  }

  /** Says nothing when the program has been told of that code just now. @param to where it was to go, if the cause does not say so itself */
  tell(cause: SendError, to: Pick<SendError, 'address' | 'port'> = cause): void {
    const { code = 'unknown' } = cause;
    const { address, port } = to;
    const now = performance.now();
    if (now - (this.#toldMs.get(code) ?? -Infinity) < TELL_AGAIN_MS) return;
    this.#toldMs.set(code, now);
    const peer = address === undefined ? {} : { peer: `${address}:${port}` };
    const message = `a datagram could not be sent${address === undefined ? '' : ` to ${peer.peer}`}: ${code}`;
    this.#failed(new RingwireError('ERR_RINGWIRE_SEND_FAILED', message, { cause, ...peer }));
  }
}
