/**
 * Runs scenarios in processes of their own, in turns: round by round, every scenario once per round, so that a slow moment hits them all. Each
 * round is one sample.
 *
 * Invariant: no child outlives its measurement; a measurement that says nothing for a minute fails.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { RingwireError } from '../errors.ts';
import type { EchoReport, OneWayReport, PeerTask } from './peer.ts';
import type { Row } from './results.ts';
import type { Scenario } from './scenarios.ts';

/** The measuring program of this installation. */
export const OWN_PEER: string = fileURLToPath(
  new URL(`peer${path.extname(import.meta.url)}`, import.meta.url),
);
const SILENCE_MS = 60_000;

export interface RunOptions {
  readonly rounds: number;
  /** Share of the full count of messages. */
  readonly share: number;
  /** Before each measurement. */
  progress(done: number, total: number, id: string): void;
}

/** @throws RingwireError ERR_RINGWIRE_BENCH_RUN when a measurement fails: there is no result without all of its messages */
export async function runScenarios(scenarios: readonly Scenario[], options: RunOptions): Promise<Row[]> {
  const [rows = []] = await runInTurns(scenarios, [OWN_PEER], options);
  return rows;
}

/**
 * The same scenarios by several measuring programs, side by side: A B, then B A, so that neither always follows the other.
 * @returns rows for each program; samples with the same index were taken next to each other
 * @throws what `runScenarios` throws
 */
export async function runInTurns(
  scenarios: readonly Scenario[],
  peers: readonly string[],
  options: RunOptions,
): Promise<Row[][]> {
  const results = peers.map(() => new Map<string, Row & { readonly samples: number[] }>());
  const total = options.rounds * scenarios.length * peers.length;
  const order = scenarios.flatMap((scenario) => peers.map((peer, index) => ({ scenario, peer, index })));
  let done = 0;
  for (let round = 0; round < options.rounds; round++) {
    // Every other round backwards: nobody always runs behind the same neighbour.
    for (const { scenario, peer, index } of round % 2 === 0 ? order : order.toReversed()) {
      options.progress(done++, total, scenario.id);
      const count = Math.max(20, Math.round(scenario.count * options.share));
      for (const row of await measure({ ...scenario, count }, peer)) {
        const known = results[index]?.get(row.id);
        if (known === undefined) results[index]?.set(row.id, { ...row, samples: [...row.samples] });
        else known.samples.push(...row.samples);
      }
    }
  }
  return results.map((rows) => Array.from(rows.values()));
}

async function measure(scenario: Scenario, peer: string): Promise<Row[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-bench-'));
  const socket = path.join(folder, 's');
  const children: ChildProcess[] = [];
  const start = (role: PeerTask['role']): Lines => {
    const task: PeerTask = { role, path: socket, scenario };
    const child = spawn(process.execPath, [peer, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    return new Lines(child, scenario.id);
  };
  try {
    const server = start('server');
    await server.next();
    const client = start('client');
    const [measuring, other] = scenario.shape === 'echo' ? [client, server] : [server, client];
    const report = await Promise.race([measuring.next(), other.failed()]);
    return scenario.shape === 'echo'
      ? echoRows(scenario, report as EchoReport)
      : oneWayRows(scenario, report as OneWayReport);
  } finally {
    await Promise.all(children.map(end));
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function oneWayRows({ id }: Scenario, { perSecond, receiverCpu }: OneWayReport): Row[] {
  return [
    { id, unit: 'messages/s', better: 'higher', samples: [perSecond] },
    { id: `${id}#receiver-cpu`, unit: 'us/message', better: 'lower', samples: [receiverCpu] },
  ];
}

function echoRows({ id }: Scenario, { p50, p99 }: EchoReport): Row[] {
  return [
    { id: `${id}#p50`, unit: 'us', better: 'lower', samples: [p50] },
    { id: `${id}#p99`, unit: 'us', better: 'lower', samples: [p99] },
  ];
}

/** The JSON lines that a child prints. */
class Lines {
  readonly #child: ChildProcess;
  readonly #id: string;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess, id: string) {
    this.#child = child;
    this.#id = id;
    if (child.stdout === null) throw new TypeError('a child without an output');
    this.#lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<unknown> {
    const timer = setTimeout(() => this.#child.kill(), SILENCE_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (done) throw this.#withoutResult();
    return JSON.parse(value);
  }

  /** Never returns: throws when the child ends with a failure of its own. */
  async failed(): Promise<never> {
    const [code] = (await once(this.#child, 'exit')) as [number | null];
    if (code !== 0 && code !== null) throw this.#withoutResult();
    return new Promise(() => {});
  }

  #withoutResult(): RingwireError {
    return new RingwireError('ERR_RINGWIRE_BENCH_RUN', `${this.#id} ended without a result`);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}
