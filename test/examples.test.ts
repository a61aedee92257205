/**
 * The examples are programs: each server is started, its client says what the text beside it says.
 *
 * They import the package by its name, so they run what `npm run build` has made.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { projectRoot } from './support/project.ts';

const place: string = join(projectRoot(), 'examples');

function start(
  context: TestContext,
  program: string,
  address: string,
): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [join(place, program), address], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  context.after(() => child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => (output += text));
  return { child, output: () => output };
}

test('every example is run by a test', () => {
  const tested = {
    ci: 'examples-ci',
    'cpp-service': 'examples-cpp',
    'game-state': 'udp/programs',
    hello: 'examples',
    imu: 'examples-imu',
    requests: 'examples',
    'sensor-feed': 'udp/programs',
  };
  assert.deepEqual(readdirSync(place).toSorted(), Object.keys(tested));
  for (const [name, file] of Object.entries(tested)) {
    const text = readFileSync(join(projectRoot(), 'test', `${file}.test.ts`), 'utf8');
    assert.ok(text.includes(name), `${file} runs ${name}`);
  }
});

for (const [name, expected] of [
  ['hello', 'hello world!\n'],
  [
    'requests',
    '50 %\na thumbnail of 64 bytes\nresized: 3072 bytes\nERR_RINGWIRE_REQUEST_FAILED, EINVAL: an image has a size\n100 rows, sum 338350\n',
  ],
] as const) {
  test(`examples/${name}`, { timeout: 20_000 }, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'ringwire-examples-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const address = `unix:${join(folder, 'socket')}`;
    const server = start(context, join(name, 'server.mjs'), address);
    while (!server.output().includes('listening on')) {
      assert.equal(server.child.exitCode, null, server.output());
      await once(server.child.stdout as NonNullable<typeof server.child.stdout>, 'data');
    }
    const client = start(context, join(name, 'client.mjs'), address);
    const [code] = (await once(client.child, 'close')) as [number];
    assert.deepEqual([code, client.output()], [0, expected], server.output());
  });
}
