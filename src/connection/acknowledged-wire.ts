/**
 * The ringwire wire where messages are acknowledged: each one is counted before it is handled or refused.
 *
 * Invariant: a frame counts once, whatever becomes of it.
 */
import type { ReceiveRing } from '../bytes/receive-ring.ts';
import { CONTROL_EVENT } from '../frames/control.ts';
import type { Frame } from '../frames/frame.ts';
import { FrameKind } from '../frames/header.ts';
import { BinaryWire, type BinaryWireOptions } from './binary-wire.ts';
import type { Sink } from './wire.ts';

export class AcknowledgedWire extends BinaryWire {
  readonly #counting: Sink;

  constructor(ring: ReceiveRing, options: BinaryWireOptions, sink: Sink) {
    super(ring, options, sink);
    this.#counting = sink;
  }

  override receive(frame: Frame): void {
    if (frame.event !== CONTROL_EVENT) this.#counting.link.counted(frame.kind === FrameKind.message);
    super.receive(frame);
  }
}
