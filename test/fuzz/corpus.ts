/**
 * The inputs of each fuzz target that are kept in fixtures/corpus: one line of hexadecimal digits each, the shortest first.
 *
 * Invariant: reading what was written gives the same inputs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../support/project.ts';

export function corpusFile(target: string): string {
  return join(projectRoot(), 'fixtures', 'corpus', target, 'inputs.txt');
}

/** @returns none when the file is not there */
export function readCorpus(file: string): Buffer[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => Buffer.from(line.replace(/^input /, ''), 'hex'));
}

export function writeCorpus(file: string, inputs: readonly Buffer[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const lines = inputs
    .toSorted((a, b) => a.length - b.length || Buffer.compare(a, b))
    .map((input) => `input ${input.toString('hex')}\n`);
  writeFileSync(file, lines.join(''));
}
