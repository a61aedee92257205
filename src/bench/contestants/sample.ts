/**
 * The struct that is measured, 48 bytes with 8 fields, and a handler that reads four of them.
 *
 * Invariant: the four fields of every message are compared with what was sent, all eight of one message in COMPARE_EVERY.
 */
import { defineStruct, type Struct } from '../../codecs/struct/struct.ts';
import type { StructInput, StructView } from '../../codecs/struct/types.ts';
import { COMPARE_EVERY, type Job } from '../contestant.ts';

/** As native-peers/sample.json says it. */
export const SAMPLE_FIELDS = {
  t: 'u64',
  seq: 'u32',
  status: 'u32',
  x: 'f64',
  y: 'f64',
  z: 'f64',
  c: 'f32',
  v: 'f32',
} as const;

export type SampleView = StructView<typeof SAMPLE_FIELDS>;

/** The struct as the library under test makes it. */
export async function sampleStruct({ library }: Job): Promise<Struct> {
  const module = (await import(library)) as { defineStruct: typeof defineStruct };
  return module.defineStruct('sample', SAMPLE_FIELDS) as unknown as Struct;
}

/** @returns what looks at a message; it keeps nothing of it */
export function sampleCheck({ data }: Job): (view: SampleView) => void {
  const struct = defineStruct('sample', SAMPLE_FIELDS);
  const expected = struct.decode(struct.encode(data as StructInput<typeof SAMPLE_FIELDS>));
  const { seq, x, y, z } = expected;
  let seen = 0;
  return (view) => {
    if (view.seq !== seq || view.x !== x || view.y !== y || view.z !== z)
      throw new Error(`message ${seen} is not what was sent`);
    if (seen++ % COMPARE_EVERY === 0 && !same(view, expected))
      throw new Error(`message ${seen} is not what was sent`);
  };
}

/** All fields; apart, because a closure in the handler would cost it an object for each message. */
function same(view: SampleView, expected: SampleView): boolean {
  return (Object.keys(SAMPLE_FIELDS) as (keyof SampleView)[]).every((name) => view[name] === expected[name]);
}
