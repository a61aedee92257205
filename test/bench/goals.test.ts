/**
 * The goals of `npm run figures`: each names rows that are measured, its verdict is what its numbers say, and what is measured beside the rows of
 * `ringwire bench run` runs at its smallest size.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GOALS, goalsTable } from '../../bench/goals.ts';
import { firstAnswerMs, importMs } from '../../bench/support/start.ts';
import type { Row } from '../../src/bench/results.ts';
import { SCENARIOS } from '../../src/bench/scenarios.ts';
import { projectRoot } from '../support/project.ts';

function row(id: string, unit: string, samples: readonly number[]): Row {
  return { id, unit, better: 'higher', samples };
}

function lineOf(rows: readonly Row[], name: string): string {
  return (
    goalsTable(rows)
      .split('\n')
      .find((line) => line.startsWith(`| ${name} |`)) ?? ''
  );
}

test('every row of a goal is measured', () => {
  const scenarios = new Set(SCENARIOS.map(({ id }) => id));
  const folder = join(projectRoot(), 'bench');
  const sources = [
    'figures.ts',
    ...readdirSync(join(folder, 'support')).map((file) => join('support', file)),
  ];
  const local = sources.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  for (const { name, row: own, against = [] } of GOALS)
    for (const id of [own, ...against]) {
      const [, , what = ''] = id.split('/');
      const known = id.startsWith('local/')
        ? local.includes(`/${what}/`)
        : scenarios.has(id.split('#')[0] as string);
      assert.ok(known, `${name}: ${id}`);
    }
});

test('a ratio, a difference and a value are judged by the median of the rounds', () => {
  const ratio = 'requests, 1024 in flight, 64 B msgpack, against vscode-jsonrpc';
  const [own, other] = ['unix/requests/sensor/echo-1024', 'unix/vscode-jsonrpc/sensor/echo-1024'] as const;
  const jsonrpc = row(other, 'messages/s', [10_000, 20_000, 30_000]);
  const requests = (factor: number): Row =>
    row(
      own,
      'messages/s',
      jsonrpc.samples.map((value) => value * factor),
    );
  assert.match(lineOf([requests(15.1), jsonrpc], ratio), /\| 15\.1 \| >= 15 \| yes \|$/);
  assert.match(lineOf([requests(14.9), jsonrpc], ratio), /\| 14\.9 \| >= 15 \| no \|$/);
  assert.match(lineOf([requests(15.1)], ratio), /not measured/);
  const imports = (ms: number): Row[] => [
    row('local/ringwire/import/start', 'ms', [ms]),
    row('local/net/import/start', 'ms', [4]),
  ];
  assert.match(lineOf(imports(8.5), 'import of ringwire above node:net'), /\| 4\.50 \| <= 5 \| yes \|$/);
  assert.match(lineOf(imports(9.5), 'import of ringwire above node:net'), /\| 5\.50 \| <= 5 \| no \|$/);
  assert.match(lineOf(imports(24), 'import of ringwire'), /\| <= 25 \| yes \|$/);
});

test('imports and first answers can be measured', async () => {
  assert.ok((await importMs('net', 1)) > 0);
  assert.ok((await importMs('ringwire', 1)) > 0);
  assert.ok((await firstAnswerMs(3)) > 0);
});
