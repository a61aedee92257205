/**
 * The scripts of the long rows and of the soak, at their smallest: they run, go on where they stopped, and say what they found.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project.ts';
import { Incoming, Outgoing } from '../soak/traffic.ts';

interface Script {
  (...args: string[]): Promise<string>;
}

function script(
  context: TestContext,
  name: string,
): { run: Script; state: () => unknown; summary: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-script-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [state, summary] = [join(folder, 'state.json'), join(folder, 'summary.md')];
  return {
    run: async (...args) => {
      const file = join(projectRoot(), 'build', 'test', name);
      const all = [file, '--state', state, '--summary', summary, ...args];
      return (await promisify(execFile)(process.execPath, all)).stdout;
    },
    state: () => JSON.parse(readFileSync(state, 'utf8')) as unknown,
    summary: () => readFileSync(summary, 'utf8'),
  };
}

test('soak: all three transports, then on to a higher goal; nothing is lost', async (context) => {
  const { run, state, summary } = script(context, 'soak/soak.js');
  await run('--messages', '6000', '--seed', '3');
  const printed = await run('--messages', '12000', '--seed', '3');
  assert.match(
    printed,
    /^12,000 of 12,000 messages: lost 0, doubled 0, out of turn 0, damaged 0, hashes that differ 0/m,
  );
  const { passed } = state() as { passed: Record<string, { messages: number; sessions: number }> };
  assert.deepEqual(
    Object.entries(passed).map(([name, { messages, sessions }]) => [name, messages, sessions]),
    [
      ['unix', 10_000, 2],
      ['tcp', 1_000, 2],
      ['tls', 1_000, 2],
    ],
  );
  assert.match(summary(), /\| tls \| 1,000 \|/);
});

test('soak: what is lost, doubled, out of turn or damaged is seen', () => {
  const outgoing = new Outgoing(1);
  const messages = Array.from({ length: 8 }, () => Buffer.from(outgoing.next()));
  const incoming = new Incoming();
  const [first, second, third, fourth, fifth, , seventh, eighth] = messages as Buffer[];
  const damaged = seventh as Buffer;
  damaged[20] = (damaged[20] as number) ^ 1;
  for (const each of [first, third, second, fourth, fourth, fifth, seventh, eighth])
    incoming.take(each as Buffer);
  assert.deepEqual(incoming.settle(8), { lost: 2, doubled: 1, reordered: 1, corrupt: 1 });
  assert.notEqual(incoming.count.hash, outgoing.count.hash);
});

test('test:long: a row stops at its count, and its state says so', async (context) => {
  const { run, state, summary } = script(context, 'long/run.js');
  await run('T95', '--count', 'T95=200');
  await run('T95', '--count', 'T95=300');
  const { T95 } = state() as { T95: { done: number; failures: unknown[] } };
  assert.deepEqual([T95.done, T95.failures], [300, []]);
  assert.match(summary(), /\| T95 \| .* \| 300 of 300 messages \|/);
  assert.match(await run('--list'), /^T32 .*: 1000000 broadcasts$/m);
  await assert.rejects(run('T00'), /there is no row T00/);
});
