/**
 * What a long run has done so far, in a file, so that the next run goes on from there.
 *
 * Invariant: the file is whole whenever a run is killed: it is written beside and renamed.
 */
import fs from 'node:fs';
import { dirname } from 'node:path';

/** @returns what the file holds, or `fresh` when there is none */
export function loadState<T extends object>(file: string, fresh: T): T {
  if (!fs.existsSync(file)) return fresh;
  return { ...fresh, ...(JSON.parse(fs.readFileSync(file, 'utf8')) as T) };
}

export function saveText(file: string, text: string): void {
  fs.mkdirSync(dirname(file), { recursive: true });
  const beside = `${file}.${process.pid}`;
  fs.writeFileSync(beside, text);
  fs.renameSync(beside, file);
}

export function saveState(file: string, state: object): void {
  saveText(file, `${JSON.stringify(state, null, 2)}\n`);
}

/** Aborted by the first SIGINT, which then ends a run after what is under way. */
export function interrupted(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}
