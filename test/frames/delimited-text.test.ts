/**
 * The text of delimited messages: what it says, and what it costs. The work is watched at the methods that do it.
 */
import assert from 'node:assert/strict';
import buffer from 'node:buffer';
import { test } from 'node:test';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { DelimitedParser } from '../../src/frames/delimited.ts';
import { seeded } from '../support/seeded.ts';

test('text: the same whether the source is one piece of ASCII, holds other characters, or arrives in pieces', () => {
  const random = seeded(5);
  for (const alphabet of ['abc{}":,0', 'aé\u{1f600}"']) {
    const letters = Array.from(alphabet);
    const messages = Array.from({ length: 400 }, () =>
      Array.from({ length: random.below(30) }, () => letters[random.below(letters.length)]).join(''),
    );
    for (const delimiter of ['\f', '\r\n']) {
      const bytes = Buffer.from(messages.map((each) => each + delimiter).join(''));
      for (const piece of [bytes.length, 5000, 1500, 100, 7]) {
        const parser = new DelimitedParser(new ReceiveRing(), Buffer.from(delimiter), 1e6);
        const texts: string[] = [];
        for (let at = 0; at < bytes.length; at += piece) {
          parser.feed(bytes.subarray(at, at + piece));
          while (parser.next() !== undefined) texts.push(parser.text());
        }
        assert.deepEqual(texts, messages, `pieces of ${piece}`);
      }
    }
  }
});

test('1,024 bytes of ASCII become text once and are searched as text; all else goes message by message', (t) => {
  for (const [rest, looks, becomesText] of [
    ['a'.repeat(1_016), 1, true],
    ['a'.repeat(1_015), 0, false],
    ['é'.repeat(1_000), 1, false],
  ] as const) {
    const chunk = Buffer.from(`one\ftwo\f${rest}`);
    const look = t.mock.method(buffer, 'isAscii');
    const convert = t.mock.method(chunk, 'toString');
    const search = t.mock.method(chunk, 'indexOf');
    const parser = new DelimitedParser(new ReceiveRing(64), Buffer.from('\f'), 1e6);
    parser.feed(chunk);
    parser.next();
    assert.deepEqual([parser.text(), parser.text(1, 3)], ['one', 'ne']);
    parser.next();
    assert.equal(parser.text(), 'two');
    const counts = [look, convert, search].map(({ mock }) => mock.callCount());
    assert.deepEqual(counts, [looks, becomesText ? 1 : 3, becomesText ? 1 : 2]);
    assert.equal(search.mock.calls[0]?.arguments[0], 0x0c, 'one byte is searched as a number');
    look.mock.restore();
  }
});
