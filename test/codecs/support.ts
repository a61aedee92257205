/**
 * One message through a codec, as a connection does it: prepare, reserve, write, and back by a frame in the middle of other bytes.
 *
 * Invariant: the bytes around a frame are canaries; a codec that reads or writes them is found out.
 */
import assert from 'node:assert/strict';
import { ByteWriter } from '../../src/bytes/byte-writer.ts';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import type { Codec } from '../../src/codecs/codec.ts';
import type { Frame } from '../../src/frames/frame.ts';

const CANARY = 0xc4;
const AROUND = 16;

export function encode(codec: Codec, data: unknown): Buffer {
  const bytesMax = codec.prepare(data);
  if (codec.attachment !== undefined) return Buffer.from(codec.attachment);
  const writer = new ByteWriter(new SlabPool(), () => {});
  writer.append(Buffer.alloc(AROUND, CANARY));
  const at = writer.reserve(bytesMax + AROUND);
  const guard = at + bytesMax;
  writer.bytes.fill(CANARY, guard, guard + AROUND);
  const end = codec.write(writer, at);
  assert.ok(end >= at && end <= at + bytesMax, `${end - at} bytes written, ${bytesMax} were announced`);
  assert.deepEqual(writer.bytes.subarray(guard, guard + AROUND), Buffer.alloc(AROUND, CANARY));
  return Buffer.from(writer.bytes.subarray(at, end));
}

/** A frame over `payload` that stands at an 8-aligned place between `canary` bytes. */
export function frameOf(payload: Uint8Array, canary: number = CANARY): Frame {
  const bytes = Buffer.allocUnsafeSlow(payload.length + 2 * AROUND).fill(canary);
  bytes.set(payload, AROUND);
  const start = AROUND;
  return {
    bytes,
    start,
    end: start + payload.length,
    event: 1,
    codec: 0,
    flags: 0,
    correlation: 0,
    kind: 0,
    traceStart: 0,
  };
}

export function decode(codec: Codec, payload: Uint8Array | string): unknown {
  return codec.decode(frameOf(typeof payload === 'string' ? Buffer.from(payload) : payload));
}

/** The stable code of what decoding throws, or 'decoded'. */
export function outcome(codec: Codec, payload: Uint8Array, canary: number = CANARY): string {
  try {
    codec.decode(frameOf(payload, canary));
    return 'decoded';
  } catch (error) {
    const { code, closed } = error as { code?: string; closed?: boolean };
    if (code?.startsWith('ERR_RINGWIRE_') !== true) throw error;
    assert.equal(closed, false, 'a fault inside a payload costs the message, not the connection');
    return code;
  }
}
