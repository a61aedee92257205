/**
 * LengthPrefixedParser against a naive parser of whole streams: streams small enough that every split of them can be tried.
 *
 * Larger ones are in length-prefixed.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { frame, parse, parseNaively, PREAMBLE, same } from './naive.ts';
import { everySplit, WAYS } from './pieces.ts';

function sizes(pieces: readonly Buffer[]): string {
  return `pieces of ${pieces.map((each) => each.length).join(' ')}`;
}

test('small streams: all 2^(n-1) splits, each way', () => {
  const ring = new ReceiveRing(64);
  const behindPreamble = [
    Buffer.concat([frame(0x8000, 3, ''), frame(1, 1, '')]),
    frame(0x8000, 3, 'abc'),
    frame(0x7fff, 4, '', 0x01020304),
    Buffer.concat([frame(0x8000, 3, 'abcd').subarray(0, 14)]),
  ];
  for (const small of behindPreamble) {
    const expected = parseNaively(Buffer.concat([PREAMBLE, small]));
    for (const pieces of everySplit(small)) {
      for (const way of WAYS) {
        const got = parse(ring, [PREAMBLE, ...pieces], way);
        if (!same(got, expected)) assert.deepEqual(got, expected, `${way}: ${sizes(pieces)}`);
      }
    }
  }
});
