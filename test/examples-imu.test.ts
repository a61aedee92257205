/**
 * examples/imu, run as its README says, and the headers in the repository that are written by `ringwire codegen`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { structsFromJson } from '../src/api.ts';
import { SAMPLE_FIELDS } from '../src/bench/contestants/sample.ts';
import { cHeader } from '../src/codegen/c-header.ts';
import { loadSchema } from '../src/codegen/schema.ts';
import { defineStruct } from '../src/codecs/struct/struct.ts';
import { projectRoot } from './support/project.ts';

const root: string = projectRoot();

function missing(): string | false {
  for (const tool of ['make', 'cc'])
    if (spawnSync(tool, ['--version']).status !== 0) return `there is no ${tool}`;
  return false;
}

test('examples/imu', { skip: missing(), timeout: 30_000 }, () => {
  const program = join(root, 'examples', 'imu', 'dashboard.mjs');
  const args = [program, '--samples', '1000', '--rate', '0'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([status, stdout, stderr], [0, '1000 samples, 0 lost, 198 hot, peak 9.81 m/s²\n', '']);
});

test('generated headers are those of their schemas', async () => {
  for (const [folder, name] of [
    ['examples/imu', 'imu'],
    ['native-peers', 'sample'],
  ] as const) {
    const place = join(root, folder, name);
    const header = cHeader(await loadSchema(`${place}.json`), `${name}.json`, `${name}.h`);
    assert.equal(readFileSync(`${place}.h`, 'utf8'), header, `${folder}/${name}.h`);
  }
});

test('the bench measures the struct that its C peer sends', () => {
  const schema: unknown = JSON.parse(readFileSync(join(root, 'native-peers', 'sample.json'), 'utf8'));
  const { sample } = structsFromJson(schema);
  const own = defineStruct('sample', SAMPLE_FIELDS);
  assert.deepEqual([sample?.hash, sample?.bytes, sample?.fields.length], [own.hash, 48, 8]);
});
