/**
 * What `ringwire bench run` measures, as data: one entry per row, who sends what to whom and how. A new row is a new entry.
 *
 * Invariant: an id names one measurement for good; results of different versions are compared by it.
 */
import type { Data, TransportName } from './contestant.ts';
import { ECHO, OPEN_LOOP } from './shapes/echo.ts';
import { FAN_OUT } from './shapes/fan-out.ts';
import { ONE_WAY } from './shapes/one-way.ts';
import type { Shape } from './shapes/shape.ts';

export type ShapeName = 'one-way' | 'fan-in' | 'fan-out' | 'echo' | 'open';

export const SHAPES: Readonly<Record<ShapeName, Shape>> = {
  'one-way': ONE_WAY,
  'fan-in': ONE_WAY,
  'fan-out': FAN_OUT,
  echo: ECHO,
  open: OPEN_LOOP,
};

export interface Scenario {
  /** `transport/contestant/payload/shape`. */
  readonly id: string;
  readonly transport: TransportName;
  readonly contestant: string;
  readonly shape: ShapeName;
  readonly data: Data;
  /** Timed messages of a round at the size 'full', about two seconds' worth. */
  readonly count: number;
  /** Connections of the client side: 1. */
  readonly peers?: number;
  /** Questions in flight: 1. */
  readonly inFlight?: number;
  /** Questions a second of an open loop. */
  readonly perSecond?: number;
  /** Path of the module that defines the contestant, when it is not ours. */
  readonly module?: string;
}

/** A scenario with the counts of one round. */
export interface SizedScenario extends Scenario {
  /** Of `count`, at the start: they are sent and counted, and not timed. */
  readonly warm: number;
}

/** One IMU and temperature sample, 64 bytes as JSON. */
export const SENSOR = { id: 1207, t: 1_795_444_332_184, a: [0.118, -0.042, 9.807], c: 23.62 } as const;
/** A sample that fits into a struct of 48 bytes with 8 fields; native-peers/sample.c sends the same. */
export const SAMPLE = {
  t: 1_795_444_332_184,
  seq: 41_872,
  status: 3,
  x: 0.118,
  y: -0.042,
  z: 9.807,
  c: 23.5,
  v: 3.25,
} as const;
/** A tick of a small game, 512 bytes as JSON. */
const GAME_STATE = {
  tick: 88_412,
  players: Array.from({ length: 6 }, (_, index) => ({
    id: index + 1,
    pos: [12.5 + index * 3.25, 0.75, -4.125 * index],
    yaw: 0.5 * index,
    hp: 100 - index * 7,
    name: `player-${index}`,
  })),
} as const;

interface Options {
  readonly transport?: TransportName;
  readonly inFlight?: number;
  readonly perSecond?: number;
  readonly peers?: number;
}

function nameOf(data: Data): string {
  if (data === SENSOR) return 'sensor';
  if (data === SAMPLE) return 'sample';
  if (data === GAME_STATE) return 'game-state';
  if (typeof data !== 'number') return 'payload';
  return data < 1024 ? `${data}B` : `${data / 1024}KiB`;
}

function shapeName(shape: ShapeName, { inFlight, perSecond, peers }: Options): string {
  const number = inFlight ?? perSecond ?? peers;
  return number === undefined ? shape : `${shape}-${number}`;
}

function row(
  contestant: string,
  data: Data,
  shape: ShapeName,
  count: number,
  options: Options = {},
): Scenario {
  const { transport = 'unix' } = options;
  const id = `${transport}/${contestant}/${nameOf(data)}/${shapeName(shape, options)}`;
  return { id, contestant, data, shape, count, ...options, transport };
}

/** The same message for several contestants, with the counts that take each about two seconds. */
function rows(
  counts: Readonly<Record<string, number>>,
  data: Data,
  shape: ShapeName,
  options: Options = {},
): Scenario[] {
  return Object.entries(counts).map(([contestant, count]) => row(contestant, data, shape, count, options));
}

export const SCENARIOS: readonly Scenario[] = [
  ...rows(
    {
      c: 120_000_000,
      'to-c': 60_000_000,
      'from-c': 60_000_000,
      'raw-frame': 60_000_000,
      'modern-raw': 60_000_000,
      'raw-view': 40_000_000,
      'raw-copy': 20_000_000,
      'by-hand': 30_000_000,
      ws: 600_000,
      zeromq: 250_000,
    },
    64,
    'one-way',
  ),
  ...rows(
    { c: 12_000_000, 'raw-frame': 12_000_000, 'raw-copy': 6_000_000, 'by-hand': 6_000_000, ws: 600_000 },
    1024,
    'one-way',
  ),
  ...rows({ c: 160_000, 'raw-frame': 160_000, net: 160_000, ws: 80_000 }, 65_536, 'one-way'),
  ...rows(
    {
      'drop-in': 1_000_000,
      json: 1_000_000,
      msgpack: 1_600_000,
      'modern-msgpack': 1_600_000,
      ndjson: 500_000,
      ws: 500_000,
      'node-ipc': 200_000,
      'child-json': 150_000,
      'child-advanced': 80_000,
    },
    SENSOR,
    'one-way',
  ),
  ...rows(
    { 'from-c-struct': 20_000_000, struct: 6_000_000, 'from-c-msgpack': 1_500_000, msgpack: 1_200_000 },
    SAMPLE,
    'one-way',
  ),
  ...rows(
    { 'drop-in': 300_000, msgpack: 300_000, ndjson: 200_000, 'node-ipc': 80_000 },
    GAME_STATE,
    'one-way',
  ),
  ...rows({ net: 30_000, 'raw-frame': 30_000, ws: 20_000, zeromq: 15_000 }, 64, 'echo'),
  ...rows({ 'drop-in': 30_000, 'node-ipc': 15_000 }, SENSOR, 'echo'),
  ...rows({ 'raw-frame': 1_500_000, ws: 200_000 }, 64, 'echo', { inFlight: 64 }),
  ...rows({ 'raw-frame': 4_000_000, ws: 300_000 }, 64, 'echo', { inFlight: 1024 }),
  ...rows({ 'drop-in': 400_000, 'node-ipc': 80_000 }, SENSOR, 'echo', { inFlight: 1024 }),
  row('requests', SENSOR, 'echo', 20_000),
  ...rows({ requests: 1_200_000, 'vscode-jsonrpc': 60_000 }, SENSOR, 'echo', { inFlight: 1024 }),
  ...rows({ net: 40_000, 'raw-frame': 40_000, ws: 40_000 }, 64, 'open', { perSecond: 20_000 }),
  ...rows({ 'drop-in': 40_000, 'node-ipc': 40_000 }, SENSOR, 'open', { perSecond: 20_000 }),
  ...rows({ 'raw-frame': 8_000_000, ws: 800_000 }, 64, 'fan-out', { peers: 10 }),
  ...rows({ 'raw-frame': 8_000_000, ws: 800_000 }, 64, 'fan-out', { peers: 100 }),
  ...rows({ 'raw-frame': 10_000_000, ws: 600_000 }, 64, 'fan-in', { peers: 10 }),
  ...rows({ net: 60_000, ws: 30_000 }, 65_536, 'one-way', { transport: 'tcp' }),
  ...rows({ 'raw-frame': 3_000_000, ws: 400_000 }, 1024, 'one-way', { transport: 'tcp' }),
  ...rows({ net: 30_000, 'raw-frame': 20_000 }, 64, 'echo', { transport: 'tcp' }),
  row('net', 65_536, 'one-way', 30_000, { transport: 'tls' }),
  row('raw-frame', 1024, 'one-way', 1_500_000, { transport: 'tls' }),
  ...rows(
    {
      net: 300_000,
      'raw-frame-single': 300_000,
      'raw-frame': 4_000_000,
      'raw-frame-16K': 12_000_000,
    },
    64,
    'one-way',
    { transport: 'udp' },
  ),
];

/** The program's own message on each wire that can carry it. */
export function scenariosFor(payload: object, count: number): readonly Scenario[] {
  return rows(
    { 'drop-in': count, json: count, msgpack: count, ndjson: count / 2, 'node-ipc': count / 4 },
    payload,
    'one-way',
  );
}
