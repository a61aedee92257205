/**
 * The types that TypeScript infers from a definition, checked by the compiler; and that nothing of a struct needs code made from strings.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import {
  type ArrayView,
  defineStruct,
  enumOf,
  flagsOf,
  type NumbersView,
  type StructInput,
  type StructValue,
  type StructView,
} from '../../../src/api.ts';
import { projectRoot } from '../../support/project.ts';

type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
function same<A, B>(_equal: Equal<A, B>): void {}

const Pose = defineStruct('pose', { x: 'f32' });
const Imu = defineStruct('imu', {
  seq: 'u32',
  t: 'u64',
  ok: 'bool',
  name: ['char', 16],
  samples: ['i16', 8],
  stamps: ['i64', 2],
  pose: Pose,
  path: [Pose, 4],
  mode: enumOf('u8', { idle: 0, run: 1 }),
  status: flagsOf('u8', ['good', 'hot']),
  later: { type: 'f64', offset: 128 },
});
type Fields = typeof Imu.definition;

test('types follow from the definition', () => {
  same<
    StructValue<Fields>,
    {
      seq: number;
      t: bigint;
      ok: boolean;
      name: string;
      samples: number[];
      stamps: bigint[];
      pose: { x: number };
      path: { x: number }[];
      mode: 'idle' | 'run' | number;
      status: Record<'good' | 'hot', boolean>;
      later: number;
    }
  >(true);
  same<StructInput<Fields>['t'], bigint | number>(true);
  same<StructInput<Fields>['samples'], ArrayLike<number>>(true);
  same<StructInput<Fields>['status'], { readonly good?: boolean; readonly hot?: boolean }>(true);
  same<StructInput<Fields>['path'], ArrayLike<{ readonly x: number }>>(true);
  same<StructView<Fields>['samples'], NumbersView<number, Int16Array>>(true);
  same<StructView<Fields>['stamps'], NumbersView<bigint, BigInt64Array>>(true);
  same<StructView<Fields>['path'], ArrayView<{ readonly x: number }>>(true);
  same<StructView<Fields>['mode'], 'idle' | 'run' | number>(true);
  same<StructView<Fields>['status'], { readonly good: boolean; readonly hot: boolean }>(true);
  same<StructView<Fields>['later'], number>(true);
  same<StructView<Fields>['pose'], { readonly x: number }>(true);
  // And what is not the same is told apart.
  same<StructValue<Fields>['t'], number>(false);
  same<StructValue<Fields>, { seq: number }>(false);
  assert.equal(Imu.bytes, 136);
});

const CALLS: readonly ((value: StructValue<Fields>) => void)[] = [
  // @ts-expect-error a field is missing
  (value: Omit<StructValue<Fields>, 'seq'>) => Imu.encode(value),
  // @ts-expect-error a number is no text
  (value) => Imu.encode({ ...value, name: 5 }),
  // @ts-expect-error no such member
  (value) => Imu.encode({ ...value, mode: 'walk' }),
  // @ts-expect-error no such flag
  (value) => Imu.encode({ ...value, status: { cold: true } }),
  // @ts-expect-error views are read only
  () => (Imu.view(Buffer.alloc(0)).seq = 1),
  // @ts-expect-error no such field
  () => Imu.decode(Buffer.alloc(0)).other,
  // @ts-expect-error no such type
  () => defineStruct('s', { a: 'u24' }),
];

test('what TypeScript refuses stands in the table above', () => {
  assert.equal(CALLS.length, 7);
});

test('structs work where code from strings is forbidden', async () => {
  const library = pathToFileURL(join(projectRoot(), 'dist', 'index.js')).href;
  const program = `
    import { defineStruct, enumOf, flagsOf } from ${JSON.stringify(library)};
    try { new Function('return 1')(); console.log('allowed'); } catch (error) { console.log(error.name); }
    const Imu = defineStruct('imu', { seq: 'u32', t: 'u64', samples: ['i16', 2], name: ['char', 8],
      mode: enumOf('u8', { run: 1 }), status: flagsOf('u8', ['hot']) });
    const value = { seq: 7, t: 8n, samples: [1, -2], name: 'abc', mode: 'run', status: { hot: true } };
    const bytes = Imu.encode(value);
    const view = Imu.view(bytes);
    console.log(view.seq, view.t, view.samples.get(1), view.name, view.mode, view.status.hot, Imu.decode(bytes).name);
  `;
  const args = ['--disallow-code-generation-from-strings', '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
  assert.deepEqual(stdout.trim().split('\n'), ['EvalError', '7 8n -2 abc run true abc']);
});
