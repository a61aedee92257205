/**
 * Both directions of requests on one connection: what arrives is told apart by its kind.
 *
 * Invariant: after `close` nothing is open in either direction.
 */
import type { Codec } from '../../codecs/codec.ts';
import type { ExchangeReceiver } from '../../connection/contracts.ts';
import type { Slot } from '../../emitter.ts';
import type { Frame } from '../../frames/frame.ts';
import { FrameKind } from '../../frames/header.ts';
import type { Answerer } from './answerer.ts';
import type { Asker } from './asker.ts';

export class Exchanges implements ExchangeReceiver {
  readonly asker: Asker;
  readonly answerer: Answerer;

  constructor(asker: Asker, answerer: Answerer) {
    this.asker = asker;
    this.answerer = answerer;
  }

  exchanged(frame: Frame, slot: Slot | undefined, codec: Codec): void {
    if (frame.kind === FrameKind.request) this.answerer.requested(frame, slot, codec);
    else if (frame.kind === FrameKind.cancel) this.answerer.cancelled(frame.correlation);
    else if (frame.kind === FrameKind.credit) this.answerer.credited(frame);
    else this.asker.answered(frame, codec);
  }

  close(): void {
    this.asker.close();
    this.answerer.close();
  }
}
