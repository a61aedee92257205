/**
 * `npm run figures [-- --write]`: the headline figures of this machine, each as a ratio to a reference that was measured in the same run,
 * rounds interleaved so that a slow moment hits all alike. `--write` puts the table into BENCHMARKS.md. Medians of the rounds and of
 * their ratios.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Contestant, type EchoResult, type SinkResult } from './support/peer-task.ts';
import { projectRoot } from './support/payloads.ts';
import { echo, idleBytes, oneWay, oneWayC, sensorJson } from './support/runs.ts';

const ROUNDS = 5;

interface Row {
  name: string;
  goal: string;
  value: string;
  reference: string;
  ratio: number;
  reached: boolean;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function millions(perSecond: number): string {
  return perSecond >= 1e6 ? `${(perSecond / 1e6).toFixed(2)} M/s` : `${(perSecond / 1e3).toFixed(1)} k/s`;
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Each contestant once per round, round after round. */
async function interleaved<T>(
  what: string,
  contestants: Record<string, () => Promise<T>>,
): Promise<Record<string, T[]>> {
  const results: Record<string, T[]> = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [name, measure] of Object.entries(contestants)) {
      progress(`${what}, round ${round} of ${ROUNDS}: ${name}`);
      results[name]?.push(await measure());
    }
  }
  return results;
}

function raw(bytes: number, count: number, receive: 'frame' | 'view' | 'copy'): () => Promise<SinkResult> {
  return () => oneWay({ contestant: 'ringwire', bytes, count, receive });
}

function json(contestant: Contestant, count: number): () => Promise<SinkResult> {
  return () => oneWay({ contestant, bytes: 64, count, receive: 'copy', json: sensorJson() });
}

function microseconds(value: number): string {
  return `${value.toFixed(1)} us`;
}

async function throughput(): Promise<Row[]> {
  const rows: Row[] = [];
  const results = await interleaved('throughput', {
    c64: () => oneWayC(64, 40_000_000),
    frame: raw(64, 30_000_000, 'frame'),
    view: raw(64, 15_000_000, 'view'),
    copy: raw(64, 8_000_000, 'copy'),
    c1k: () => oneWayC(1024, 4_000_000),
    raw1k: raw(1024, 4_000_000, 'frame'),
    c64k: () => oneWayC(65_536, 80_000),
    raw64k: raw(65_536, 80_000, 'frame'),
    nodeIpc: json('node-ipc', 200_000),
    json: json('ringwire-json-wire', 2_000_000),
  });
  const rates = (name: string): number[] => (results[name] ?? []).map((each) => each.perSecond);
  const rate = (name: string): number => median(rates(name));
  const add = (name: string, value: string, reference: string, goal: number): void => {
    const references = rates(reference);
    const ratio = median(rates(value).map((each, round) => each / (references[round] ?? Number.NaN)));
    const sign = `>= ${goal}`;
    rows.push({
      name,
      goal: sign,
      value: millions(rate(value)),
      reference: millions(rate(reference)),
      ratio,
      reached: ratio >= goal,
    });
  };
  add("64 B raw, 'frame', against C", 'frame', 'c64', 0.5);
  add("64 B raw, 'frame', against node-ipc JSON", 'frame', 'nodeIpc', 100);
  add("64 B raw, 'view', against C", 'view', 'c64', 0.25);
  add("64 B raw, 'copy', against C", 'copy', 'c64', 0.12);
  add('1 KiB raw against C', 'raw1k', 'c1k', 0.8);
  add('64 KiB raw against C', 'raw64k', 'c64k', 0.9);
  add("64 B JSON on node-ipc's wire, against node-ipc", 'json', 'nodeIpc', 8);
  const allocated = median(
    (results['frame'] ?? []).flatMap((each) => [each.allocated, each.sourceAllocated]),
  );
  rows.push({
    name: "heap bytes per message, 'frame', warm",
    goal: '< 1',
    value: allocated.toFixed(3),
    reference: '',
    ratio: allocated,
    reached: allocated < 1,
  });
  return rows;
}

async function latency(): Promise<Row> {
  const results = await interleaved<EchoResult>('echo', {
    net: () => echo('net', 30_000),
    ringwire: () => echo('ringwire', 30_000),
  });
  const p50 = (name: string): number => median((results[name] ?? []).map((each) => each.p50));
  const ratio = p50('ringwire') / p50('net');
  return {
    name: 'echo, one in flight, p50, against bare net',
    goal: '<= 1.2',
    value: microseconds(p50('ringwire')),
    reference: microseconds(p50('net')),
    ratio,
    reached: ratio <= 1.2,
  };
}

async function memory(): Promise<Row> {
  const results = await interleaved<number>('idle connections', {
    net: () => idleBytes('net'),
    ringwire: () => idleBytes('ringwire'),
  });
  const bytes = (name: string): number => median(results[name] ?? []);
  const more = bytes('ringwire') - bytes('net');
  return {
    name: 'resident bytes of an idle connection above bare net',
    goal: '<= 4096',
    value: bytes('ringwire').toFixed(0),
    reference: bytes('net').toFixed(0),
    ratio: more,
    reached: more <= 4096,
  };
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const ratio = Math.abs(row.ratio) >= 100 ? row.ratio.toFixed(0) : row.ratio.toFixed(3);
    return `| ${row.name} | ${row.value} | ${row.reference} | ${ratio} | ${row.goal} | ${row.reached ? 'yes' : 'no'} |`;
  });
  return [
    '| what | ringwire | reference | ratio | goal | reached |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}

function machine(): string {
  const gcc = execFileSync('cc', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  return `${os.cpus()[0]?.model ?? 'unknown CPU'}, ${os.cpus().length} cores; Linux ${os.release()}; Node ${process.version}; ${gcc}; ${new Date().toISOString().slice(0, 10)}`;
}

const rows = [...(await throughput()), await latency(), await memory()];
const report = `${machine()}\n\n${table(rows)}\n`;
console.log(report);
if (process.argv.includes('--write')) {
  const file = path.join(projectRoot(), 'BENCHMARKS.md');
  const [before = '', rest = ''] = fs.readFileSync(file, 'utf8').split('<!-- figures -->\n');
  const after = rest.split('<!-- /figures -->\n')[1] ?? '';
  fs.writeFileSync(file, `${before}<!-- figures -->\n${report}<!-- /figures -->\n${after}`);
}
