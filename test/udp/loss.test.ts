/**
 * Reported loss is inflicted loss: a chaos proxy drops, doubles, reorders and damages datagrams by seed, and what the receiver reports is
 * compared with what the proxy wrote down.
 *
 * Invariant: everything runs through real sockets; a row of the matrix is a seed.
 * Row T83 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DatagramChaosProxy, type DatagramChaos } from '../support/chaos-proxy.ts';
import { turn, udp, until } from './support/pair.ts';

const DATAGRAMS = 400;
const SEEDS = 20;
/** Sent when the proxy misbehaves no more, so that the receiver knows the highest number. */
const LAST = 0xffff_ffff;

async function run(
  context: Parameters<typeof udp>[0],
  seed: number,
  chaos: DatagramChaos,
  mode: 'unordered' | 'sequenced' = 'unordered',
): Promise<{ proxy: DatagramChaosProxy; values: number[]; report: Record<string, number>; sent: number }> {
  const settings = { codec: 'raw', udp: { checksum: true, events: { n: { mode } } } } as const;
  const receiver = await udp(context, settings);
  const sender = await udp(context, settings);
  const proxy = await DatagramChaosProxy.open(receiver.port, seed, chaos);
  context.after(() => proxy.close());
  const target = { address: '127.0.0.1', port: proxy.port };
  const values: number[] = [];
  receiver.server.on('n', (bytes: Buffer) => values.push(bytes.readUInt32LE()));
  const payload = Buffer.alloc(64);
  const say = async (value: number): Promise<void> => {
    payload.writeUInt32LE(value);
    sender.server.emit(target, 'n', payload);
    // A datagram for each value.
    await turn();
  };
  for (let value = 0; value < DATAGRAMS; value++) await say(value);
  await until('the proxy to have seen all', () => proxy.entries.length === DATAGRAMS);
  proxy.active = false;
  proxy.release();
  const { received: before } = receiver.stats();
  await say(LAST);
  await until('the last one', () => values.includes(LAST) && receiver.stats().received > before);
  // What was delayed comes behind it.
  const dropped = proxy.count('drop');
  const expected = DATAGRAMS + 1 - dropped + proxy.count('duplicate');
  await until('what was delayed', () => receiver.stats().received === expected);
  return {
    proxy,
    values,
    report: receiver.stats() as unknown as Record<string, number>,
    sent: sender.stats().sent,
  };
}

void describe('loss', { concurrency: 4 }, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const drop = (0.5 * (seed - 1)) / (SEEDS - 1);
    void test(`seed ${seed}: ${(drop * 100).toFixed(0)} % are lost, others doubled and reordered`, async (context) => {
      const chaos = { drop, duplicate: 0.1, reorder: 0.2, delay: 0.05, delayMsMax: 3 };
      const { proxy, values, report, sent } = await run(context, seed, chaos);
      assert.equal(sent, DATAGRAMS + 1);
      assert.equal(report['lost'], proxy.count('drop'));
      assert.equal(report['duplicated'], proxy.count('duplicate'));
      assert.equal(report['late'], 0);
      assert.ok((report['reordered'] as number) > 0);
      assert.equal(values.length, DATAGRAMS + 1 - proxy.count('drop'), 'each value comes at most once');
      assert.equal(new Set(values).size, values.length);
    });
  }

  void test('damaged datagrams are refused by their checksum and count as lost', async (context) => {
    const { proxy, values, report } = await run(context, 99, { flip: 0.1, drop: 0.1 });
    const flipped = proxy.count('flip');
    assert.ok(flipped > 10);
    assert.equal(report['faults'], flipped);
    assert.equal(report['lost'], proxy.count('drop') + flipped);
    for (const value of values) assert.ok(value < DATAGRAMS || value === LAST, `${value} was never sent`);
  });

  void test('in sequence nothing old is delivered', async (context) => {
    const { values, report } = await run(
      context,
      7,
      { drop: 0.1, duplicate: 0.1, reorder: 0.2 },
      'sequenced',
    );
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
    );
    assert.ok((report['stale'] as number) > 0);
    assert.equal(values.length + (report['stale'] as number), report['receivedMessages']);
  });
});
