/**
 * Addresses: each form, what it means, and that a text which is none of them is refused with a code.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressOf, placeOf } from '../../src/api/address.ts';
import { connect, listen } from '../../src/index.ts';

const unix = process.platform === 'win32' ? { skip: 'paths are pipes there' } : {};

test('local addresses', unix, () => {
  for (const [address, path] of [
    ['unix:/run/app.sock', '/run/app.sock'],
    ['unix:///run/app.sock', '/run/app.sock'],
    ['unix:app.sock', 'app.sock'],
    ['unix:/a b%20?#c', '/a b%20?#c'],
    [new URL('unix:/run/a b'), '/run/a b'],
    ['ipc://world', '/tmp/app.world'],
    ['ipc://My World', '/tmp/app.My World'],
    [{ path: '/run/app.sock' }, '/run/app.sock'],
    [{ ipc: 'world' }, '/tmp/app.world'],
    [{ ipc: 'world', socketRoot: '/run/', appspace: 'my.' }, '/run/my.world'],
  ] as const) {
    assert.deepEqual(placeOf(address), { kind: 'unix', path }, JSON.stringify(address));
  }
});

test('addresses of hosts', () => {
  for (const [address, kind, host, port] of [
    ['tcp://localhost:8000', 'tcp', 'localhost', 8000],
    ['tcp://:8000', 'tcp', '127.0.0.1', 8000],
    ['tcp://[::1]:0', 'tcp', '::1', 0],
    ['tls://world.example:443/', 'tls', 'world.example', 443],
    ['udp://10.0.0.1:9', 'udp', '10.0.0.1', 9],
    [new URL('tcp://localhost:8000'), 'tcp', 'localhost', 8000],
    [{ port: 1 }, 'tcp', '127.0.0.1', 1],
    [{ host: 'a', port: 1, tls: true }, 'tls', 'a', 1],
  ] as const) {
    const place = placeOf(address);
    assert.deepEqual(place, { kind, host, port }, JSON.stringify(address));
    assert.deepEqual(placeOf(addressOf(place)), place);
  }
});

test('what is no address is refused', async () => {
  for (const address of [
    '',
    'world',
    '/run/app.sock',
    'http://localhost:80',
    'tcp://localhost',
    'tcp://localhost:65536',
    'tcp://localhost:-1',
    'tcp://user@host:1',
    'tcp://a:b:1',
    'unix:',
    'ipc:',
    'ipc://',
    'ipc:world',
    { port: 1.5 },
    { port: '80' },
    { path: '' },
    { ipc: '' },
    {},
    null,
    undefined,
    7,
  ]) {
    const given = address as Address;
    assert.throws(() => placeOf(given), { code: 'ERR_RINGWIRE_BAD_ADDRESS' }, JSON.stringify(address));
    await assert.rejects(listen(given), { code: 'ERR_RINGWIRE_BAD_ADDRESS' });
    await assert.rejects(connect(given), { code: 'ERR_RINGWIRE_BAD_ADDRESS' });
  }
  assert.throws(() => placeOf('unix:/a\0b'), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
});

test('a path that the system would cut is refused', unix, async () => {
  await assert.rejects(listen(`unix:/${'x'.repeat(200)}`), { code: 'ERR_RINGWIRE_PATH_TOO_LONG' });
});
