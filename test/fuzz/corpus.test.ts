/**
 * The inputs that fuzzing has kept, once more through their targets, and the fuzzer itself: it finds what it has to be led to.
 * Row T03 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { seeded } from '../support/seeded.ts';
import { corpusFile, readCorpus } from './corpus.ts';
import { Finding, Fuzzer } from './engine.ts';
import { seedsOf } from './seeds.ts';

const TARGETS: readonly string[] = ['datagram', 'frames', 'hello', 'json', 'msgpack', 'shapes'];

test('every target has a corpus', () => {
  const files = readdirSync(new URL('targets', import.meta.url)).filter((file) => file.endsWith('.js'));
  assert.deepEqual(files.map((file) => file.replace('.js', '')).toSorted(), TARGETS);
  for (const target of TARGETS) assert.ok(readCorpus(corpusFile(target)).length >= 25, target);
});

for (const target of TARGETS) {
  test(`T03 coverage-guided: the corpus of ${target}, and the vectors`, async () => {
    const { fuzz } = (await import(`./targets/${target}.js`)) as { fuzz: (input: Buffer) => void };
    for (const input of [...readCorpus(corpusFile(target)), ...seedsOf(target)]) {
      try {
        fuzz(input);
      } catch (error) {
        throw new Error(`input ${input.toString('hex')}`, { cause: error });
      }
    }
  });
}

/** Throws for one word alone; each right letter of it is a branch. */
function planted(counters: Uint8Array): (input: Buffer) => void {
  return (input) => {
    const word = 'ring';
    let right = 0;
    while (right < word.length && input[right] === word.charCodeAt(right)) right++;
    counters[right] = 1;
    if (right === word.length) throw new Error('found');
  };
}

/** @returns after how many runs the planted fault was found; 0: it was not */
function runsToFind(isGuided: boolean): number {
  const counters = new Uint8Array(8);
  const target = planted(isGuided ? counters : new Uint8Array(8));
  const fuzzer = new Fuzzer({
    target,
    counters,
    corpus: [Buffer.alloc(4)],
    words: [],
    random: seeded(3),
    bytesMax: 16,
  });
  try {
    while (fuzzer.executions < 400_000) fuzzer.step();
  } catch (error) {
    assert.ok(error instanceof Finding);
    assert.equal(error.input.toString('latin1', 0, 4), 'ring');
    return fuzzer.executions;
  }
  return 0;
}

test('coverage leads to a fault that chance does not find', () => {
  assert.ok(runsToFind(true) > 0);
  assert.equal(runsToFind(false), 0);
});

function slowForLongInputs(input: Buffer): void {
  const end = performance.now() + 60;
  while (input.length > 2 && performance.now() < end);
}

test('an input that takes too long is a finding', () => {
  const counters = new Uint8Array(8);
  assert.throws(
    () =>
      new Fuzzer({
        target: slowForLongInputs,
        counters,
        corpus: [Buffer.alloc(3)],
        words: [],
        random: seeded(1),
        bytesMax: 16,
      }),
    /slower than 50 ms/,
  );
});
