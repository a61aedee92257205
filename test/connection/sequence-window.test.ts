/**
 * SequenceWindow beside a list of everything that came: what was lost, late, reordered and doubled, over the wrap of the numbers and over
 * restarts of the sender.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arrival, SequenceWindow } from '../../src/connection/sequence-window.ts';
import { SEQUENCE_WINDOW } from '../../src/limits.ts';
import { seeded } from '../support/seeded.ts';

const RANGE = 2 ** 32;

/** Judges datagrams by their place in the sender's order, without timing. */
function judged(window: SequenceWindow, ...places: number[]): Arrival[] {
  return places.map((place) => window.judge(place % RANGE, 0, false));
}

function counts({ lost, reordered, duplicated, late }: SequenceWindow): number[] {
  return [lost, reordered, duplicated, late];
}

for (const [name, first] of [
  ['from 0', 0],
  ['over the wrap', RANGE - 3_000],
] as const) {
  test(`random streams, ${name}: each datagram is judged as by a list of all`, () => {
    const random = seeded(3);
    for (let life = 0; life < 20; life++) {
      const window = new SequenceWindow();
      const came = new Set<number>([first]);
      let newest = first;
      let late = 0;
      let repeated = 0;
      assert.equal(window.judge(first % RANGE, 0, false), Arrival.newest);
      const start = window.position;
      for (let step = 0; step < 3_000; step++) {
        const ahead = random.below(200) === 0 ? random.below(2 * SEQUENCE_WINDOW) : random.below(6);
        const back = random.below(life % 2 === 0 ? 12 : 1.2 * SEQUENCE_WINDOW);
        const place = Math.max(first, random.below(3) === 0 ? newest - back : newest + ahead);
        const arrival = window.judge(place % RANGE, 0, false);
        let expected: Arrival = Arrival.newest;
        if (place <= newest) {
          if (newest - place >= SEQUENCE_WINDOW) expected = Arrival.late;
          else expected = came.has(place) ? Arrival.duplicate : Arrival.reordered;
        }
        assert.equal(arrival, expected, `life ${life}, step ${step}`);
        assert.equal(window.position - start, place - first);
        if (arrival === Arrival.late) late++;
        else if (arrival === Arrival.duplicate) repeated++;
        else came.add(place);
        newest = Math.max(newest, place);
      }
      assert.equal(window.lost, newest - first + 1 - came.size);
      assert.deepEqual([window.late, window.duplicated], [late, repeated]);
    }
  });
}

test('the window: 1,023 behind the newest is told apart, 1,024 is late', () => {
  const window = new SequenceWindow();
  assert.deepEqual(judged(window, 0, 2_000, 977, 977, 976), [
    Arrival.newest,
    Arrival.newest,
    Arrival.reordered,
    Arrival.duplicate,
    Arrival.late,
  ]);
  assert.deepEqual(counts(window), [1_998, 1, 1, 1]);
});

test('a jump of exactly the window, and of one less, forgets what came and nothing else', () => {
  for (const jump of [SEQUENCE_WINDOW - 1, SEQUENCE_WINDOW]) {
    const window = new SequenceWindow();
    judged(window, 0, 1, 2, 2 + jump);
    for (let place = 3; place < 2 + jump; place++)
      assert.deepEqual(judged(window, place), [Arrival.reordered], `${jump}: ${place}`);
    assert.deepEqual(counts(window), [0, jump - 1, 0, 0]);
  }
});

test('a sender that is met below 1,024 has lost what came before; at 1,024 this side has joined late', () => {
  const begun = new SequenceWindow();
  judged(begun, 1_023);
  assert.equal(begun.lost, 1_023);
  judged(begun, 5);
  judged(begun, 0);
  assert.deepEqual(counts(begun), [1_021, 2, 0, 0], 'the very first one too');

  const joined = new SequenceWindow();
  judged(joined, 1_024);
  assert.equal(joined.lost, 0);
  assert.deepEqual(judged(joined, 1_023, 1_024), [Arrival.reordered, Arrival.duplicate]);
  assert.deepEqual(counts(joined), [0, 1, 1, 0], 'what came before this side is not lost');
});

test('without timing, 32,768 behind is a sender that has started again; 32,767 behind is late', () => {
  const window = new SequenceWindow();
  judged(window, 0, 40_000);
  const before = window.position;
  assert.deepEqual(judged(window, 40_000 - 32_767), [Arrival.late]);
  assert.deepEqual(judged(window, 40_000 - 32_768), [Arrival.newest]);
  assert.ok(window.position > before, 'positions grow over a restart');
  assert.deepEqual(judged(window, 40_000 - 32_768, 7_233, 40_000 - 32_769), [
    Arrival.duplicate,
    Arrival.newest,
    Arrival.reordered,
  ]);
  assert.equal(window.lost, 39_999, 'whoever is met there joined late');
});

test('with timing, another session is another start, however near; the same is none, however far', () => {
  const window = new SequenceWindow();
  assert.equal(window.judge(10, 1, true), Arrival.newest);
  assert.equal(window.judge(11, 1, true), Arrival.newest);
  const before = window.position;
  assert.equal(window.judge(11, 2, true), Arrival.newest);
  assert.equal(window.lost, 21);
  assert.ok(window.position >= before + RANGE, 'a session may have used all of its numbers');
  assert.equal(window.judge(10, 2, true), Arrival.reordered, 'what came in the session before is forgotten');
  assert.equal(window.judge(100_000, 2, true), Arrival.newest);
  assert.equal(window.judge(100, 2, true), Arrival.late);
});
