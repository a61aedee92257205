/**
 * What is no rate of two processes: how a flood of datagrams moves the memory, how old a value is at the reader of a lossy feed, how fast the
 * C parser is alone. Each is a process of its own that says it.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nativeMissing } from '../../src/bench/native.ts';
import type { Row } from '../../src/bench/results.ts';
import { projectRoot } from './payloads.ts';

const run = promisify(execFile);
const FLOOD: string = fileURLToPath(new URL('../../test/udp/support/flood.js', import.meta.url));
/** Sources that have not been seen before; as many come before the first look. */
const SOURCES = 100_000;
const READINGS = 3_000;

/** Resident bytes that a flood from so many sources leaves behind. */
export async function floodRow(): Promise<Row> {
  const { stdout } = await run(process.execPath, ['--expose-gc', FLOOD, String(SOURCES)]);
  const { grown } = JSON.parse(stdout) as { grown: number };
  return {
    id: 'local/ringwire/flood/resident',
    unit: 'bytes',
    better: 'lower',
    samples: [Math.max(0, grown)],
  };
}

/** 99th percentile of the age of the value at the reader of a feed of 1 kHz that loses a fifth. */
export async function feedRow(seed: number): Promise<Row> {
  const feed = path.join(projectRoot(), 'examples', 'sensor-feed', 'feed.mjs');
  const args = [feed, '--readings', String(READINGS), '--loss', '0.2', '--seed', String(seed)];
  const { stdout } = await run(process.execPath, args);
  const p99 = Number(/age of the value p50 [\d.]+ ms, p99 ([\d.]+) ms/.exec(stdout)?.[1]);
  if (Number.isNaN(p99)) throw new Error(`the feed said: ${stdout}`);
  return { id: 'local/ringwire/feed/age-p99', unit: 'ms', better: 'lower', samples: [p99] };
}

/** Bytes that ringwire.h parses on one core; undefined without a C compiler. */
export async function parserRow(): Promise<Row | undefined> {
  if (nativeMissing() !== undefined) return undefined;
  const { stdout } = await run('make', ['-s', '-C', path.join(projectRoot(), 'native-peers'), 'bench']);
  for (const line of stdout.trim().split('\n')) {
    const { payload_bytes, gigabytes_per_second } = JSON.parse(line) as Record<string, number>;
    if (payload_bytes === 64 && gigabytes_per_second !== undefined)
      return { id: 'local/c/64B/parse', unit: 'GB/s', better: 'higher', samples: [gigabytes_per_second] };
  }
  throw new Error(`the bench of the C parser said: ${stdout}`);
}
