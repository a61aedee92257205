/**
 * `npm run soak -- --messages 1e9 --seed 7`: rows S1 and S3 of RELIABILITY.md, and S2 with `--chaos`. Messages of 64 bytes to 64 KiB travel both ways over Unix sockets, TCP and TLS;
 * ten of twelve take Unix sockets. It goes on where the last run with the same state file stopped, and stops by itself, after `--seconds`, or at the first SIGINT.
 *
 * Invariant: what the summary says has been compared at both ends. Exit code 1: something was lost, doubled, out of turn, damaged or ended.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numberOf, readOptions } from '../support/options.ts';
import { interrupted, loadState, saveState, saveText } from '../long/state.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { type ChaosCounts, NO_CHAOS, runChaos } from './chaos.ts';
import { type Outcome, runSession, TRANSPORTS, type TransportName } from './session.ts';
import { summaryOf } from './summary.ts';
import { NO_FAULTS } from './traffic.ts';

export interface Passed {
  messages: number;
  bytes: number;
  ms: number;
  sessions: number;
}

export interface SoakState {
  seed: number;
  passed: Record<TransportName, Passed>;
  faults: { lost: number; doubled: number; reordered: number; corrupt: number };
  hashesDiffer: number;
  heapSlopes: number[];
  failures: string[];
  chaos: ChaosCounts;
}

/** Of twelve messages. */
const SHARES: Readonly<Record<TransportName, number>> = { unix: 10, tcp: 1, tls: 1 };
const KEPT_SLOPES_MAX = 10_000;
/** One sends while the other waits. */
const AT_ONCE = 2;

const { values } = readOptions(
  {
    usage: 'npm run soak -- [options]',
    about:
      'Sends messages both ways over Unix sockets, TCP and TLS, and looks for any that is lost, doubled, out of turn or damaged.',
  },
  {
    messages: { type: 'string', default: '1e9', help: 'in all, those of earlier runs included' },
    seconds: {
      type: 'string',
      default: 'Infinity',
      help: 'it stops after them, and goes on from there next time',
    },
    seed: { type: 'string', default: '7', help: 'another one is another run' },
    session: {
      type: 'string',
      default: '1e6',
      help: 'messages between two processes, before others take their place',
    },
    chaos: {
      type: 'boolean',
      default: false,
      help: 'kill, stop, cut and starve clients and server meanwhile',
    },
    state: {
      type: 'string',
      default: 'build/soak-state.json',
      help: 'where the next run learns how far this one came',
    },
    summary: { type: 'string', default: 'build/soak-summary.md', help: 'what was found' },
  },
);
const goal: number = numberOf('messages', values.messages, 1);
const sessionMessages: number = numberOf('session', values.session, 1);
const endMs: number = performance.now() + numberOf('seconds', values.seconds) * 1_000;
const signal: AbortSignal = interrupted();
const none: Passed = { messages: 0, bytes: 0, ms: 0, sessions: 0 };
const state: SoakState = loadState<SoakState>(values.state, {
  seed: numberOf('seed', values.seed),
  passed: { unix: { ...none }, tcp: { ...none }, tls: { ...none } },
  faults: { ...NO_FAULTS },
  hashesDiffer: 0,
  heapSlopes: [],
  failures: [],
  chaos: { ...NO_CHAOS },
});

/** Messages of the sessions that are under way. */
const underWay: Record<TransportName, number> = { unix: 0, tcp: 0, tls: 0 };

function goalOf(transport: TransportName): number {
  return (goal * SHARES[transport]) / 12;
}

function shareOf(transport: TransportName): number {
  return (state.passed[transport].messages + underWay[transport]) / goalOf(transport);
}

/** The transport that is farthest from its goal; undefined when all have reached theirs. */
function nextTransport(): TransportName | undefined {
  const [first] = TRANSPORTS.toSorted((a, b) => shareOf(a) - shareOf(b));
  return first !== undefined && shareOf(first) < 1 ? first : undefined;
}

function keep(transport: TransportName, outcome: Outcome): void {
  const passed = state.passed[transport];
  passed.messages += outcome.messages;
  passed.bytes += outcome.bytes;
  passed.ms += outcome.ms;
  for (const key of Object.keys(state.faults) as (keyof SoakState['faults'])[])
    state.faults[key] += outcome.faults[key];
  state.hashesDiffer += outcome.hashesDiffer;
  state.heapSlopes = [...state.heapSlopes, ...outcome.heapSlopes].slice(-KEPT_SLOPES_MAX);
}

async function session(transport: TransportName, folder: string, made: Certificates): Promise<void> {
  const number = TRANSPORTS.reduce((sum, each) => sum + state.passed[each].sessions, 0);
  const left = Math.ceil(goalOf(transport) - state.passed[transport].messages - underWay[transport]);
  const messages = Math.min(left, sessionMessages);
  const seed = state.seed * 1_000_003 + number * 2;
  state.passed[transport].sessions++;
  underWay[transport] += messages;
  try {
    keep(transport, await runSession(transport, messages, seed, folder, made));
  } catch (error) {
    state.failures.push(`${transport}, session ${number}, seed ${seed}: ${String(error)}`);
  }
  underWay[transport] -= messages;
}

function save(): void {
  saveState(values.state, state);
  saveText(values.summary, summaryOf(state, goal));
  process.stdout.write(`${summaryOf(state, goal).split('\n')[0]}\n`);
}

/** Session after session, until all is done or time is up. */
async function sessions(folder: string, made: Certificates): Promise<void> {
  while (!signal.aborted && performance.now() < endMs) {
    const transport = nextTransport();
    if (transport === undefined) return;
    await session(transport, folder, made);
    save();
  }
}

async function chaos(): Promise<void> {
  while (!signal.aborted && performance.now() < endMs) {
    await runChaos(state.chaos, state.seed, Math.min(endMs, performance.now() + 20_000), signal);
    save();
  }
}

const folder: string = mkdtempSync(join(tmpdir(), 'ringwire-soak-'));
try {
  const made = await makeCertificates(folder);
  if (values.chaos) await chaos();
  else await Promise.all(Array.from({ length: AT_ONCE }, () => sessions(folder, made)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(summaryOf(state, goal));
const { lost, doubled, reordered, corrupt } = state.faults;
const broken: number =
  lost +
  doubled +
  reordered +
  corrupt +
  state.hashesDiffer +
  state.failures.length +
  state.chaos.violations.length;
process.exitCode = broken === 0 ? 0 : 1;
