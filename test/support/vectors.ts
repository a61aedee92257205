/**
 * Reads the vectors of fixtures/vectors; fixtures/README.md defines the format, and native-peers/vectors.c reads the same files.
 *
 * It refuses a line that it does not understand.
 * Invariant: the pieces of a vector, joined, are its bytes; only datagrams have more than one piece.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project.ts';

export interface Setting {
  wire: 'stream' | 'delimited' | 'datagram';
  role: 'accepted' | 'connected';
  /** Largest payload or message that the receiver accepts. */
  limit: number;
  /** Bit k: the receiver decodes codec k. */
  codecs: number;
  /** The events from 1 to here are agreed in advance. */
  agreed: number;
  features: number;
  /** The codec that the receiver sends; 0: the one that the peer prefers. */
  codec: number;
}

export interface Vector {
  readonly name: string;
  readonly setting: Setting;
  readonly pieces: readonly Buffer[];
  readonly expected: string;
  /** What the receiver has to know for this vector to be fair. */
  readonly needs: readonly string[];
}

const BLANK: Setting = {
  wire: 'stream',
  role: 'accepted',
  limit: 1024,
  codecs: 0x0e,
  agreed: 5,
  features: 0,
  codec: 0,
};

export const VECTOR_FOLDER: string = join(projectRoot(), 'fixtures', 'vectors');

export function readVectors(): Vector[] {
  return readdirSync(VECTOR_FOLDER)
    .filter((file) => file.endsWith('.txt'))
    .toSorted()
    .flatMap((file) => readFileSync(join(VECTOR_FOLDER, file), 'utf8').split(/\n\n+/))
    .map((block) => block.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
    .filter((lines) => lines.length > 0)
    .map(readVector);
}

function readVector(lines: readonly string[]): Vector {
  const setting = { ...BLANK };
  const pieces: Buffer[][] = [[]];
  const expected: string[] = [];
  const needs: string[] = [];
  let name = '';
  for (const line of lines) {
    const space = line.indexOf(' ');
    const word = space < 0 ? line : line.slice(0, space);
    const rest = space < 0 ? '' : line.slice(space + 1);
    if (word === 'vector') name = rest;
    else if (word === 'hex') pieces.at(-1)?.push(hexBytes(rest));
    else if (word === 'repeat') pieces.at(-1)?.push(repeated(rest));
    else if (word === 'next') pieces.push([]);
    else if (word === '=') expected.push(rest);
    else if (word === 'needs') needs.push(rest);
    else set(setting, word, rest);
  }
  return {
    name,
    setting,
    pieces: pieces.map((parts) => Buffer.concat(parts)),
    expected: expected.join('\n'),
    needs,
  };
}

function hexBytes(text: string): Buffer {
  const digits = text.replace(/;.*/, '').replaceAll(' ', '');
  const bytes = Buffer.from(digits, 'hex');
  if (bytes.length * 2 !== digits.length) throw new Error(`no hex: ${text}`);
  return bytes;
}

function repeated(text: string): Buffer {
  const [times = '', hex = ''] = text.split(' ');
  return Buffer.concat(Array.from({ length: Number(times) }, () => hexBytes(hex)));
}

function set(setting: Setting, word: string, value: string): void {
  if (word === 'wire') setting.wire = value as Setting['wire'];
  else if (word === 'role') setting.role = value as Setting['role'];
  else if (word === 'codecs') setting.codecs = Number.parseInt(value, 16);
  else if (word === 'limit' || word === 'agreed' || word === 'features' || word === 'codec')
    setting[word] = Number(value);
  else throw new Error(`a line that is not understood: ${word} ${value}`);
}
