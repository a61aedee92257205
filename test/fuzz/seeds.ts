/**
 * The vectors of fixtures/vectors as first inputs of the fuzz targets.
 *
 * Invariant: an input is in the form that its target's file describes.
 */
import { readVectors } from '../support/vectors.ts';

const BYTES_MAX = 512;

/** The payload of the control frame behind the preamble. */
function firstControl(stream: Buffer): Buffer[] {
  if (stream.length < 16 || stream[0] !== 0xf5 || stream.readUInt32LE(12) !== 0) return [];
  return [stream.subarray(16, 16 + stream.readUInt32LE(8))];
}

/** Messages of one event that look alike, and then do not: JSON, and msgpack in hex. */
const SHAPES: readonly (readonly [bits: number, ...payloads: string[]])[] = [
  [0, '{"a":1,"b":"x"}', '{"a":2,"b":"y"}', '{"a":-3.5,"b":null}', '{"b":1}', '{"a":1,"b":"\\u0041"}'],
  [0, '{"t":[1,2,3],"o":{"x":true}}', '{"t":[4,5],"o":{"x":false}}', '{"t":[],"o":{}}', '[1]'],
  [1, '82a16101a16201', '82a16102a162a178', '82a161cb3ff8000000000000a162c0', '81a16101', '9101'],
  [1, '82a17493010203a16f81a178c3', '82a1749104a16f81a178c2', '80'],
];

function shapesInput(bits: number, payloads: readonly string[]): Buffer {
  const parts = payloads.map((each) => Buffer.from(each, bits === 0 ? 'utf8' : 'hex'));
  return Buffer.concat([Buffer.of(bits), ...parts.flatMap((each) => [Buffer.of(each.length), each])]);
}

function prefixed(...head: number[]): (bytes: Buffer) => Buffer {
  return (bytes) => Buffer.concat([Buffer.from(head), bytes]);
}

/** @param target the name of a file in targets */
export function seedsOf(target: string): Buffer[] {
  const vectors = readVectors();
  const streams = vectors.filter(({ setting }) => setting.wire === 'stream');
  const whole = (wire: string): Buffer[] =>
    vectors.filter(({ setting }) => setting.wire === wire).map(({ pieces }) => Buffer.concat(pieces));
  let seeds: Buffer[] = [];
  if (target === 'frames')
    seeds = whole('stream').flatMap((bytes) => [prefixed(0, 0)(bytes), prefixed(5, 2)(bytes)]);
  if (target === 'json')
    seeds = whole('delimited').flatMap((bytes) => [prefixed(0)(bytes), prefixed(3)(bytes)]);
  if (target === 'hello')
    seeds = streams.flatMap(({ pieces }) =>
      firstControl(Buffer.concat(pieces)).flatMap((bytes) => [prefixed(0)(bytes), prefixed(1)(bytes)]),
    );
  if (target === 'datagram') {
    seeds = vectors
      .filter(
        ({ setting, pieces }) => setting.wire === 'datagram' && pieces.every((each) => each.length < 256),
      )
      .flatMap(({ pieces }) => {
        const joined = Buffer.concat(pieces.flatMap((each) => [Buffer.of(each.length), each]));
        return [prefixed(0)(joined), prefixed(1)(joined)];
      });
  }
  if (target === 'shapes') seeds = SHAPES.map(([bits, ...payloads]) => shapesInput(bits, payloads));
  return seeds.filter((seed) => seed.length <= BYTES_MAX);
}
