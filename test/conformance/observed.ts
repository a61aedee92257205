/**
 * What a receiver of messages sees of a peer, in the words of the conformance pack.
 *
 * Invariant: what is lent for a call is written down within it.
 */
import { crc32 } from '../frames/replay.ts';
import type { ConnectionContext } from '../../src/connection/contracts.ts';
import type { ContextOptions } from '../../src/endpoints/context.ts';
import { makeContext } from '../../src/endpoints/context.ts';
import { Emitter } from '../../src/emitter.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { FrameKind } from '../../src/frames/header.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import type { Setting } from '../support/vectors.ts';

const HEX_BYTES_MAX = 64;

export interface Observed {
  readonly events: string[];
  /** The receiver closed before the peer did. */
  closed: boolean;
  /** Bytes that the receiver sent. */
  sent: Buffer;
}

export function shown(bytes: Uint8Array): string {
  if (bytes.length === 0) return '-';
  if (bytes.length <= HEX_BYTES_MAX) return Buffer.from(bytes).toString('hex');
  return `${bytes.length}:${crc32(bytes).toString(16).padStart(8, '0')}`;
}

export function messageLine(event: string, data: unknown): string {
  const name = JSON.stringify(event).slice(1, -1);
  if (data instanceof Uint8Array) return `message ${name} ${shown(data)}`;
  return `message ${name} ${data === undefined ? 'undefined' : `json ${JSON.stringify(data)}`}`;
}

export function errorLine(error: Error): string {
  return `error ${String((error as { code?: unknown }).code ?? error.message).replace('ERR_RINGWIRE_', '')}`;
}

/** Requests and what belongs to them; a request for an event without a name is refused by the wire behind this. */
export function recordExchanges(log: string[]): { exchanged(frame: Frame, slot: unknown): void } {
  return {
    exchanged({ kind, correlation, bytes, start, end }, slot): void {
      if (kind === FrameKind.request && slot === undefined) return;
      log.push(
        `exchange ${kind} ${correlation.toString(16).padStart(8, '0')} ${shown(bytes.subarray(start, end))}`,
      );
    },
  };
}

export function contextFor(setting: Partial<Setting>, options: Partial<ContextOptions>): ConnectionContext {
  const { limit = 1024, agreed = 5, features = 0 } = setting;
  return makeContext(new Emitter(), {
    id: 'conformance',
    // No case is about time, and hundreds of them share a loaded machine.
    limits: { ...DEFAULT_LIMITS, frameBytesMax: limit, handshakeTimeoutMs: 60_000, frameTimeoutMs: 60_000 },
    receive: 'copy',
    encoding: 'utf8',
    codec: 'raw',
    followPeer: true,
    delimiter: '\f',
    events: Object.fromEntries(
      Array.from({ length: agreed }, (_, index) => [`agreed ${index + 1}`, index + 1]),
    ),
    features,
    poison: false,
    ...options,
  });
}
