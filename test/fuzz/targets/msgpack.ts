/**
 * Fuzz target: any bytes as a msgpack payload. What the check of their structure lets through, the decoder must be able to read.
 *
 * Input: the payload.
 * Invariant: a payload is refused by the check with a code, or becomes a value; that value can be written, and read again as the same, but
 * for the sign of zero.
 */
import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';
import { ByteWriter } from '../../../src/bytes/byte-writer.ts';
import { SlabPool } from '../../../src/bytes/slab-pool.ts';
import { checkMsgpack } from '../../../src/codecs/msgpack-check.ts';
import { MsgpackCodec } from '../../../src/codecs/msgpack.ts';
import { MessageError } from '../../../src/errors.ts';
import { blankFrame, type Frame } from '../../../src/frames/frame.ts';
import { DEFAULT_LIMITS } from '../../../src/limits.ts';
import { unlearned } from '../unlearned.ts';

const codec: MsgpackCodec = unlearned((limits) => new MsgpackCodec(limits));
const frame: Frame = blankFrame(Buffer.alloc(0));
const pool: SlabPool = new SlabPool();
const out: ByteWriter = new ByteWriter(pool, () => {});
const WHOLE = { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity };

/** Zero has no sign, as in JSON, and a date that is none is not equal to itself on every Node. */
function shown(value: unknown): string {
  return inspect(value, WHOLE).replaceAll(/-0(?![.\d])/g, '0');
}

function decode(bytes: Buffer, start: number, end: number): unknown {
  Object.assign(frame, { bytes, start, end });
  return codec.decode(frame);
}

export function fuzz(input: Buffer): void {
  try {
    checkMsgpack(input, 0, input.length, DEFAULT_LIMITS);
  } catch (error) {
    assert.ok(error instanceof MessageError, String(error));
    return;
  }
  const value = decode(input, 0, input.length);
  if (value === undefined) return;
  const at = out.reserve(codec.prepare(value));
  const again = decode(out.bytes, at, codec.write(out, at));
  out.rewind(at);
  if (!isDeepStrictEqual(again, value)) assert.equal(shown(again), shown(value));
}
