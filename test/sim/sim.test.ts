/**
 * Row S4 of RELIABILITY.md: the simulator over a fixed set of seeds. A failure names its seed; `npm run sim -- --seed N` brings it back.
 *
 * The fixed seeds are the same in every run; `npm run sim` goes on behind them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scaled } from '../reliability/scale.ts';
import { runAcknowledged } from './acknowledged-run.ts';
import { runDatagrams } from './datagram-run.ts';
import { runIpc } from './ipc-run.ts';
import { report } from './report.ts';
import { runSeed } from './run.ts';

test('S4 whatever the network does, promises are kept', async (context) => {
  const seeds = scaled(context, 800, 2_000);
  let delivered = 0;
  let simulatedMs = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await runSeed(seed);
    assert.deepEqual(outcome.violations, [], report(outcome));
    delivered += outcome.deliveredCount;
    simulatedMs += outcome.simulatedMs;
  }
  assert.ok(delivered > 50 * seeds, `${delivered} messages`);
  context.diagnostic(`${delivered} messages in ${(simulatedMs / 3_600_000).toFixed(1)} simulated hours`);
});

test('S4 datagrams: nothing damaged, nothing twice, exact figures', async (context) => {
  const seeds = scaled(context, 100, 2_000);
  let delivered = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await runDatagrams(seed);
    assert.deepEqual(outcome.violations, [], report(outcome, '--datagrams '));
    delivered += outcome.deliveredCount;
  }
  assert.ok(delivered > 50 * seeds, `${delivered} messages`);
});

test('S4 acknowledged: exactly once across connections, in both directions', async (context) => {
  const seeds = scaled(context, 100, 2_000);
  let delivered = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await runAcknowledged(seed);
    assert.deepEqual(outcome.violations, [], report(outcome, '--ack '));
    delivered += outcome.deliveredCount;
  }
  assert.ok(delivered > 50 * seeds, `${delivered} messages`);
});

test('S4 node-ipc’s wire, and sync mode: in order, once and whole; one message under way, and none missing', async (context) => {
  const seeds = scaled(context, 100, 2_000);
  let delivered = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await runIpc(seed);
    assert.deepEqual(outcome.violations, [], report(outcome, '--ipc '));
    delivered += outcome.deliveredCount;
  }
  assert.ok(delivered > 50 * seeds, `${delivered} messages`);
});

test('S4 a seed brings back its run, step by step', async () => {
  for (const seed of [3, 4, 5, 6]) {
    for (const run of [runSeed, runAcknowledged, runIpc]) {
      const [one, other] = [await run(seed), await run(seed)];
      assert.ok(one.trace.length > 0 && one.deliveredCount > 0);
      assert.deepEqual(one, other);
    }
  }
});
