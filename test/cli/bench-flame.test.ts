/**
 * `ringwire bench flame`: profiles of both sides, drawn as pages that stand alone; without the tool that draws them, the profiles.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../support/project.ts';
import { folder, type Outcome, removeFolder, ringwire, ringwireEach } from './support.ts';

after(removeFolder);

const ROW = 'unix/drop-in/sensor/one-way';

test('a page of each side, which names our functions and needs no network', () => {
  const output = path.join(folder, 'flame');
  const { code, out, err } = ringwire(['bench', 'flame', '--share', '0.02', '--output', output, ROW]);
  assert.equal(code, 0, err);
  const lines = out.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(': ')[0]),
    ['server', 'client'],
  );
  for (const [index, line] of lines.entries()) {
    const page = fs.readFileSync(fileURLToPath(line.slice(line.indexOf(': ') + 2)), 'utf8');
    assert.ok(page.includes(index === 0 ? 'delimited-wire' : 'connection.js'), line);
    assert.doesNotMatch(page, /<(?:script|link|img)[^>]+(?:src|href)=["']?https?:/);
  }
  const profile = JSON.parse(fs.readFileSync(path.join(output, 'client.cpuprofile'), 'utf8')) as {
    nodes: unknown[];
  };
  assert.ok(profile.nodes.length > 10);
});

test('a C peer has no profile, a row that is none or several is told', () => {
  const output = path.join(folder, 'native');
  const { code, out, err } = ringwire([
    'bench',
    'flame',
    '--json',
    '--share',
    '0.001',
    '--output',
    output,
    'unix/from-c/64B/one-way',
  ]);
  assert.equal(code, 0, err);
  if (!err.includes('is skipped'))
    assert.deepEqual(JSON.parse(out), [
      {
        role: 'server',
        profile: path.join(output, 'server.cpuprofile'),
        page: path.join(output, 'server.html'),
      },
    ]);
  const cases = [
    [[], 'one row is needed'],
    [['nothing'], 'no row has nothing in its name'],
    [['sensor/one-way'], 'sensor/one-way is in the names of 9 rows'],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => ['bench', 'flame', ...args]));
  for (const [at, [, message]] of cases.entries()) {
    const told = outcomes[at] as Outcome;
    assert.equal(told.code, 2);
    assert.ok(told.err.includes(message), told.err);
  }
});

test('without the tool that draws there are profiles, and a word about it', () => {
  const alone = path.join(folder, 'alone');
  fs.cpSync(path.join(projectRoot(), 'build', 'src'), path.join(alone, 'src'), { recursive: true });
  const msgpackr = path.join('node_modules', 'msgpackr');
  fs.cpSync(path.join(projectRoot(), msgpackr), path.join(alone, msgpackr), { recursive: true });
  fs.writeFileSync(path.join(alone, 'package.json'), '{"type":"module"}');
  const cli = path.join(alone, 'src', 'cli', 'ringwire.js');
  const args = [cli, 'bench', 'flame', '--share', '0.01', 'unix/net/64B/echo'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: alone });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /profiles only: pages need 0x/);
  assert.match(stdout, /^server: .*server\.cpuprofile\nclient: .*client\.cpuprofile\n$/);
  assert.deepEqual(fs.readdirSync(path.join(alone, 'flame')).toSorted(), [
    'client.cpuprofile',
    'server.cpuprofile',
  ]);
});
