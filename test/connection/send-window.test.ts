/**
 * SendWindow alone: what the transport is given and when, what it has to confirm before it gets more, and accounts that are exact at each step.
 *
 * The transport is this file. Segments with a slab stand for copied bytes, those without for the user's own memory.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ByteWriter, Segment } from '../../src/bytes/byte-writer.ts';
import { SLAB_BYTES } from '../../src/bytes/slab-pool.ts';
import { SendWindow } from '../../src/connection/send-window.ts';
import { seeded } from '../support/seeded.ts';

const SLAB = {} as NonNullable<Segment['slab']>;

function segment(bytes: number): Segment {
  return { bytes: new Uint8Array(bytes), length: bytes, slab: SLAB, isPart: false };
}

/** What stands before the user's own memory in its message. */
function head(bytes: number): Segment {
  return { ...segment(bytes), isPart: true };
}

function own(bytes: number): Segment {
  return { ...segment(bytes), slab: undefined, isPart: true };
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((bytes, each) => bytes + each.length, 0);
}

class Scene {
  readonly memory = { bytes: 0, isShort: () => false };
  /** What the transport was given, call by call. */
  readonly calls: (readonly Segment[])[] = [];
  readonly window: SendWindow;
  /** Segments that came back without having been given to the transport. */
  readonly back: Segment[] = [];
  readonly writer = { written: (each: Segment) => void this.back.push(each) } as unknown as ByteWriter;

  constructor(bytesMax: number, onWrite: (segments: readonly Segment[]) => void = () => {}) {
    this.window = new SendWindow(bytesMax, this.memory, (segments) => {
      this.calls.push(segments);
      onWrite(segments);
    });
  }

  get sizes(): number[][] {
    return this.calls.map((segments) => segments.map(({ length }) => length));
  }

  get accounts(): number[] {
    return [this.window.bytes, this.memory.bytes, this.window.confirmedBytes];
  }
}

test('nothing goes before it is open, or behind its end; then all that waits goes at once', () => {
  const { window, ...scene } = new Scene(1000);
  assert.equal(window.isOpen, false);
  window.add(segment(1));
  window.add(segment(2));
  window.flush();
  assert.deepEqual(scene.calls, []);
  window.open();
  assert.equal(window.isOpen, true);
  assert.deepEqual(scene.calls, [], 'opening sends nothing by itself');
  window.flush();
  window.flush();
  assert.deepEqual(scene.calls.length, 1, 'and an empty flush is no call');
  window.add(segment(4));
  window.confirmed(1);
  assert.deepEqual(scene.calls.length, 1, 'what was not flushed waits, whatever is confirmed');
  window.flush();
  assert.deepEqual(scene.calls.length, 2);
  window.add(segment(3));
  window.close();
  window.flush();
  assert.equal(scene.calls.length, 2);
});

test('half a slab goes at once, a byte less waits', () => {
  const scene = new Scene(1e9);
  scene.window.open();
  scene.window.add(segment(SLAB_BYTES / 2 - 1));
  assert.deepEqual(scene.sizes, []);
  scene.window.add(segment(1));
  assert.deepEqual(scene.sizes, [[SLAB_BYTES / 2 - 1, 1]]);
  scene.window.add(segment(SLAB_BYTES / 2 - 1));
  assert.equal(scene.calls.length, 1, 'what has gone does not count');
  const [first] = scene.calls[0] as readonly [Segment];
  scene.window.flush();
  assert.equal(scene.calls[0]?.[0], first, 'a list that was handed over stays as it is');
  assert.equal(scene.calls[0]?.length, 2);
});

test('what the transport has not confirmed is bounded: together up to the bound, more with each confirmation', () => {
  const scene = new Scene(10);
  const { window } = scene;
  window.open();
  const all = Array.from({ length: 6 }, () => segment(5));
  for (const each of all) window.add(each);
  window.flush();
  assert.deepEqual(scene.sizes, [[5, 5]], 'ten bytes are all it may have');
  assert.deepEqual(scene.accounts, [30, 30, 0]);
  window.confirmed(5);
  assert.deepEqual(scene.accounts, [25, 25, 5]);
  assert.equal(scene.calls.length, 2);
  for (const each of all.slice(1)) window.confirmed(each.length);
  assert.deepEqual(scene.accounts, [0, 0, 30]);
  assert.deepEqual(scene.calls.flat(), all);

  const exact = new Scene(10);
  exact.window.open();
  exact.window.add(segment(5));
  exact.window.add(segment(5));
  exact.window.flush();
  assert.deepEqual(exact.sizes, [[5, 5]], 'at the bound all goes together');
});

test('one that is larger than the bound goes alone, behind what is under way; nothing goes beside it', () => {
  const scene = new Scene(10);
  const { window } = scene;
  window.open();
  for (const bytes of [4, 6, 11, 1]) window.add(segment(bytes));
  window.flush();
  assert.deepEqual(scene.sizes, [[4, 6]]);
  window.confirmed(4);
  assert.equal(scene.calls.length, 1);
  window.confirmed(6);
  assert.deepEqual(scene.sizes.slice(1), [[11]]);
  window.confirmed(11);
  assert.deepEqual(scene.sizes.slice(2), [[1]]);
});

test('where memory is short a slab is under way at most, and a narrower bound stays what it is', () => {
  const scene = new Scene(10 * SLAB_BYTES);
  const { window, memory } = scene;
  window.open();
  memory.isShort = () => true;
  for (let count = 0; count < 4; count++) window.add(segment(SLAB_BYTES / 2));
  assert.equal(scene.calls.length, 2);
  memory.isShort = () => false;
  window.add(segment(SLAB_BYTES / 2));
  assert.equal(sum(scene.calls.flat()), 2.5 * SLAB_BYTES, 'and everything when it is not any more');

  const narrow = new Scene(10);
  narrow.memory.isShort = () => true;
  narrow.window.open();
  for (let count = 0; count < 3; count++) narrow.window.add(segment(5));
  narrow.window.flush();
  assert.equal(sum(narrow.calls.flat()), 10);
});

test('finish: what was flushed goes on, then it is told, once; what comes behind it goes nowhere', () => {
  for (const waits of [false, true]) {
    const scene = new Scene(waits ? 5 : 20);
    const { window } = scene;
    let handed = 0;
    window.open();
    for (let count = 0; count < 3; count++) window.add(segment(5));
    window.flush();
    window.finish(() => handed++);
    assert.equal(handed, waits ? 0 : 1);
    assert.equal(window.isOpen, false);
    window.confirmed(5);
    assert.equal(handed, waits ? 0 : 1);
    window.confirmed(5);
    assert.deepEqual([sum(scene.calls.flat()), handed], [15, 1]);
    window.add(segment(1));
    window.flush();
    window.confirmed(5);
    assert.deepEqual([sum(scene.calls.flat()), handed], [15, 1]);
  }
});

test('finish, and then what waits is given up: nothing is told, and no last word follows', () => {
  const scene = new Scene(5);
  const { window } = scene;
  window.open();
  for (let count = 0; count < 3; count++) window.add(segment(5));
  window.flush();
  window.finish(() => assert.fail('it has not got everything'));
  assert.equal(window.drop(scene.writer), false);
  assert.equal(scene.back.length, 2);
  window.confirmed(5);
  assert.equal(scene.calls.length, 1);
});

test('a transport that begins to confirm before write returns gets one after the other, each once', () => {
  let isFast = false;
  const scene: Scene = new Scene(10, (segments) => {
    if (isFast) for (const each of segments) scene.window.confirmed(each.length);
  });
  const { window } = scene;
  // As many as no stack holds calls.
  const all = Array.from({ length: 20_000 }, () => segment(4));
  for (const each of all) window.add(each);
  window.open();
  window.flush();
  assert.deepEqual(scene.sizes, [[4, 4]]);
  isFast = true;
  for (const each of scene.calls.flat()) window.confirmed(each.length);
  const given = scene.calls.flat();
  assert.ok(given.length === all.length && given.every((each, index) => each === all[index]));
  assert.deepEqual([scene.calls.length, ...scene.accounts], [all.length - 1, 0, 0, 80_000]);
  window.add(segment(1));
  window.confirmed(0);
  assert.equal(scene.calls.length, all.length - 1, 'and what comes next when it is flushed');
});

test('drop: what waits comes back, what is under way is accounted for by nobody else', () => {
  const scene = new Scene(10);
  const { window } = scene;
  window.open();
  const all = [segment(10), segment(20), segment(30)] as const;
  for (const each of all) window.add(each);
  window.flush();
  assert.equal(window.drop(scene.writer), true);
  assert.deepEqual(scene.back, [all[1], all[2]]);
  assert.deepEqual(scene.accounts, [10, 0, 0]);
  window.add(segment(3));
  window.confirmed(all[0].length);
  assert.deepEqual(scene.accounts, [3, 0, 10]);
  assert.equal(scene.calls.length, 1, 'nothing goes on by itself');
  window.flush();
  assert.deepEqual(scene.sizes, [[10], [3]], 'a last word does');
  assert.equal(scene.memory.bytes, 0);
});

test('drop: whether the transport stands between two messages', () => {
  for (const [given, waiting, isClean] of [
    [[segment(1)], [], true],
    [[segment(1)], [segment(1)], true],
    [[head(1), own(1)], [], false],
    [[head(1), own(1), segment(1)], [], true],
    [[head(1)], [own(1)], false],
    [[segment(1)], [head(1), own(1)], true],
    [[], [], true],
    [[], [head(1), own(1)], true],
  ] as const) {
    const scene = new Scene(10);
    scene.window.open();
    for (const each of given) scene.window.add(each);
    scene.window.flush();
    for (const each of waiting) scene.window.add(each);
    assert.equal(scene.window.drop(scene.writer), isClean);
    assert.deepEqual(scene.back, waiting);
  }
});

test('random lives: in order, each once, never more under way than the bound or one segment, exact accounts', () => {
  const random = seeded(8);
  for (let life = 0; life < 50; life++) {
    const bytesMax = 1 + random.below(300);
    const scene = new Scene(bytesMax);
    const { window } = scene;
    const added: Segment[] = [];
    let confirmed = 0;
    let confirmedBytes = 0;
    window.open();
    for (let step = 0; step < 200; step++) {
      const given = scene.calls.flat();
      const kind = random.below(3);
      if (kind === 0) {
        added.push(segment(1 + random.below(100)));
        window.add(added.at(-1) as Segment);
      } else if (kind === 1 && confirmed < given.length) {
        const each = given[confirmed++] as Segment;
        confirmedBytes += each.length;
        window.confirmed(each.length);
      } else window.flush();
      const now = scene.calls.flat();
      assert.deepEqual(now, added.slice(0, now.length));
      const underWay = now.slice(confirmed);
      assert.ok(underWay.length === 1 || sum(underWay) <= bytesMax);
      if (kind === 2)
        assert.ok(
          sum([...underWay, ...added.slice(now.length, now.length + 1)]) > bytesMax ||
            now.length === added.length,
          'a flush holds nothing back',
        );
      assert.deepEqual(scene.accounts, [
        sum(added) - confirmedBytes,
        sum(added) - confirmedBytes,
        confirmedBytes,
      ]);
    }
  }
});
