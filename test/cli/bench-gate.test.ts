/**
 * `ringwire bench gate`: budgets of one version are kept by it, and broken by versions that allocate, copy, write or spin more. How reliably, over
 * many runs on a busy machine, is what `npm run gate:selftest` shows.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { readBudgets } from '../../src/bench/budgets.ts';
import type { Judgement } from '../../src/bench/gate.ts';
import { projectRoot } from '../support/project.ts';
import { file, folder, type Outcome, removeFolder, ringwireEach } from './support.ts';

after(removeFolder);

const ROW = 'unix/raw-frame/64B/one-way';
const budgets: string = path.join(folder, 'budgets.json');

/** A copy of the built sources, with `line` at the start of `Sender.send`, gates itself. */
function gateOf(name: string, line: string): (...args: string[]) => Outcome {
  const place = path.join(folder, name);
  fs.cpSync(path.join(projectRoot(), 'build', 'src'), path.join(place, 'src'), { recursive: true });
  const msgpackr = path.join('node_modules', 'msgpackr');
  fs.cpSync(path.join(projectRoot(), msgpackr), path.join(place, msgpackr), { recursive: true });
  fs.writeFileSync(path.join(place, 'package.json'), '{"type":"module"}');
  const target = path.join(place, 'src', 'connection', 'sender.js');
  const [before, behind] = fs.readFileSync(target, 'utf8').split('send(event, data) {\n');
  assert.ok(behind !== undefined);
  fs.writeFileSync(target, `${before}send(event, data) {\n${line}\n${behind}`);
  return (...args) => {
    const cli = path.join(place, 'src', 'cli', 'ringwire.js');
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [cli, 'bench', 'gate', '--budgets', budgets, ...args],
      { encoding: 'utf8', env: { ...process.env, GITHUB_STEP_SUMMARY: '', RINGWIRE_POISON: '' } },
    );
    return { code: status, out: stdout, err: stderr };
  };
}

const clean = gateOf('clean', '');

function broken({ out }: Outcome): string[] {
  return (JSON.parse(out) as Judgement[])
    .filter(({ verdict }) => verdict === 'broken')
    .map(({ what }) => what);
}

test('a version keeps its own budgets; each planted cost breaks the one that it belongs to', () => {
  const cost = { heap: 1, copied: 1, gc: 1, ratio: 1, against: 'unix/by-hand/64B/one-way' };
  const [major = ''] = process.versions.node.split('.');
  const others = { 7: { cpu: 'x', rows: { old: cost } }, [major]: { cpu: 'x', rows: { other: cost } } };
  fs.writeFileSync(budgets, JSON.stringify({ format: 'ringwire-budgets', version: 1, node: others }));
  const made = clean('--update', ROW);
  assert.equal(made.code, 0, made.err);
  assert.match(made.out, /^1 budgets for Node \d+ written/);
  const { node } = readBudgets(budgets);
  assert.deepEqual(node['7'], others[7], 'other versions of Node stay as they are');
  assert.deepEqual(Object.keys(node[major]?.rows ?? {}), ['other', ROW], 'other rows stay');
  const kept = clean(ROW);
  assert.equal(kept.code, 0, kept.out);
  assert.match(kept.out, /All budgets are kept\./);
  assert.match(
    kept.out,
    /\| unix\/raw-frame\/64B\/one-way \| bytes copied per message \| 64\.0 \| 64\.0 \| ok \|/,
  );

  // Each shows in a figure of its own, so one version can have all three.
  const counts = gateOf(
    'counts',
    `this.lists = [event];
    data.copy(this.copied ??= Buffer.alloc(64));
    if ((this.sent = (this.sent ?? 0) + 1) % 100 === 0) this.outbox.flush();`,
  )('--json', ROW);
  assert.equal(counts.code, 1, counts.out);
  const [heap, copied, writes] = ['heap', 'copied', 'writes'].map((what) => broken(counts).includes(what));
  assert.deepEqual([heap, copied, writes], [true, true, process.platform === 'linux'], counts.out);

  // Far slower: other tests run beside this one.
  const spins = gateOf('spins', 'for (let turn = 0; turn < 2_000; turn++) this.planted = turn;')(
    '--json',
    ROW,
  );
  assert.equal(spins.code, 1, spins.out);
  assert.deepEqual(broken(spins), ['ratio'], spins.out);
});

test('budgets of another processor: counts are judged, the ratio is reported', () => {
  const text = fs.readFileSync(budgets, 'utf8');
  const elsewhere = file(
    'elsewhere.json',
    text.replaceAll(/"cpu": "[^"]*"/g, '"cpu": "abacus"').replaceAll(/"ratio": [\d.]+/g, '"ratio": 900'),
  );
  const { code, out } = clean('--budgets', elsewhere, ROW);
  assert.equal(code, 0, out);
  assert.match(out, /speed beside the reference \| [\d.]+ \| 900 \| reported \|/);
  assert.match(out, /The ratios were taken on another processor/);
  const strict = file('strict.json', text.replaceAll(/"copied": [\d.]+/g, '"copied": 10'));
  const judged = clean('--budgets', strict, ROW);
  assert.equal(judged.code, 1);
  assert.match(judged.out, /1 of 5 budgets are broken\./);
});

test('budgets beside another reference: the ratio is reported', () => {
  const text = fs.readFileSync(budgets, 'utf8');
  const older = file(
    'older.json',
    text.replaceAll('/yardstick/', '/by-hand/').replaceAll(/"ratio": [\d.]+/g, '"ratio": 900'),
  );
  const { code, out } = clean('--budgets', older, ROW);
  assert.equal(code, 0, out);
  assert.match(out, /speed beside the reference \| [\d.]+ \| 900 \| reported \|/);
  assert.match(out, /The ratios were taken beside another reference/);
});

test('mistakes are told before anything is measured', () => {
  const [major = ''] = process.versions.node.split('.');
  const cost = { heap: 1, copied: 1, gc: 1, ratio: -1, against: 'x' };
  const node = (rows: object): object => ({
    format: 'ringwire-budgets',
    version: 1,
    node: { [major]: { cpu: 'x', rows } },
  });
  const cases = [
    [['--budgets', path.join(folder, 'none.json')], 'it cannot be read'],
    [['--budgets', file('text.json', 'text')], 'it is not JSON'],
    [['--budgets', file('other.json', {})], 'it does not say "format"'],
    [
      ['--budgets', file('version.json', { format: 'ringwire-budgets', version: 9 })],
      'it has version 9, not 1',
    ],
    [
      ['--budgets', file('negative.json', node({ a: cost }))],
      `a of Node ${major} lacks a number or says one below 0`,
    ],
    [['--budgets', file('norow.json', node({}))], `has no budget for ${ROW}: --update makes one`],
    [
      ['--budgets', file('nonode.json', { format: 'ringwire-budgets', version: 1, node: {} })],
      `has budgets for Node none, not for ${major}`,
    ],
    [['no-such-row'], 'no row has no-such-row in its name'],
    [
      [
        '--scenario',
        file(
          'fan.mjs',
          "export const scenarios = [{ name: 'a', data: 8, contestants: ['ws'], shape: 'fan-out', peers: 2 }];",
        ),
      ],
      'cannot be gated: only one-way and echo over unix can',
    ],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => ['bench', 'gate', ...args]));
  for (const [at, [, message]] of cases.entries()) {
    const { code, err } = outcomes[at] as Outcome;
    assert.equal(code, 2, err);
    assert.ok(err.includes(message), err);
  }
});
