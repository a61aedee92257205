/**
 * Fuzz target: payloads of one event in a row, through codecs that learn what the event's messages look like, against those that know nothing.
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
import { unlearned } from '../unlearned.ts';

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

/** What knows nothing: the decoders, and JSON.stringify or msgpackr. */
const GENERAL = {
  json: unlearned((limits) => new JsonCodec(limits)),
  msgpack: unlearned((limits) => new MsgpackCodec(limits)),
};

export function fuzz(input: Buffer): void {
  if (input.length < 2) return;
  const isJson = ((input[0] as number) & 1) === 0;
  const general = isJson ? GENERAL.json : GENERAL.msgpack;
  const learned = isJson ? new JsonCodec() : new MsgpackCodec();
  for (let at = 1; at < input.length;) {
    const end = at + 1 + (input[at] as number);
    const payload = Buffer.from(input.subarray(at + 1, end));
    at = end;
    const expected = decode(general, payload);
    const isRefused = !('value' in expected);
    // What is refused teaches nothing: it is given once.
    for (let left = isRefused ? 1 : 3; left > 0; left--) {
      const seen = decode(learned, payload);
      if (!isDeepStrictEqual(seen, expected)) assert.deepStrictEqual(seen, expected);
    }
    if (isRefused || expected.value === undefined) continue;
    const { value } = expected;
    const written = decode(general, encode(learned, value));
    const asGeneral = isJson ? Buffer.from(JSON.stringify(value)) : encode(general, value);
    assert.ok(isDeepStrictEqual(written, decode(general, asGeneral)));
  }
}
