/**
 * The modern face by every way into the package: named imports, `require`, and beside the default export, which stays what it was.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import ipc, * as ringwire from '../../src/index.ts';
import { projectRoot } from '../support/project.ts';

const NAMES = ['listen', 'connect', 'defineProtocol', 'typed', 'RequestError', 'RingwireError'] as const;

test('import: named exports beside the default instance', () => {
  for (const name of NAMES) assert.equal(typeof ringwire[name], 'function', name);
  assert.ok(ipc instanceof ringwire.IPC);
});

test('require: the default instance carries the same names', () => {
  const require = createRequire(import.meta.url);
  const required = require(join(projectRoot(), 'build', 'src', 'index.js')) as typeof ringwire;
  for (const name of NAMES) assert.equal(required[name], ringwire[name], name);
  assert.equal(required.default, ipc);
});

test('what is wrong with the arguments rejects, it never throws', async () => {
  for (const open of [
    () => ringwire.listen(''),
    () => ringwire.connect(''),
    () => ringwire.connect(null as never),
  ]) {
    const promise = open();
    assert.ok(promise instanceof Promise);
    await assert.rejects(promise, { code: 'ERR_RINGWIRE_BAD_ADDRESS' });
  }
});
