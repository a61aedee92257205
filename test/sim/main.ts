/**
 * `npm run sim -- [--datagrams | --ack | --ipc] [--seeds 200000] [--from 1] [--seed N] [--failures 1]`: many runs of the simulator, or one again with its trace. Ends with 1
 * when a promise was broken, and says which seed brings it back. It stops at the first failures, one unless said otherwise.
 *
 * Invariant: equal arguments give equal runs.
 */
import { mistaken, readOptions } from '../support/options.ts';
import { runAcknowledged } from './acknowledged-run.ts';
import { runDatagrams } from './datagram-run.ts';
import { runIpc } from './ipc-run.ts';
import { report } from './report.ts';
import { runSeed } from './run.ts';
import type { Outcome } from './simulate.ts';

/** What a long run does unless told otherwise; `npm test` does fewer. */
const SEEDS = 200_000;
const PROGRESS_MS = 2_000;

const { values } = readOptions(
  {
    usage: 'npm run sim -- [options]',
    about: 'Runs the simulator with one seed after the other, or one of them again with its trace.',
  },
  {
    seeds: { type: 'string', help: `how many (${SEEDS})` },
    from: { type: 'string', help: 'the first of them (1)' },
    seed: { type: 'string', help: 'this one alone, with everything that happens in it' },
    failures: { type: 'string', help: 'it stops at so many (1)' },
    datagrams: { type: 'boolean', default: false, help: 'UDP instead of streams' },
    ack: { type: 'boolean', default: false, help: 'with acknowledgements: nothing may be lost' },
    ipc: { type: 'boolean', default: false, help: 'the node-ipc face' },
  },
);
const number = (text: string | undefined, otherwise: number): number => {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(value) || value < 0) mistaken(`'${text}' is no whole number`);
  return value;
};
const from = number(values.seed ?? values.from, 1);
const count = values.seed === undefined ? number(values.seeds, SEEDS) : 1;
const [kind, run] = values.datagrams
  ? (['--datagrams ', runDatagrams] as const)
  : values.ack
    ? (['--ack ', runAcknowledged] as const)
    : values.ipc
      ? (['--ipc ', runIpc] as const)
      : (['', runSeed] as const);
const failuresMax = number(values.failures, 1);

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const startMs = Date.now();
const totals = { events: 0, delivered: 0, simulatedMs: 0 };
const failures: Outcome[] = [];
let toldMs = startMs;
for (let seed = from; seed < from + count && failures.length < failuresMax; seed++) {
  const outcome = await run(seed);
  totals.events += outcome.eventCount;
  totals.delivered += outcome.deliveredCount;
  totals.simulatedMs += outcome.simulatedMs;
  if (outcome.violations.length > 0) {
    failures.push(outcome);
    say(report(outcome, kind));
  } else if (values.seed !== undefined) say(outcome.trace.join('\n'));
  if (Date.now() - toldMs > PROGRESS_MS) {
    toldMs = Date.now();
    const perSecond = (seed - from + 1) / ((toldMs - startMs) / 1_000);
    say(`${seed - from + 1} of ${count} seeds, ${perSecond.toFixed(0)} a second, at seed ${seed}`);
  }
}
const seconds = (Date.now() - startMs) / 1_000;
const hours = (totals.simulatedMs / 3_600_000).toFixed(1);
say(
  `${failures.length} failures; ${totals.delivered} messages and ${totals.events} events in ${hours} simulated hours, ${seconds.toFixed(1)} s`,
);
if (failures.length > 0) process.exitCode = 1;
