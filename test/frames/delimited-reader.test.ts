/**
 * DelimitedParser with a receiver that reads messages where they lie: what it is asked for, and when it is believed.
 *
 * The receiver takes letters for a message.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameError } from '../../src/errors.ts';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { DelimitedParser, type MessageReceiver } from '../../src/frames/delimited.ts';
import type { Frame } from '../../src/frames/frame.ts';

const MAX = 5;

class Scene implements MessageReceiver {
  readonly parser: DelimitedParser;
  #log: string[] = [];
  #read = '';

  constructor(poison = false, delimiter = '\r\n') {
    this.parser = new DelimitedParser(new ReceiveRing(64, poison), Buffer.from(delimiter), MAX);
  }

  readMessage(bytes: Buffer, start: number, limit: number): number {
    this.#read = /^[a-z]*/.exec(bytes.toString('latin1', start, limit))?.[0] as string;
    this.#log.push(`at ${start}`);
    return this.#read === '' ? -1 : start + this.#read.length;
  }

  receiveRead(): void {
    this.#log.push(`read ${this.#read}`);
  }

  dropRead(): void {
    this.#log.push('dropped');
  }

  receive({ bytes, start, end }: Frame): void {
    this.#log.push(`frame ${bytes.toString('latin1', start, end)}`);
  }

  /** What happens with these bytes, from the first to at most `countMax` messages. */
  deliver(text: string, countMax = 9): string[] {
    this.#log = [];
    if (text !== '') this.parser.feed(Buffer.from(text, 'latin1'));
    try {
      const count = this.parser.deliver(this, countMax);
      const received = this.#log.filter((each) => /^(read|frame) /.test(each)).length;
      assert.equal(count, received, 'it says how many there were');
    } catch (error) {
      const { code, limit, actual } = error as FrameError;
      this.#log.push(`${code}: ${actual} of ${limit}`);
    }
    return this.#log;
  }
}

test('each message is read where it lies, up to the end of the source and to the count that was asked for', () => {
  const scene = new Scene();
  assert.deepEqual(scene.deliver('ab\r\nc\r\ndef\r\n', 2), ['at 0', 'read ab', 'at 4', 'read c']);
  assert.deepEqual(scene.deliver('', 1), ['at 7', 'read def']);
  assert.deepEqual(scene.deliver(''), []);
  assert.deepEqual(scene.deliver('a\r\n\r\nb\r\n'), ['at 0', 'read a', 'at 3', 'frame ', 'at 5', 'read b']);
  assert.deepEqual(new Scene(false, '\f').deliver('a\fb\f'), ['at 0', 'read a', 'at 2', 'read b']);
});

test('without the whole delimiter behind it, what was read is none', () => {
  for (const [text, frame] of [
    ['ab1\r\n', 'ab1'],
    ['ab\r1\r\n', 'ab\r1'],
    ['ab1\n\r\n', 'ab1\n'],
  ] as const)
    assert.deepEqual(new Scene().deliver(text), ['at 0', 'dropped', `frame ${frame}`], text);
});

test('a message that is not all there is not asked for again: the parser finds its end', () => {
  for (const [first, last] of [
    ['ab', 'c\r\nde\r\n'],
    ['abc', '\r\nde\r\n'],
    ['abc\r', '\nde\r\n'],
  ] as const) {
    const scene = new Scene();
    assert.deepEqual(scene.deliver(first), ['at 0', 'dropped'], first);
    const behind = last.indexOf('d');
    assert.deepEqual(scene.deliver(last), ['frame abc', `at ${behind}`, 'read de'], first);
  }
});

test('at the size limit a message is read, above it it is refused, and then nothing is asked for', () => {
  const scene = new Scene();
  assert.deepEqual(scene.deliver('a\r\nabcde\r\n'), ['at 0', 'read a', 'at 3', 'read abcde']);
  assert.deepEqual(scene.deliver('abcdef\r\na\r\n'), [
    'at 0',
    'dropped',
    'ERR_RINGWIRE_FRAME_TOO_LARGE: 6 of 5',
  ]);
  assert.deepEqual(scene.deliver('a\r\n'), []);
});

test('poison overwrites what was read, and nothing else', () => {
  for (const [poison, text] of [
    [true, '\xdb\r\n\xdb\xdb\r\n'],
    [false, 'a\r\nbc\r\n'],
  ] as const) {
    const scene = new Scene(poison);
    const chunk = Buffer.from('a\r\nbc\r\n');
    scene.parser.feed(chunk);
    assert.equal(scene.parser.deliver(scene, 9), 2);
    assert.equal(chunk.toString('latin1'), text);
  }
});
