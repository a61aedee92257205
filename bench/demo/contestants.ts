/**
 * Who takes part in the demo, as data: one entry each, the same list for the parent, the server and the clients.
 */
import type { CodecName } from '../../src/index.ts';

export interface Contestant {
  readonly name: string;
  readonly library: '@achrinza/node-ipc' | 'ringwire';
  /** The ringwire wire with this codec; undefined stays on node-ipc's wire. */
  readonly codec?: CodecName;
}

export const CONTESTANTS: readonly Contestant[] = [
  { name: 'node-ipc 10.1.11, JSON', library: '@achrinza/node-ipc' },
  { name: 'ringwire, drop-in JSON', library: 'ringwire' },
  { name: 'ringwire, json', library: 'ringwire', codec: 'json' },
  { name: 'ringwire, msgpack', library: 'ringwire', codec: 'msgpack' },
  { name: 'ringwire, raw', library: 'ringwire', codec: 'raw' },
];

export const PAYLOADS = ['sensor', 'gameState', 'telemetry', 'blob'] as const;
export type PayloadName = (typeof PAYLOADS)[number];

/** What the parent asks a client to do. */
export interface Order {
  payload: PayloadName;
  milliseconds: number;
}

/** What came of it, as both ends saw it. */
export interface Outcome {
  sent: number;
  arrived: number;
  /** Messages whose content was not what had been sent. */
  wrong: number;
  seconds: number;
  bytes: number;
}
