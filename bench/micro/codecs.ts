/** The room codecs/: each codec on each payload, both ways. */
import { isDeepStrictEqual } from 'node:util';
import { Packr } from 'msgpackr';
import { ByteWriter, type Segment } from '../../src/bytes/byte-writer.ts';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import type { Codec } from '../../src/codecs/codec.ts';
import { JsonCodec } from '../../src/codecs/json.ts';
import { MsgpackCodec } from '../../src/codecs/msgpack.ts';
import { RawCodec, type ReceiveMode } from '../../src/codecs/raw.ts';
import { blankFrame, type Frame } from '../../src/frames/frame.ts';
import { loadPayloads } from '../support/payloads.ts';
import { Digest, type MicroCase, pattern, repeated, SIZES } from './case.ts';

const { sensor, gameState, telemetry } = loadPayloads();
const VALUES: Readonly<Record<string, unknown>> = {
  sensor: sensor.json,
  'game-state': gameState.json,
  telemetry: telemetry.json,
};

/** What the value is in bytes, by an encoder that is not ours. */
const REFERENCES: Readonly<Record<string, (value: unknown) => Buffer>> = {
  json: (value) => Buffer.from(JSON.stringify(value)),
  msgpack: (value) => new Packr({ useRecords: false, variableMapSize: true }).pack(value),
  raw: (value) => value as Buffer,
};

function encoding(codec: Codec, name: string, value: unknown): MicroCase {
  const reference = (REFERENCES[codec.name] as (value: unknown) => Buffer)(value);
  return {
    id: `micro/codecs/${name}/${codec.name}-encode`,
    count: countFor(reference.length),
    run: (count) => {
      const digest = new Digest();
      const waiting: Segment[] = [];
      const out = new ByteWriter(new SlabPool(), (segment) => waiting.push(segment));
      for (let index = 0; index < count; index++) {
        const at = out.reserve(codec.prepare(value));
        const end = codec.write(out, at);
        digest.add(end - at);
        digest.add(out.bytes[end - 1] as number);
        out.rewind(end);
        for (const segment of waiting.splice(0)) out.written(segment);
      }
      codec.attachment = undefined;
      return digest.value;
    },
    expected: (count) => repeated(count, reference.length, reference.at(-1) as number),
  };
}

function decoding(codec: Codec, what: string, name: string, value: unknown): MicroCase {
  const bytes = (REFERENCES[codec.name] as (value: unknown) => Buffer)(value);
  // As on the wire: a payload starts at a multiple of 8.
  const memory = Buffer.allocUnsafeSlow(8 + bytes.length);
  bytes.copy(memory, 8);
  const frame: Frame = { ...blankFrame(memory), start: 8, end: memory.length };
  return {
    id: `micro/codecs/${name}/${what}-decode`,
    count: countFor(bytes.length),
    run: (count) => {
      const digest = new Digest();
      for (let index = 0; index < count; index++) digest.add(mark(codec.decode(frame)));
      // One in so many would do for a digest; the last one is compared whole.
      if (!isDeepStrictEqual(plain(codec.decode(frame)), value)) digest.add(1);
      return digest.value;
    },
    expected: (count) => repeated(count, mark(value)),
  };
}

/** A number that a decoded value has to have. */
function mark(value: unknown): number {
  if (value instanceof Uint8Array) return value.length + (value.at(-1) as number);
  const frame = value as Partial<Frame>;
  if (frame.bytes !== undefined && frame.end !== undefined && frame.start !== undefined)
    return frame.end - frame.start + (frame.bytes[frame.end - 1] as number);
  return Object.keys(value as object).length;
}

function plain(value: unknown): unknown {
  const { bytes, start, end } = value as Frame;
  return bytes === undefined || start === undefined ? value : bytes.subarray(start, end);
}

function countFor(bytes: number): number {
  return Math.max(100, Math.min(5_000, Math.floor((2 * 1024 * 1024) / bytes)));
}

function decodingRaw(mode: ReceiveMode, name: string, size: number): MicroCase {
  return decoding(new RawCodec(mode), `raw-${mode}`, name, pattern(size));
}

export const CODECS: readonly MicroCase[] = [
  ...Object.entries(VALUES).flatMap(([name, value]) =>
    [new JsonCodec(), new MsgpackCodec()].flatMap((codec) => [
      encoding(codec, name, value),
      decoding(codec, codec.name, name, value),
    ]),
  ),
  ...Object.entries(SIZES).flatMap(([name, size]) => [
    encoding(new RawCodec(), name, pattern(size)),
    decodingRaw('copy', name, size),
    decodingRaw('view', name, size),
    decodingRaw('frame', name, size),
  ]),
];
