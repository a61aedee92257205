/**
 * Large datagrams give their memory back when they have been delivered: what a program was given to keep stays, what it was lent goes.
 *
 * Invariant: real sockets; a frame of a datagram is looked at while it is lent and afterwards.
 */
import assert from 'node:assert/strict';
import type dgram from 'node:dgram';
import { describe, test } from 'node:test';
import type { Frame } from '../../src/frames/frame.ts';
import type { Config } from '../../src/ipc/config.ts';
import { type UdpEnd, udp, until } from './support/pair.ts';

const LARGE = 16_384;
const missing: string | false =
  'transfer' in ArrayBuffer.prototype ? false : 'this Node has no ArrayBuffer.prototype.transfer';

async function pair(
  context: Parameters<typeof udp>[0],
  settings: Partial<Config>,
): Promise<{ a: UdpEnd; b: UdpEnd }> {
  const of = { codec: 'raw', ...settings, udp: { datagramBytesMax: LARGE, ...settings.udp } } as const;
  return { a: await udp(context, of), b: await udp(context, of) };
}

/** What handlers of 'e' are given for one message of `bytes` bytes, kept beyond the call. */
async function kept<Data>({ a, b }: { a: UdpEnd; b: UdpEnd }, bytes: number): Promise<Data> {
  const seen: Data[] = [];
  const filled: number[] = [];
  b.server.on('e', (data: Data) => {
    seen.push(data);
    const { bytes: all, start = 0 } = data as Partial<Frame>;
    filled.push((all ?? (data as unknown as Buffer))[start] as number);
  });
  a.server.emit(b.place, 'e', Buffer.alloc(bytes, 7));
  await until('the message', () => seen.length === 1);
  assert.deepEqual(filled, [7]);
  return seen[0] as Data;
}

void describe('the memory of datagrams', () => {
  void test('a lent frame of a large one is empty afterwards', { skip: missing }, async (context) => {
    const frame = await kept<Frame>(await pair(context, { receive: 'frame' }), 10_000);
    assert.equal(frame.bytes.length, 0);
  });

  void test('copies, small ones, and what newest values or another listener may look at, stay', async (context) => {
    const copy = await kept<Buffer>(await pair(context, { receive: 'copy' }), 10_000);
    assert.ok(copy.length === 10_000 && copy.every((byte) => byte === 7));
    const small = await kept<Frame>(await pair(context, { receive: 'frame' }), 1_000);
    assert.equal(small.bytes[small.end - 1], 7);
    const view = await kept<Buffer>(await pair(context, { receive: 'view' }), 10_000);
    assert.equal(view.length, 10_000);
    const newest = { receive: 'frame', udp: { events: { e: { mode: 'latest' } } } } as const;
    const value = await kept<Frame>(await pair(context, newest), 10_000);
    assert.equal(value.bytes[value.end - 1], 7);
    const ends = await pair(context, { receive: 'frame' });
    const heard: Buffer[] = [];
    (ends.b.server.server as dgram.Socket).on('message', (bytes: Buffer) => heard.push(bytes));
    await kept<Frame>(ends, 10_000);
    assert.ok((heard[0]?.length ?? 0) > 10_000);
  });
});
