/**
 * Fuzz target: any bytes through the parser of the ringwire wire, in pieces, against the oracle of the reliability tests.
 *
 * Input: a byte for the size of the pieces, a byte whose lowest bit puts a good preamble in front and whose rest chooses the way in which pieces are given,
 * then the stream.
 * Invariant: frames, code and offset are those of the oracle, whatever the pieces.
 */
import assert from 'node:assert/strict';
import { ReceiveRing } from '../../../src/bytes/receive-ring.ts';
import { PREAMBLE } from '../../frames/naive.ts';
import { firstCut, type Way, WAYS } from '../../frames/pieces.ts';
import { judgeStream } from '../../reliability/oracle.ts';
import { parseStream } from '../../reliability/parsed.ts';

export const LIMIT = 1024;
/** Every state of the parser is met within the first few. */
const PIECES_MAX = 6;
const ring: ReceiveRing = new ReceiveRing(64);

export function fuzz(input: Buffer): void {
  if (input.length < 2) return;
  const [size, choice] = input as unknown as [number, number];
  const rest = input.subarray(2);
  const stream = choice & 1 ? Buffer.concat([PREAMBLE, rest]) : rest;
  const pieces = firstCut(stream, size, PIECES_MAX);
  const expected = judgeStream(stream, LIMIT);
  const got = parseStream(ring, pieces, LIMIT, () => WAYS[(choice >> 1) % WAYS.length] as Way);
  const sameOffset = got.offset === expected.offset || expected.offset === 0;
  if (got.code !== expected.code || !sameOffset || got.frames.join('\n') !== expected.frames.join('\n'))
    assert.deepEqual(got, expected);
}
