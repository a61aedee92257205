/**
 * Fuzz target: payloads of one event in a row, through codecs that learn what the event's messages look like, against the same codecs when they know nothing.
 *
 * Input: a byte whose lowest bit chooses JSON or msgpack, then payloads, each behind a byte with its length.
 * Invariant: what was learned changes neither a value nor a code; a value that was read is written as bytes that mean the same.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { ByteWriter } from '../../../src/bytes/byte-writer.ts';
import { SlabPool } from '../../../src/bytes/slab-pool.ts';
import type { Codec } from '../../../src/codecs/codec.ts';
import { JsonCodec } from '../../../src/codecs/json.ts';
import { MsgpackCodec } from '../../../src/codecs/msgpack.ts';
import { MessageError } from '../../../src/errors.ts';
import { blankFrame } from '../../../src/frames/frame.ts';

const EVENT = 5;
const pool: SlabPool = new SlabPool();
const out: ByteWriter = new ByteWriter(pool, () => {});

type Outcome = { readonly value: unknown } | { readonly code: string };

function decode(codec: Codec, bytes: Buffer): Outcome {
  const frame = blankFrame(bytes);
  frame.end = bytes.length;
  frame.event = EVENT;
  try {
    return { value: codec.decode(frame) };
  } catch (error) {
    assert.ok(error instanceof MessageError, String(error));
    return { code: error.code };
  }
}

function encode(codec: Codec, value: unknown): Buffer {
  const at = out.reserve(codec.prepare(value));
  const end = codec.write(out, at);
  const bytes = Buffer.from(out.bytes.subarray(at, end));
  out.rewind(at);
  return bytes;
}

function newCodec(bits: number): Codec {
  return bits & 1 ? new MsgpackCodec() : new JsonCodec();
}

export function fuzz(input: Buffer): void {
  if (input.length < 2) return;
  const bits = input[0] as number;
  const learned = newCodec(bits);
  for (let at = 1; at < input.length;) {
    const end = at + 1 + (input[at] as number);
    const payload = Buffer.from(input.subarray(at + 1, end));
    at = end;
    const expected = decode(newCodec(bits), payload);
    for (let again = 0; again < 3; again++) {
      const seen = decode(learned, payload);
      if (!isDeepStrictEqual(seen, expected)) assert.deepStrictEqual(seen, expected);
    }
    if (!('value' in expected) || expected.value === undefined) continue;
    const written = decode(newCodec(bits), encode(learned, expected.value));
    assert.ok(isDeepStrictEqual(written, decode(newCodec(bits), encode(newCodec(bits), expected.value))));
  }
}
