/**
 * DelimitedWire: whatever the order, number and shape of envelopes, what arrives is what JSON.parse makes of each.
 *
 * What a hostile peer may send is tested over sockets.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { DelimitedWire } from '../../src/connection/delimited-wire.ts';
import { Envelopes } from '../../src/connection/envelope.ts';
import { NO_LINK } from '../../src/connection/link.ts';
import type { Sink } from '../../src/connection/wire.ts';
import { Emitter } from '../../src/emitter.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import { seeded } from '../support/seeded.ts';

function setUp(): { wire: DelimitedWire; received: [string, unknown][] } {
  const received: [string, unknown][] = [];
  const sink: Sink = {
    emitter: new Emitter(),
    origin: undefined,
    value: (slot, data) => void received.push([slot.name, data]),
    bytes: () => assert.fail('not bytes'),
    refused: (error) => assert.fail(error),
    respond: () => assert.fail('nothing to answer'),
    exchanged: () => assert.fail(),
    established: () => {},
    link: NO_LINK,
  };
  const envelopes = new Envelopes(Buffer.from('\f'));
  const options = { envelopes, frameBytesMax: 1e6, limits: DEFAULT_LIMITS };
  return { wire: new DelimitedWire(new ReceiveRing(), options, sink), received };
}

/** All envelopes in one chunk. */
function receive(envelopes: readonly string[]): [string, unknown][] {
  const { wire, received } = setUp();
  wire.parser.feed(Buffer.from(envelopes.map((each) => `${each}\f`).join('')));
  assert.equal(wire.parser.deliver(wire, 1e6), envelopes.length);
  return received;
}

function expected(envelopes: readonly string[]): [string, unknown][] {
  return envelopes.map((each) => {
    const { type, data } = JSON.parse(each) as { type: string; data: unknown };
    return [type, data];
  });
}

const ENVELOPES: readonly string[] = [
  '{"type":"a","data":1}',
  '{"type":"a","data":{"x":[1,2,"}"]}}',
  '{"type":"a","data":1,"data":2}',
  '{"type":"a","data":1,"more":{"data":3}}',
  '{"type":"a","data":{},"type":"b"}',
  '{"data":4,"type":"a"}',
  '{"type":"a"}',
  '{"type":"a","data":null}',
  '{"type":"a","data":""}',
  '{"type":"a","data": 5 }',
  '{"type":"a","data":6} ',
  ' {"type":"a","data":7}',
  '{"type":"b","data":8}',
  '{"type":"","data":9}',
  '{"type":"ä\u{1f600}","data":"ä€"}',
  '{"type":"a\\u0062","data":10}',
  '{"type":"a","data":{"__proto__":{"x":1}}}',
];

test('envelopes of any shape, each behind each other', () => {
  for (const first of ENVELOPES)
    for (const second of ENVELOPES) {
      const all = [first, second, second, first, first];
      assert.deepEqual(receive(all), expected(all), `${first} and ${second}`);
    }
});

test('long runs of mixed envelopes', () => {
  const random = seeded(3);
  const all = Array.from({ length: 2_000 }, () => ENVELOPES[random.below(ENVELOPES.length)] as string);
  assert.deepEqual(receive(all), expected(all));
  const ascii = all.filter((each) => !/[^\0-\x7f]/.test(each));
  assert.deepEqual(receive(ascii), expected(ascii));
});

test('text that is no message is refused wherever it stands, and nothing of it is delivered', () => {
  for (const bad of [
    '{"type":"a","data":}',
    '{"type":"a","data":1}}',
    '{"type":"a","data":1',
    '{"type":"a","data":1,}',
  ]) {
    for (const count of [0, 1, 2, 100]) {
      const { wire, received } = setUp();
      const good = '{"type":"a","data":1}\f'.repeat(count);
      wire.parser.feed(Buffer.from(`${good}${bad}\f${good}`));
      assert.throws(() => wire.parser.deliver(wire, 1e6), { code: 'ERR_RINGWIRE_INVALID_JSON' });
      assert.equal(received.length, count);
    }
  }
});

test('messages that look like the ones before arrive whatever the cuts, and near misses are what JSON.parse says', () => {
  const random = seeded(7);
  let short = 0;
  for (let round = 0; round < 300; round++) {
    const { wire, received } = setUp();
    const read = wire.receiveRead.bind(wire);
    wire.receiveRead = () => (short++, read());
    const envelopes = Array.from({ length: 40 }, (_, n) => {
      const data = JSON.stringify({ id: n, at: [n / 8, -n], name: random.pick(['a', 'bc', 'é', '\f', '}']) });
      const tail = random.below(10) === 0 ? random.pick([',"data":1}', ' }', ',"more":{}}']) : '}';
      return `{"type":"${random.pick(['a', 'a', 'a', 'b'])}","data":${data}${tail}`;
    });
    const bytes = Buffer.from(envelopes.map((each) => `${each}\f`).join(''));
    for (let at = 0, end = 0; at < bytes.length; at = end) {
      end = Math.min(bytes.length, at + 1 + random.below(random.pick([3, 60, 2000])));
      // A copy, with other bytes behind what has arrived.
      const chunk = Buffer.concat([bytes.subarray(at, end), Buffer.from('}\f0123')]);
      wire.parser.feed(chunk.subarray(0, end - at));
      wire.parser.deliver(wire, 1e6);
    }
    assert.deepEqual(received, expected(envelopes));
  }
  assert.ok(short > 3_000, `${short} of 12000 were read the short way`);
});
