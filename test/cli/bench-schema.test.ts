/**
 * `ringwire bench schema`: real results fit it, and what it refuses `readResults` refuses as well.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { makeResults, readResults } from '../../src/bench/results.ts';
import type { JsonSchema } from '../../src/bench/schema.ts';
import { file, folder, removeFolder, ringwire } from './support.ts';

after(removeFolder);

const KEYWORDS: readonly string[] = [
  '$schema',
  'title',
  'description',
  'type',
  'const',
  'enum',
  'required',
  'properties',
  'items',
  'minItems',
  'minimum',
];

/** Of the keywords that are used; another one fails, because it would go unchecked. */
function fits(schema: JsonSchema, value: unknown): boolean {
  for (const keyword of Object.keys(schema)) assert.ok(KEYWORDS.includes(keyword), keyword);
  const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  if (schema.type !== undefined && schema.type !== type) return false;
  if (schema.const !== undefined && schema.const !== value) return false;
  if (schema.enum !== undefined && !schema.enum.some((each) => each === value)) return false;
  if (typeof value === 'number' && value < (schema.minimum ?? Number.NEGATIVE_INFINITY)) return false;
  if (Array.isArray(value)) {
    const { items } = schema;
    return (
      value.length >= (schema.minItems ?? 0) &&
      (items === undefined || value.every((each) => fits(items, each)))
    );
  }
  if (type !== 'object') return true;
  const fields = value as Record<string, unknown>;
  if (!(schema.required ?? []).every((key) => Object.hasOwn(fields, key))) return false;
  return Object.entries(schema.properties ?? {}).every(
    ([key, property]) => !Object.hasOwn(fields, key) || fits(property, fields[key]),
  );
}

function reads(value: unknown): boolean {
  try {
    readResults(file('value.json', value));
    return true;
  } catch {
    return false;
  }
}

const printed = ringwire(['bench', 'schema']);
const schema = JSON.parse(printed.out) as JsonSchema;

test('a real result fits', () => {
  assert.equal(printed.code, 0);
  const json = path.join(folder, 'real.json');
  const { code, err } = ringwire([
    'bench',
    'run',
    '--smoke',
    '--rounds',
    '1',
    '--json',
    json,
    'net/64B/echo',
  ]);
  assert.equal(code, 0, err);
  const result: unknown = JSON.parse(fs.readFileSync(json, 'utf8'));
  assert.ok(fits(schema, result));
});

test('the schema and readResults accept and refuse the same', () => {
  const row = { id: 'a', unit: 'us', better: 'lower', samples: [1, 2.5] } as const;
  const result = makeResults([row]);
  const changed = (change: object): object => ({ ...result, rows: [row, { ...row, ...change }] });
  for (const good of [result, makeResults([]), { ...result, extra: 1 }, changed({ note: 'x' })]) {
    assert.ok(fits(schema, good), JSON.stringify(good));
    assert.ok(reads(good));
  }
  const { rows: _, ...rowless } = result;
  for (const bad of [
    rowless,
    [],
    { ...result, format: 'other' },
    { ...result, version: 2 },
    { ...result, date: 1 },
    { ...result, machine: { ...result.machine, cores: '2' } },
    { ...result, machine: {} },
    { ...result, rows: {} },
    changed({ id: 7 }),
    changed({ unit: null }),
    changed({ better: 'best' }),
    changed({ samples: [] }),
    changed({ detail: 'yes' }),
    changed({ samples: [1, -1] }),
    changed({ samples: ['1'] }),
    changed({ samples: 1 }),
  ]) {
    assert.ok(!fits(schema, bad), JSON.stringify(bad));
    assert.ok(!reads(bad), JSON.stringify(bad));
  }
});

test('mistakes and help', () => {
  assert.equal(ringwire(['bench', 'schema', 'x']).code, 2);
  assert.match(ringwire(['bench', 'schema', '--help']).out, /^Usage: ringwire bench schema/);
});
