/**
 * The file in which a bench run is kept: one value per round and row, in the order of the rounds, with the machine that it was taken on.
 *
 * Invariant: `readResults` returns only what it has checked; a file of another kind is refused with the reason.
 */
import fs from 'node:fs';
import os from 'node:os';
import { RingwireError } from '../errors.ts';

export const RESULTS_FORMAT = 'ringwire-bench';
export const RESULTS_VERSION = 1;

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
}

export interface Row {
  /** What was measured, for instance `unix/raw-frame/64B/one-way`. */
  readonly id: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** What the figure cost, or a finer look at it: shown and judged only when that is asked for. */
  readonly detail?: boolean;
  /** One value per round. */
  readonly samples: readonly number[];
}

export interface Results {
  readonly format: typeof RESULTS_FORMAT;
  readonly version: typeof RESULTS_VERSION;
  /** ISO 8601. */
  readonly date: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
}

export function thisMachine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.cpus().length,
    kernel: `${os.type()} ${os.release()}`,
    node: process.version,
  };
}

export function makeResults(rows: readonly Row[]): Results {
  return {
    format: RESULTS_FORMAT,
    version: RESULTS_VERSION,
    date: new Date().toISOString(),
    machine: thisMachine(),
    rows,
  };
}

/** @throws RingwireError ERR_RINGWIRE_BENCH_FILE with what is wrong with the file */
export function readResults(file: string): Results {
  let value: unknown;
  try {
    value = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (cause) {
    throw refuse(file, cause instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read', cause);
  }
  return checkResults(value, (why) => refuse(file, why));
}

/** What was read, when it is a result. @param refusal makes the error of what it says is wrong */
export function checkResults(value: unknown, refusal: (why: string) => RingwireError): Results {
  const { format, version, date, machine, rows } = (value ?? {}) as Record<string, unknown>;
  if (format !== RESULTS_FORMAT) throw refusal(`it does not say "format": "${RESULTS_FORMAT}"`);
  if (version !== RESULTS_VERSION) throw refusal(`it has version ${String(version)}, not ${RESULTS_VERSION}`);
  if (typeof date !== 'string' || !isMachine(machine)) throw refusal('date or machine is missing');
  if (!Array.isArray(rows)) throw refusal('rows is not a list');
  rows.forEach((row: unknown, index) => {
    if (!isRow(row)) throw refusal(`row ${index} lacks an id, unit, better, or samples from 0 on`);
  });
  return { format, version, date, machine, rows: rows as Row[] };
}

function isMachine(value: unknown): value is Machine {
  const { cpu, cores, kernel, node } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof cpu === 'string' &&
    typeof cores === 'number' &&
    typeof kernel === 'string' &&
    typeof node === 'string'
  );
}

function isRow(value: unknown): value is Row {
  const { id, unit, better, detail, samples } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof id === 'string' &&
    typeof unit === 'string' &&
    (better === 'higher' || better === 'lower') &&
    (detail === undefined || typeof detail === 'boolean') &&
    Array.isArray(samples) &&
    samples.length > 0 &&
    samples.every((each) => typeof each === 'number' && each >= 0 && Number.isFinite(each))
  );
}

function refuse(file: string, why: string, cause?: unknown): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BENCH_FILE', `${file} is no bench result: ${why}`, { cause });
}
