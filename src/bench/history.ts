/**
 * Results over time: a file that only grows, one result per line as JSON, each with the machine that it was taken on.
 *
 * Invariant: `readHistory` returns only what it has checked; a line that is no result is refused with its number, also the last one, which
 * an interrupted write leaves behind.
 */
import fs from 'node:fs';
import { RingwireError } from '../errors.ts';
import { checkResults, type Machine, type Results } from './results.ts';

export function appendHistory(file: string, results: Results): void {
  // Behind half a line, which an interrupted write left, a new one starts: only that half is lost.
  const start = endsInsideLine(file) ? '\n' : '';
  fs.appendFileSync(file, `${start}${JSON.stringify(results)}\n`);
}

/** In the order of the lines. @throws RingwireError ERR_RINGWIRE_BENCH_FILE with the line that is wrong */
export function readHistory(file: string): Results[] {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw refuse(file, 'it cannot be read', cause);
  }
  const entries: Results[] = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() !== '') entries.push(readLine(file, line, index + 1));
  });
  if (entries.length === 0) throw refuse(file, 'it is empty');
  return entries;
}

/** Whether results can be compared: all that `ringwire bench compare` looks at is equal. */
export function sameMachine(a: Machine, b: Machine): boolean {
  return a.cpu === b.cpu && a.cores === b.cores && a.kernel === b.kernel && a.node === b.node;
}

function readLine(file: string, line: string, number: number): Results {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw refuse(file, `line ${number} is not JSON; was its write interrupted? Delete that line`, cause);
  }
  return checkResults(value, (why) => refuse(file, `line ${number}: ${why}`));
}

function endsInsideLine(file: string): boolean {
  if (!fs.existsSync(file)) return false;
  const handle = fs.openSync(file, 'r');
  try {
    const { size } = fs.fstatSync(handle);
    const last = Buffer.alloc(1);
    return size > 0 && fs.readSync(handle, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
  } finally {
    fs.closeSync(handle);
  }
}

function refuse(file: string, why: string, cause?: unknown): RingwireError {
  return new RingwireError('ERR_RINGWIRE_BENCH_FILE', `${file} is no bench history: ${why}`, { cause });
}
