/**
 * ringwire.h and the TypeScript parsers read the same mutated streams in random pieces and have to say the same: the same frames, codes and
 * offsets. The C side is one long-lived child. RINGWIRE_DIFFERENTIAL=1000000 makes a run as long, RINGWIRE_SEED another one.
 *
 * All fragments of a run are of one frame: C keeps one unfinished frame, TypeScript as many as there is memory for.
 * Invariant: a failure names its seed and its stream, and either brings it back.
 * Row T05 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { randomly, WAYS } from '../frames/pieces.ts';
import { replayDatagrams } from '../frames/replay-datagrams.ts';
import { replay } from '../frames/replay.ts';
import { corpusFile, readCorpus } from '../fuzz/corpus.ts';
import { scaled } from '../reliability/scale.ts';
import { compilerMissing, make } from '../support/native.ts';
import { type Random, seeded } from '../support/seeded.ts';
import { readVectors, type Setting } from '../support/vectors.ts';
import { NativeReplay, type Request, requestOf } from './native-replay.ts';

const GIVEN_RUNS: string | undefined = process.env['RINGWIRE_DIFFERENTIAL'];
const SEED = Number(process.env['RINGWIRE_SEED'] ?? 1);
/** Requests on their way to the child at once. */
const BATCH = 200;
const BYTES_MAX = 2048;
/** Bytes that mean something somewhere on the wire. */
const TELLING: readonly number[] = [
  0, 1, 2, 3, 4, 7, 8, 0x0c, 0x22, 0x5b, 0x7b, 0x7d, 0x7f, 0x80, 0x84, 0xf5, 0xfe, 0xff,
];

/** What a stream, or a datagram, has to have ended with in a run that is worth its name. */
const CODES: readonly string[] = [
  'OK',
  'TRUNCATED',
  'BAD_MAGIC',
  'BAD_FLAGS',
  'BAD_CODEC',
  'BAD_CONTROL',
  'INVALID_EVENT',
  'FRAME_TOO_LARGE',
  'INVALID_JSON',
  'INVALID_ENVELOPE',
  'PEER_GOODBYE',
  'datagram OK',
  'datagram TRUNCATED',
  'datagram BAD_CHECKSUM',
  'datagram BAD_FLAGS',
  'datagram BAD_CONTROL',
];
const DATAGRAMS_MAX = 40;
const FRAME_NUMBER = 7;
const BLANK: Setting = {
  wire: 'stream',
  role: 'accepted',
  limit: 1024,
  codecs: 0x1e,
  agreed: 5,
  features: 0,
  codec: 0,
};
/** Preamble and hello of a peer that prefers raw. */
const GREETING: Buffer = Buffer.from('f553010000000001080000000000000001031e0000000000', 'hex');

interface Seed {
  readonly setting: Setting;
  /** Datagrams, or one stream. */
  readonly pieces: readonly Buffer[];
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
    else mutated = Buffer.concat([mutated.subarray(0, at & ~7), random.pick(random.pick(seeds).pieces)]);
  }
  return mutated.subarray(0, BYTES_MAX);
}

/** Gives a datagram the frame number of all others, and mostly the checksum that belongs to it: else most runs would end with it. */
function repaired(datagram: Buffer, random: Random): Buffer {
  const flags = datagram[3] ?? 0;
  const checksumAt = flags & 1 ? 16 : 8;
  const fragmentAt = checksumAt + (flags & 2 ? 8 : 0);
  if ((flags & 4) !== 0 && datagram.length >= fragmentAt + 4)
    datagram.writeUInt32LE(FRAME_NUMBER, fragmentAt);
  if ((flags & 2) !== 0 && datagram.length >= checksumAt + 4 && random.below(16) > 0) {
    datagram.writeUInt32LE(0, checksumAt);
    datagram.writeUInt32LE(crc32(datagram), checksumAt);
  }
  return datagram;
}

/** Datagrams of one seed, some mutated, some twice or in another order. */
function makeDatagrams({ setting, pieces }: Seed, random: Random, seeds: readonly Seed[]): Run {
  const sent = [...pieces];
  if (random.below(3) === 0) sent.push(random.pick(sent));
  if (random.below(3) === 0) sent.reverse();
  const datagrams = sent.slice(0, DATAGRAMS_MAX).map((each) => {
    const mutated = random.below(2) === 0 ? Buffer.from(each) : mutate(each, random, seeds);
    return repaired(mutated, random);
  });
  return { setting, pieces: datagrams, ours: replayDatagrams(setting, datagrams) };
}

function makeRun(random: Random, seeds: readonly Seed[]): Run {
  const seed = random.pick(seeds);
  if (seed.setting.wire === 'datagram') return makeDatagrams(seed, random, seeds);
  const stream = mutate(seed.pieces[0] as Buffer, random, seeds);
  // Text before the preamble is for who connected, and on the TypeScript side for who joins the two wires.
  const setting: Setting = stream[0] === 0xf5 ? seed.setting : { ...seed.setting, role: 'accepted' };
  const pieces = randomly(stream, random, 1 + random.below(40));
  return { setting, pieces, ours: replay(setting, pieces, random.pick(WAYS)) };
}

function vectorSeeds(): Seed[] {
  return readVectors()
    .filter(({ needs }) => needs.every((need) => need === 'layouts'))
    .map(({ setting, pieces }) => ({
      setting,
      pieces: setting.wire === 'datagram' ? pieces : [Buffer.concat(pieces)],
    }));
}

/** The inputs that fuzzing has kept, in the forms of test/fuzz/targets. */
function corpusSeeds(): Seed[] {
  const frames = readCorpus(corpusFile('frames')).map((input) => {
    const greeting = (input[1] ?? 0) & 1 ? GREETING : Buffer.alloc(0);
    return { setting: { ...BLANK }, pieces: [Buffer.concat([greeting, input.subarray(2)])] };
  });
  const datagrams = readCorpus(corpusFile('datagram')).map((input) => {
    const pieces: Buffer[] = [];
    for (let at = 1; at < input.length; at += 1 + (input[at] as number))
      pieces.push(input.subarray(at + 1, at + 1 + (input[at] as number)));
    return { setting: { ...BLANK, wire: 'datagram' as const }, pieces };
  });
  const texts = readCorpus(corpusFile('json')).map((input) => ({
    setting: { ...BLANK, wire: 'delimited' as const },
    pieces: [input.subarray(1)],
  }));
  return [...frames, ...datagrams.filter(({ pieces }) => pieces.length > 0), ...texts];
}

const missing = compilerMissing('gcc');

test('T05 C and TypeScript agree on mutated streams', { skip: missing ?? false }, async (context) => {
  make('native-peers', 'bin/vectors');
  const runs = GIVEN_RUNS === undefined ? scaled(context, 8_000, 1_000_000) : Number(GIVEN_RUNS);
  const seeds = [...vectorSeeds(), ...corpusSeeds()].filter(({ pieces }) =>
    pieces.every(({ length }) => length <= BYTES_MAX),
  );
  const random = seeded(SEED);
  const native = new NativeReplay();
  context.after(() => native.stop());
  const counts = new Map<string, number>();
  for (let done = 0; done < runs; done += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, runs - done) }, () => makeRun(random, seeds));
    native.ask(batch);
    for (const run of batch) {
      assert.equal(await native.answer(), run.ours, `C, then TypeScript; seed ${SEED}, ${requestOf(run)}`);
      const wire = run.setting.wire === 'datagram' ? 'datagram ' : '';
      for (const [, code] of run.ours.matchAll(/^end (\w+) \d+$/gm))
        counts.set(`${wire}${code}`, (counts.get(`${wire}${code}`) ?? 0) + 1);
    }
  }
  await native.end();
  context.diagnostic(`${runs} runs: ${[...counts].map(([code, count]) => `${code} ${count}`).join(', ')}`);
  for (const code of CODES) assert.ok(counts.has(code), `nothing ended with ${code}`);
});
