/**
 * `ringwire bench doctor` on this very machine: a process that burns a core is found by name, and the exit code follows the warnings.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Examination } from '../../src/bench/doctor.ts';
import { ringwire } from './support.ts';

test('beside a process that burns a core: a warning, by name where the system has names, exit code 1', async () => {
  const burner = spawn(process.execPath, ['-e', 'console.log(1); for (;;);'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(burner.stdout, 'data');
    const { code, out, err } = ringwire(['bench', 'doctor', '--json']);
    assert.equal(code, 1, out + err);
    const { quiet, checks } = JSON.parse(out) as Examination;
    assert.equal(quiet, false);
    const others = checks.find(({ name }) => name === 'other processes');
    assert.equal(others?.verdict, 'warning', JSON.stringify(others));
    // On a machine with even busier ones these are named.
    const pids = Array.from(others.value.matchAll(/ \((\d+)\) /g), ([, pid]) => Number(pid));
    if (process.platform === 'linux')
      assert.ok(pids.includes(burner.pid ?? 0) || pids.length === 3, others.value);
  } finally {
    burner.kill();
    await once(burner, 'exit');
  }
});

test('the exit code is that of the checks, and each check is there', () => {
  const { code, out } = ringwire(['bench', 'doctor']);
  const warned = /^warning /m.test(out);
  assert.equal(code, warned ? 1 : 0, out);
  assert.match(out, warned ? /^This machine is not quiet\.$/m : /^This machine is quiet\.$/m);
  for (const name of [
    'load average',
    'other processes',
    'steal time',
    'swap',
    'frequency governor',
    'turbo',
    'cgroup CPU quota',
    'battery',
    'free memory',
    'timer step',
    'event-loop delay',
    'A/A self-test',
  ])
    assert.match(out, new RegExp(`^(?:ok|warning|skipped) +${name} +\\S`, 'm'));
  assert.match(
    out,
    /^ +5 rounds: none, .*\n +10 rounds: [\d.]+ %\n +20 rounds: [\d.]+ %\n +40 rounds: [\d.]+ %$/m,
  );
});

test('mistakes and help', () => {
  assert.equal(ringwire(['bench', 'doctor', 'now']).code, 2);
  assert.equal(ringwire(['bench', 'doctor', '--loud']).code, 2);
  const { code, out } = ringwire(['bench', 'doctor', '--help']);
  assert.equal(code, 0);
  assert.match(out, /^Usage: ringwire bench doctor/);
});
