/**
 * ringwire.h and the TypeScript parsers read the same mutated streams in random pieces and have to say the same: the same frames, codes and
 * offsets. The C side is one long-lived child. RINGWIRE_DIFFERENTIAL=1000000 makes a run as long, RINGWIRE_SEED another one.
 *
 * Fragments are left out: C keeps one unfinished frame, TypeScript as many as there is memory for.
 * Invariant: a failure names its seed and its stream, and either brings it back.
 * Row T05 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomly, WAYS } from '../frames/pieces.ts';
import { replayDatagrams } from '../frames/replay-datagrams.ts';
import { replay } from '../frames/replay.ts';
import { compilerMissing, make } from '../support/native.ts';
import { type Random, seeded } from '../support/seeded.ts';
import { readVectors, type Setting } from '../support/vectors.ts';
import { NativeReplay, type Request, requestOf } from './native-replay.ts';

const RUNS = Number(process.env['RINGWIRE_DIFFERENTIAL'] ?? 6000);
const SEED = Number(process.env['RINGWIRE_SEED'] ?? 1);
/** Requests on their way to the child at once. */
const BATCH = 200;
const BYTES_MAX = 2048;
/** Bytes that mean something somewhere on the wire. */
const TELLING: readonly number[] = [
  0, 1, 2, 3, 4, 7, 8, 0x0c, 0x22, 0x5b, 0x7b, 0x7d, 0x7f, 0x80, 0x84, 0xf5, 0xfe, 0xff,
];

interface Seed {
  readonly setting: Setting;
  readonly bytes: Buffer;
}

interface Run extends Request {
  readonly ours: string;
}

function mutate(bytes: Buffer, random: Random, seeds: readonly Seed[]): Buffer {
  let mutated = Buffer.from(bytes);
  for (let times = random.below(5); times > 0; times--) {
    const at = random.below(mutated.length + 1);
    const kind = random.below(6);
    if (kind === 0) mutated[at] = random.below(256);
    else if (kind === 1) mutated[at] = random.pick(TELLING);
    else if (kind === 2) mutated[at] = (mutated[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 3) mutated = mutated.subarray(0, at);
    else if (kind === 4) mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + 8)]);
    else mutated = Buffer.concat([mutated.subarray(0, at & ~7), random.pick(seeds).bytes]);
  }
  return mutated.subarray(0, BYTES_MAX);
}

function makeRun(random: Random, seeds: readonly Seed[]): Run {
  const { setting: given, bytes } = random.pick(seeds);
  const stream = mutate(bytes, random, seeds);
  if (given.wire === 'datagram') {
    // A flag that says fragment, and the checksum of what was mutated, would end most runs before anything is compared.
    if (stream.length > 3) stream[3] = (stream[3] as number) & ~6;
    return { setting: given, pieces: [stream], ours: replayDatagrams(given, [stream]) };
  }
  // Text before the preamble is for who connected, and on the TypeScript side for who joins the two wires.
  const setting: Setting = stream[0] === 0xf5 ? given : { ...given, role: 'accepted' };
  const pieces = randomly(stream, random, 1 + random.below(40));
  return { setting, pieces, ours: replay(setting, pieces, random.pick(WAYS)) };
}

const missing = compilerMissing('gcc');

test(`C and TypeScript agree on ${RUNS} mutated streams`, { skip: missing ?? false }, async () => {
  make('native-peers', 'bin/vectors');
  const seeds = readVectors()
    .filter(({ needs }) => needs.every((need) => need === 'layouts'))
    .flatMap(({ setting, pieces }) =>
      setting.wire === 'datagram'
        ? pieces.map((bytes) => ({ setting, bytes }))
        : [{ setting, bytes: Buffer.concat(pieces) }],
    )
    .filter(({ bytes }) => bytes.length <= BYTES_MAX);
  const random = seeded(SEED);
  const native = new NativeReplay();
  const codes = new Set<string>();
  for (let done = 0; done < RUNS; done += BATCH) {
    const runs = Array.from({ length: Math.min(BATCH, RUNS - done) }, () => makeRun(random, seeds));
    native.ask(runs);
    for (const run of runs) {
      assert.equal(await native.answer(), run.ours, `C, then TypeScript; seed ${SEED}, ${requestOf(run)}`);
      codes.add(/end (\w+) \d+$/.exec(run.ours)?.[1] ?? '');
    }
  }
  await native.end();
  for (const code of [
    'OK',
    'TRUNCATED',
    'BAD_FLAGS',
    'BAD_CODEC',
    'BAD_CONTROL',
    'INVALID_EVENT',
    'FRAME_TOO_LARGE',
    'INVALID_JSON',
  ])
    assert.ok(codes.has(code), `no stream ended with ${code}`);
});
