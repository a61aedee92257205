/**
 * One side of a measurement, a process of its own: `node peer.js '<json of PeerTask>'`. It joins a contestant and a shape and prints JSON lines:
 * where it listens, and what it found.
 *
 * Invariant: a peer ends by itself: after its report has been taken (its input ends), or when its starter is gone.
 */
import type { Contestant, Job } from './contestant.ts';
import { contestantNamed } from './contestants.ts';
import { SHAPES, type SizedScenario } from './scenarios.ts';
import type { SideReport } from './shapes/shape.ts';

export type Role = 'server' | 'client';

export interface PeerTask {
  readonly role: Role;
  readonly scenario: SizedScenario;
  readonly job: Job;
}

/** One line of a peer. */
export type PeerLine =
  { readonly ready: string | number } | { readonly role: Role; readonly report: SideReport };

const task = JSON.parse(process.argv[2] ?? '{}') as PeerTask;
const { scenario, job } = task;
// A contestant whose server forks the client passes the same task on.
const role = (process.env['RINGWIRE_BENCH_ROLE'] as Role | undefined) ?? task.role;

function print(line: PeerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const contestant: Contestant = await contestantNamed(scenario.contestant, scenario.module);
const { peers = 1, inFlight = 1, perSecond = 1 } = scenario;
const side = {
  contestant,
  job,
  count: scenario.count,
  warm: scenario.warm,
  peers,
  inFlight,
  perSecond,
  ready: (address: string | number): void => print({ ready: address }),
  done: (report: SideReport): void => print({ role, report }),
};
// The other side may close first; until its report is taken this one stays.
process.stdin.resume().on('end', () => process.exit(0));
const shape = SHAPES[scenario.shape];
await (role === 'server' ? shape.serve(side) : shape.connect(side));
