/**
 * Data that was lent to a handler, made the reader's own.
 *
 * Invariant: what `receive: 'copy'` hands over is not copied again.
 */
import { retain, type ReceiveMode } from '../codecs/raw.ts';
import type { Frame } from '../frames/frame.ts';

export function keeperOf(receive: ReceiveMode = 'copy'): (data: unknown) => unknown {
  return (data) => {
    if (receive === 'view' && Buffer.isBuffer(data)) return retain(data);
    return receive === 'frame' && isFrame(data) ? retain(data) : data;
  };
}

function isFrame(data: unknown): data is Frame {
  return typeof data === 'object' && data !== null && 'traceStart' in data && 'correlation' in data;
}
