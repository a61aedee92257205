/**
 * UDP in processes of their own: memory under a flood, and the examples as their READMEs say to run them.
 *
 * Invariant: no fixed ports; every process ends by itself.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { within } from '../compat/support/waiting.ts';
import { projectRoot } from '../support/project.ts';

const run = promisify(execFile);
const EXAMPLES: string = path.join(projectRoot(), 'examples');
const SOURCES = 100_000;
const GROWN_MAX: number = 8 * 1024 * 1024;

void describe('udp in processes', { concurrency: 2 }, () => {
  void test(`a flood from ${SOURCES} sources leaves the memory where it was`, async () => {
    const flood = fileURLToPath(new URL(`support/flood${path.extname(import.meta.url)}`, import.meta.url));
    const { stdout } = await run(process.execPath, ['--expose-gc', flood, String(SOURCES)]);
    const { grown, received, peers, forgottenPeers } = JSON.parse(stdout) as Record<string, number>;
    assert.equal(received, 2 * SOURCES);
    assert.equal(peers, 1_024);
    assert.equal(forgottenPeers, 2 * SOURCES - 1_024);
    assert.ok((grown as number) <= GROWN_MAX, `${grown} bytes more`);
  });

  void test('the sensor feed knows exactly what the proxy dropped', async () => {
    const feed = path.join(EXAMPLES, 'sensor-feed', 'feed.mjs');
    const { stdout } = await run(process.execPath, [feed, '--readings', '800', '--seed', '5']);
    const [, received, lost, dropped] =
      /received (\d+), lost (\d+), dropped by the proxy (\d+)/.exec(stdout)?.map(Number) ?? [];
    assert.ok((dropped as number) > 80, stdout);
    assert.equal(lost, dropped);
    assert.equal((received as number) + (lost as number), 801);
    assert.match(stdout, /jitter \d+\.\d+ ms, age of the value p50 \d+\.\d+ ms, p99 \d+\.\d+ ms/);
  });

  void test('32 clients see the state of the game', async (context) => {
    const folder = path.join(EXAMPLES, 'game-state');
    const server = spawn(process.execPath, [path.join(folder, 'server.mjs'), '--port', '0']);
    context.after(() => server.kill());
    const [line] = (await within('the port', once(createInterface(server.stdout), 'line'))) as [string];
    const port = /^port (\d+)$/.exec(line)?.[1] ?? line;
    const clients = path.join(folder, 'clients.mjs');
    const { stdout } = await run(process.execPath, [clients, '--port', port, '--poses', '100']);
    const [, poses] = /(\d+) poses, \d+ lost, jitter up to/.exec(stdout)?.map(Number) ?? [];
    assert.ok((poses as number) >= 32 * 100, stdout);
  });
});
