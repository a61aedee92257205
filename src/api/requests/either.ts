/**
 * An answer of which the asker does not know beforehand whether it is one value or a stream: `ringwire request`.
 *
 * Invariant: one value is the stream's only item, and `isOneValue` is set before it can be read.
 */
import { IncomingStream } from './incoming-stream.ts';

export class EitherAnswer extends IncomingStream {
  isOneValue = false;

  override responded(value: unknown): void {
    this.isOneValue = true;
    this.item(value);
    this.ended();
  }
}
