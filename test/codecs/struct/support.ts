/**
 * One struct that uses everything that a definition may hold, with values at the edges of its types.
 */
import { defineStruct, enumOf, flagsOf, type StructInput, type StructValue } from '../../../src/api.ts';

export const Pose = defineStruct('pose', { x: 'f32', y: 'f32', label: ['char', 3] });
export const MODE = enumOf('i16', { idle: 0, run: 1, fault: -2 });
export const STATUS = flagsOf('u16', ['ok', 'hot', 'low', 'b3', 'b4', 'b5', 'b6', 'b7', 'b8', 'top']);
export const Everything = defineStruct('everything', {
  u8: 'u8',
  i8: 'i8',
  u16: 'u16',
  i16: 'i16',
  u32: 'u32',
  i32: 'i32',
  u64: 'u64',
  i64: 'i64',
  f32: 'f32',
  f64: 'f64',
  yes: 'bool',
  letter: 'char',
  name: ['char', 16],
  bytes: ['u8', 3],
  samples: ['i16', 8],
  wide: ['u64', 2],
  bits: ['bool', 2],
  pose: Pose,
  path: [Pose, 3],
  mode: MODE,
  modes: [MODE, 2],
  status: STATUS,
  statuses: [STATUS, 2],
  late: { type: 'u32', offset: 256 },
});

export type EverythingInput = StructInput<typeof Everything.definition>;
export type EverythingValue = StructValue<typeof Everything.definition>;

export const NO_STATUS = {
  ok: false,
  hot: false,
  low: false,
  b3: false,
  b4: false,
  b5: false,
  b6: false,
  b7: false,
  b8: false,
  top: false,
} as const;

function pose(x: number, label = ''): { x: number; y: number; label: string } {
  return { x, y: -x, label };
}

/** A value of every field. */
export const MIDDLE: EverythingValue = {
  u8: 1,
  i8: -1,
  u16: 2,
  i16: -2,
  u32: 3,
  i32: -3,
  u64: 4n,
  i64: -4n,
  f32: 0.5,
  f64: -0.1,
  yes: true,
  letter: 'x',
  name: 'Grüße €',
  bytes: [7, 8, 9],
  samples: [1, -2, 3, -4, 5, -6, 7, -8],
  wide: [1n, 2n],
  bits: [false, true],
  pose: pose(1.5, 'ab'),
  path: [pose(1), pose(2, 'abc'), pose(3)],
  mode: 'run',
  modes: ['fault', 77],
  status: { ...NO_STATUS, hot: true },
  statuses: [NO_STATUS, { ...NO_STATUS, ok: true, top: true }],
  late: 6,
};

const LEAST: EverythingValue = {
  ...MIDDLE,
  u8: 0,
  i8: -0x80,
  u16: 0,
  i16: -0x8000,
  u32: 0,
  i32: -0x8000_0000,
  u64: 0n,
  i64: -(2n ** 63n),
  f32: -Infinity,
  f64: Number.MIN_VALUE,
  yes: false,
  letter: '',
  name: '',
  bytes: [0, 0, 0],
  samples: [-0x8000, 0, 0, 0, 0, 0, 0, 0],
  wide: [0n, 0n],
};

const MOST: EverythingValue = {
  ...MIDDLE,
  u8: 0xff,
  i8: 0x7f,
  u16: 0xffff,
  i16: 0x7fff,
  u32: 0xffff_ffff,
  i32: 0x7fff_ffff,
  u64: 2n ** 64n - 1n,
  i64: 2n ** 63n - 1n,
  f32: Number.NaN,
  f64: Number.MAX_VALUE,
  name: 'x'.repeat(16),
  bytes: [255, 255, 255],
  samples: [0x7fff, -1, -1, -1, -1, -1, -1, -1],
  wide: [2n ** 64n - 1n, 2n ** 63n],
  modes: ['idle', -0x8000],
  late: 0xffff_ffff,
};

export const VALUES: readonly EverythingValue[] = [MIDDLE, LEAST, MOST];
