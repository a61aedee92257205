/**
 * What `ringwire bench run` measures, as data: one entry per row, what travels and how. A new row is a new entry.
 *
 * Invariant: an id names one measurement for good; results of different versions are compared by it.
 */
import type { CodecName } from '../codecs/codec.ts';
import type { ReceiveMode } from '../codecs/raw.ts';

export interface Scenario {
  readonly id: string;
  /** Messages in one direction as fast as they go, or one question at a time. */
  readonly shape: 'one-way' | 'echo';
  /**
   * `net`: bare `node:net` writing 64 KiB at a time, the floor; `node-ipc`: the original, where it is installed; `drop-in`: ringwire on its
   * wire; otherwise a codec of the ringwire wire.
   */
  readonly wire: 'net' | 'node-ipc' | 'drop-in' | CodecName;
  readonly receive: ReceiveMode;
  /** So many bytes, or a value. */
  readonly data: number | object;
  /** Messages of a round at the size 'full', about two seconds' worth. */
  readonly count: number;
}

/** One IMU and temperature sample, 64 bytes as JSON. */
const SENSOR = { id: 1207, t: 1_795_444_332_184, a: [0.118, -0.042, 9.807], c: 23.62 };

function raw(bytes: number, receive: ReceiveMode, count: number): Scenario {
  return {
    id: `unix/raw-${receive}/${bytes}B/one-way`,
    shape: 'one-way',
    wire: 'raw',
    receive,
    data: bytes,
    count,
  };
}

function value(wire: 'node-ipc' | 'drop-in' | 'json' | 'msgpack', count: number): Scenario {
  return { id: `unix/${wire}/sensor/one-way`, shape: 'one-way', wire, receive: 'copy', data: SENSOR, count };
}

function echo(wire: 'net' | 'drop-in' | 'raw'): Scenario {
  return { id: `unix/${wire}/64B/echo`, shape: 'echo', wire, receive: 'copy', data: 64, count: 20_000 };
}

export const SCENARIOS: readonly Scenario[] = [
  {
    id: 'unix/net/64KiB/one-way',
    shape: 'one-way',
    wire: 'net',
    receive: 'copy',
    data: 65_536,
    count: 60_000,
  },
  raw(64, 'frame', 20_000_000),
  raw(64, 'view', 10_000_000),
  raw(64, 'copy', 6_000_000),
  raw(1024, 'frame', 4_000_000),
  raw(65_536, 'frame', 60_000),
  value('node-ipc', 200_000),
  value('drop-in', 800_000),
  value('json', 800_000),
  value('msgpack', 800_000),
  echo('net'),
  echo('raw'),
];

/** The program's own message on each wire that can carry it. */
export function scenariosFor(payload: object, count: number): readonly Scenario[] {
  return (['node-ipc', 'drop-in', 'json', 'msgpack'] as const).map((wire) => ({
    id: `unix/${wire}/payload/one-way`,
    shape: 'one-way',
    wire,
    receive: 'copy',
    data: payload,
    count: wire === 'node-ipc' ? count / 4 : count,
  }));
}
