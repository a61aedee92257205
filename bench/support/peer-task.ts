/** What a measuring process is told, and what it reports. */
import type { ReceiveMode } from '../../src/index.ts';

export type Contestant = 'ringwire' | 'ringwire-json-wire' | 'node-ipc' | 'net';

export interface PeerTask {
  role: 'sink' | 'source' | 'echo-server' | 'echo-client' | 'idle-server';
  contestant: Contestant;
  path: string;
  count: number;
  /** Payload bytes of raw messages. */
  bytes: number;
  receive: ReceiveMode;
  /** Data of JSON messages. */
  json?: unknown;
}

export interface SinkResult {
  count: number;
  bytes: number;
  /** Messages per second once warm. */
  perSecond: number;
  /** Heap bytes per message that the receiver allocated in the second half. */
  allocated: number;
  /** The same of the sender. */
  sourceAllocated: number;
}

export interface EchoResult {
  /** Microseconds. */
  p50: number;
  p99: number;
  count: number;
}
