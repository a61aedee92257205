/**
 * The file of budgets: what a message of each row may cost. It is small, is reviewed like code, and belongs to the project that it guards.
 *
 * Counts hold for one major version of Node on any machine. The ratio of speed holds on machines with the same processor.
 * Invariant: `readBudgets` returns only what it has checked; a file of another kind is refused with the reason.
 */
import fs from 'node:fs';
import { RingwireError } from '../errors.ts';

/** What one message costs; counts that the platform does not tell are absent. */
export interface Cost {
  /** Bytes allocated, on the heap and behind Buffers, by sender and receiver together. */
  readonly heap: number;
  /** Bytes that JavaScript copied. */
  readonly copied: number;
  /** Garbage collections per million messages. */
  readonly gc: number;
  /** System calls per thousand messages. */
  readonly reads?: number;
  readonly writes?: number;
  /** How many times as fast as `against`. */
  readonly ratio: number;
  readonly against: string;
}

/** Those of one major version of Node. */
export interface Section {
  /** The processor on which the ratios were taken. */
  readonly cpu: string;
  readonly rows: Readonly<Record<string, Cost>>;
}

export interface Budgets {
  readonly format: 'ringwire-budgets';
  readonly version: 1;
  /** By major version of Node, such as `24`. */
  readonly node: Readonly<Record<string, Section>>;
}

export const NO_BUDGETS: Budgets = { format: 'ringwire-budgets', version: 1, node: {} };

/** @throws RingwireError ERR_RINGWIRE_BENCH_FILE with what is wrong with the file */
export function readBudgets(file: string): Budgets {
  let value: unknown;
  try {
    value = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (cause) {
    throw refuse(file, cause instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read', cause);
  }
  const { format, version, node } = (value ?? {}) as Record<string, unknown>;
  if (format !== 'ringwire-budgets') throw refuse(file, 'it does not say "format": "ringwire-budgets"');
  if (version !== 1) throw refuse(file, `it has version ${String(version)}, not 1`);
  for (const [major, section] of Object.entries((node ?? {}) as Record<string, Partial<Section> | null>)) {
    if (typeof section?.cpu !== 'string') throw refuse(file, `the cpu of Node ${major} is missing`);
    for (const [id, cost] of Object.entries(section.rows ?? {}))
      if (!isCost(cost)) throw refuse(file, `${id} of Node ${major} lacks a number or says one below 0`);
  }
  return value as Budgets;
}

/** One row a line, so that a review sees which ones change. */
export function writeBudgets(file: string, budgets: Budgets): void {
  const text = JSON.stringify(budgets, null, 2).replaceAll(/\{[^{}]*\}/g, (row) =>
    row.replaceAll(/\s*\n\s*/g, ' '),
  );
  fs.writeFileSync(file, `${text}\n`);
}

function isCost(value: unknown): value is Cost {
  const { heap, copied, gc, reads, writes, ratio, against } = (value ?? {}) as Record<string, unknown>;
  const numbers = [heap, copied, gc, ratio, ...[reads, writes].filter((each) => each !== undefined)];
  return typeof against === 'string' && numbers.every((each) => typeof each === 'number' && each >= 0);
}

function refuse(file: string, why: string, cause?: unknown): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BENCH_FILE', `${file} holds no budgets: ${why}`, { cause });
}
