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

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<T extends true>(): T | undefined {
  return undefined;
}

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
  const none: undefined = undefined;
  const all = [
    holds<
      Equal<
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
      >
    >(),
    holds<Equal<StructInput<Fields>['t'], bigint | number>>(),
    holds<Equal<StructInput<Fields>['samples'], ArrayLike<number>>>(),
    holds<Equal<StructInput<Fields>['status'], { readonly good?: boolean; readonly hot?: boolean }>>(),
    holds<Equal<StructInput<Fields>['path'], ArrayLike<{ readonly x: number }>>>(),
    holds<Equal<StructView<Fields>['samples'], NumbersView<number, Int16Array>>>(),
    holds<Equal<StructView<Fields>['stamps'], NumbersView<bigint, BigInt64Array>>>(),
    holds<Equal<StructView<Fields>['path'], ArrayView<{ readonly x: number }>>>(),
    holds<Equal<StructView<Fields>['mode'], 'idle' | 'run' | number>>(),
    holds<Equal<StructView<Fields>['status'], { readonly good: boolean; readonly hot: boolean }>>(),
    holds<Equal<StructView<Fields>['later'], number>>(),
    holds<Equal<StructView<Fields>['pose'], { readonly x: number }>>(),
  ];
  for (const each of all) assert.equal(each, none);
});

const CALLS: readonly ((value: StructValue<Fields>) => void)[] = [
  // @ts-expect-error a field is missing
  ({ seq: _, ...rest }) => Imu.encode(rest),
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
