/**
 * Reads the conformance pack of fixtures/conformance; fixtures/README.md defines the format.
 *
 * Invariant: the pieces of a case, joined, are the bytes of its input; datagrams are never cut.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evenly } from '../frames/pieces.ts';
import { projectRoot } from '../support/project.ts';
import type { Setting } from '../support/vectors.ts';

export interface Input {
  readonly id: string;
  readonly group: string;
  readonly name: string;
  readonly wire: Setting['wire'];
  readonly setting: Partial<Setting>;
  readonly targets: { readonly server: boolean; readonly client: boolean; readonly native: boolean };
  /** Datagrams; of a stream there is one. */
  readonly bytes: readonly string[];
  /** Ways to cut: where, or `each` for everywhere. */
  readonly chunkings: Readonly<Record<string, readonly number[] | 'each'>>;
  /** What a parser finds. */
  readonly frames: readonly string[];
  readonly code: string;
  readonly offset: number;
  /** What a receiver of messages sees. */
  readonly events: readonly string[];
  /** The receiver closes the connection by itself. */
  readonly closes: boolean;
  /** The reason in the goodbye that it sends before. */
  readonly goodbye?: number;
}

const FILES: readonly string[] = ['streams.jsonl', 'delimiteds.jsonl', 'datagrams.jsonl'];

export function readCases(): Input[] {
  return FILES.flatMap((file) =>
    readFileSync(join(projectRoot(), 'fixtures', 'conformance', file), 'utf8')
      .trim()
      .split('\n'),
  ).map((line) => JSON.parse(line) as Input);
}

/** @returns the pieces in which an input is sent */
export function piecesOf({ bytes, chunkings, wire }: Input, chunking: string): Buffer[] {
  if (wire === 'datagram') return bytes.map((each) => Buffer.from(each, 'hex'));
  const all = Buffer.from(bytes.join(''), 'hex');
  const cuts = chunkings[chunking];
  if (cuts === 'each') return evenly(all, 1);
  const places = [0, ...(cuts ?? []), all.length];
  return places.slice(1).map((end, index) => all.subarray(places[index], end));
}
