/**
 * The checks of the doctor on machines that are made of files, each with one thing planted; and the self-test's arithmetic on noise of a known
 * size.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { type Activity, activityBetween, type Snapshot, takeSnapshot } from '../../src/bench/activity.ts';
import {
  checkBattery,
  checkEventLoop,
  checkGovernor,
  checkLoad,
  checkMemory,
  checkOthers,
  checkQuota,
  checkSelfTest,
  checkSteal,
  checkSwap,
  checkTimer,
  checkTurbo,
} from '../../src/bench/checks.ts';
import { idleCheck } from '../../src/bench/doctor.ts';
import { judge } from '../../src/bench/self-test.ts';
import { seededRandom, signedRankTest } from '../../src/bench/statistics.ts';
import { SystemFiles } from '../../src/bench/system-files.ts';

const folder: string = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-doctor-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const CPU = 'sys/devices/system/cpu';

/** A machine with these files and nothing else. */
function machine(files: Readonly<Record<string, string>>): SystemFiles {
  const root = fs.mkdtempSync(path.join(folder, 'root-'));
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), `${text}\n`);
  }
  return new SystemFiles(root);
}

/** The line of /proc/<pid>/stat. */
function processLine(pid: number, name: string, user: number, system: number): string {
  return `${pid} (${name}) S 1 1 1 0 -1 0 0 0 0 0 ${user} ${system} 0 0 20 0 1 0 0 0 0`;
}

function snapshot(at: number, files: SystemFiles, busy = 0): Snapshot {
  return { ...takeSnapshot(files), at, busy };
}

const BARE: SystemFiles = machine({});
const QUIET: Activity = { others: 0, busiest: [], stolen: 0, swappedPages: 0 };

test('a system without these files: skipped with the reason, never ok', () => {
  const activity = activityBetween(snapshot(0, BARE), snapshot(1000, BARE));
  for (const check of [
    checkSteal(activity),
    checkSwap(activity, BARE),
    checkGovernor(BARE),
    checkTurbo(BARE),
    checkQuota(BARE),
    checkBattery(BARE),
    checkLoad('win32'),
    checkMemory('darwin'),
  ]) {
    assert.equal(check.verdict, 'skipped', check.name);
    assert.match(check.value, /no \/proc|none|nothing|not tell/, check.name);
    assert.equal(check.advice, undefined);
  }
  const others = checkOthers(activity, BARE);
  assert.match(others.value, /^0 % of a core; names are not told/);
});

test('between two snapshots: who used the processor, what was stolen, what was swapped', () => {
  const before = machine({
    'proc/stat': 'cpu  100 0 100 800 0 0 0 10 50 0\ncpu0 1 1 1 1',
    'proc/7/stat': processLine(7, 'worker (a) b', 10, 5),
    'proc/8/stat': processLine(8, 'idle', 3, 3),
    [`proc/${process.pid}/stat`]: processLine(process.pid, 'own', 0, 0),
    'proc/vmstat': 'nr_free_pages 1\npswpin 4\npswpout 6',
  });
  const later = machine({
    'proc/stat': 'cpu  150 0 120 900 0 0 0 40 70 0',
    'proc/7/stat': processLine(7, 'worker (a) b', 40, 15),
    'proc/8/stat': processLine(8, 'idle', 3, 3),
    'proc/9/stat': processLine(9, 'new', 20, 0),
    'proc/10/stat': processLine(10, 'small', 1, 0),
    'proc/11/stat': processLine(11, 'smallest', 0, 1),
    [`proc/${process.pid}/stat`]: processLine(process.pid, 'own', 90, 0),
    'proc/vmstat': 'nr_free_pages 1\npswpin 14\npswpout 6',
    'proc/9/cmdline': '/usr/bin/made-up\0--secret=1',
  });
  const activity = activityBetween(snapshot(500, before, 100), snapshot(1500, later, 700));
  assert.deepEqual(activity, {
    others: 0.6,
    busiest: [
      { pid: 7, name: 'worker (a) b', share: 0.4 },
      { pid: 9, name: 'new', share: 0.2 },
      { pid: 10, name: 'small', share: 0.01 },
    ],
    stolen: 30 / 200,
    swappedPages: 10,
  });
  const others = checkOthers(activity, later);
  assert.equal(others.value, '60 % of a core, worker (a) b (7) 40 %, made-up (9) 20 %, small (10) 1 %');
  assert.equal(others.verdict, 'warning');
  assert.equal(checkSteal(activity).verdict, 'warning');
});

test('each planted disturbance is a warning with advice, its absence is none', () => {
  const quota = (text: string): SystemFiles =>
    machine({ 'proc/self/cgroup': '0::/a/b', 'sys/fs/cgroup/a/cpu.max': text });
  const oldQuota = (text: string): SystemFiles =>
    machine({
      'proc/self/cgroup': '3:cpu,cpuacct:/a\n2:memory:/a',
      'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us': text,
      'sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us': '100000',
    });
  const battery = (status: string, scope = 'System'): SystemFiles =>
    machine({
      'sys/class/power_supply/BAT0/type': 'Battery',
      'sys/class/power_supply/BAT0/status': status,
      'sys/class/power_supply/BAT0/scope': scope,
      'sys/class/power_supply/AC/type': 'Mains',
    });
  const governor = (name: string): SystemFiles =>
    machine({
      [`${CPU}/cpu0/cpufreq/scaling_governor`]: 'performance',
      [`${CPU}/cpu1/cpufreq/scaling_governor`]: name,
    });
  const memory = machine({ 'proc/meminfo': 'SwapTotal: 2000000 kB\nSwapFree: 1000000 kB' });
  for (const [bad, good, value] of [
    [checkGovernor(governor('powersave')), checkGovernor(governor('performance')), 'performance, powersave'],
    [
      checkTurbo(machine({ [`${CPU}/intel_pstate/no_turbo`]: '0' })),
      checkTurbo(machine({ [`${CPU}/intel_pstate/no_turbo`]: '1' })),
      'on',
    ],
    [
      checkTurbo(machine({ [`${CPU}/cpufreq/boost`]: '1' })),
      checkTurbo(machine({ [`${CPU}/cpufreq/boost`]: '0' })),
      'on',
    ],
    [checkQuota(quota('50000 100000')), checkQuota(quota('max 100000')), '0.5 cores'],
    [checkQuota(oldQuota('50000')), checkQuota(oldQuota('-1')), '0.5 cores'],
    [checkBattery(battery('Discharging')), checkBattery(battery('Full')), 'Discharging'],
    [checkBattery(battery('Discharging')), checkBattery(battery('Discharging', 'Device')), 'Discharging'],
    [
      checkSwap({ ...QUIET, swappedPages: 3 }, memory),
      checkSwap(QUIET, memory),
      '1.0 of 2.0 GB in use, 3 pages moved',
    ],
    [checkSteal({ ...QUIET, stolen: 0.05 }), checkSteal(QUIET), '5 %'],
    [checkOthers({ ...QUIET, others: 0.5 }, BARE), checkOthers(QUIET, BARE), '50 % of a core'],
    [checkEventLoop(8), checkEventLoop(0.2), '8.00 ms (p99)'],
  ] as const) {
    assert.equal(bad.verdict, 'warning', bad.name);
    assert.equal(bad.value, value);
    assert.match(bad.advice ?? '', /\.$/);
    assert.equal(good.verdict, 'ok', `${good.name}: ${good.value}`);
    assert.equal(good.advice, undefined);
  }
});

test('the clock has a step, and it is a time', () => {
  const { value } = checkTimer();
  assert.match(value, /^[1-9]\d* ns$/);
});

test('the look before a measurement is short and says the planted', async () => {
  const hampered = machine({
    [`${CPU}/cpu0/cpufreq/scaling_governor`]: 'powersave',
    'proc/self/cgroup': '0::/',
    'sys/fs/cgroup/cpu.max': '10000 100000',
  });
  const before = performance.now();
  const warnings = await idleCheck(hampered);
  assert.ok(performance.now() - before < 5000);
  assert.ok(
    warnings.some((each) => /^frequency governor: powersave\. .+\.$/.test(each)),
    warnings.join('\n'),
  );
  assert.ok(
    warnings.some((each) => each.startsWith('cgroup CPU quota: 0.1 cores. ')),
    warnings.join('\n'),
  );
  const real = await idleCheck();
  assert.ok(!real.some((each) => each.startsWith('load average')));
});

/** Standard normal values from a seeded source (Box-Muller). */
function normals(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

test('the self-test: noise of two percent has a spread of two percent, and more rounds tell more', () => {
  const spread = 0.02;
  const result = judge(normals(40, 6).map((each) => each * spread));
  assert.ok(Math.abs(result.spread - spread) < 0.006, String(result.spread));
  assert.ok(result.interval.low < 1 && result.interval.high > 1);
  assert.deepEqual(
    result.detectable.map(({ rounds }) => rounds),
    [5, 10, 20, 40],
  );
  const [five, ten, twenty, forty] = result.detectable.map(({ difference }) => difference);
  assert.equal(five, undefined, 'two-sided, five rounds never get below 0.0625');
  assert.ok(ten !== undefined && twenty !== undefined && forty !== undefined);
  assert.ok(ten > twenty && twenty > forty);
});

test('the self-test keeps its promise: the difference it names is seen about four times of five', () => {
  const spread = 0.02;
  const { detectable } = judge(normals(40, 6).map((each) => each * spread));
  for (const { rounds, difference } of detectable) {
    if (difference === undefined) continue;
    let seen = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const shifted = normals(rounds, seed * 7).map((each) => each * spread + Math.log(1 + difference));
      if (signedRankTest(shifted) < 0.05) seen++;
    }
    assert.ok(seen > 60 && seen < 95, `${rounds} rounds: ${seen} of 100`);
  }
});

test('the self-test warns when rounds are too noisy, and when the same code differs from itself', () => {
  const noise = normals(40, 3);
  assert.equal(checkSelfTest(judge(noise.map((each) => each * 0.005))).verdict, 'ok');
  assert.match(checkSelfTest(judge(noise.map((each) => each * 0.2))).advice ?? '', /cannot tell 5 % here/);
  const biased = judge(noise.map((each) => each * 0.005 + 0.02));
  assert.match(checkSelfTest(biased).advice ?? '', /differs from itself/);
});
