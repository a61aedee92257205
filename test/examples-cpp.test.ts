/**
 * examples/cpp-service, built and run as its README says.
 *
 * Without make and a C++ compiler it is skipped, with the reason.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compilerMissing, make } from './support/native.ts';
import { projectRoot } from './support/project.ts';

const PATIENCE_MS = 20_000;
const missing = compilerMissing('g++');

test('the C++ service is called from Node', { skip: missing ?? false, timeout: 60_000 }, async () => {
  make('examples/cpp-service');
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-cpp-'));
  const example = join(projectRoot(), 'examples', 'cpp-service');
  const path = join(folder, 'socket');
  const service = spawn(join(example, 'bin', 'service'), [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const closed = once(service, 'close');
    await once(service.stdout, 'data');
    const { stdout, stderr } = spawnSync(process.execPath, [join(example, 'client.mjs'), path], {
      encoding: 'utf8',
      timeout: PATIENCE_MS,
    });
    assert.equal(stderr, '');
    assert.deepEqual(stdout.trim().split('\n'), [
      'the sum of 3 numbers is 6.5',
      'the sum of 0 numbers is 0',
      'the sum of 2 numbers is 0.30000000000000004',
      'the sum of 1000 numbers is 499500',
    ]);
    assert.deepEqual(await closed, [0, null], 'the service ends well when its caller has gone');
  } finally {
    service.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
