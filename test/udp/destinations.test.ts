/**
 * Rows T85 and T87 of RELIABILITY.md: destinations that do not exist, and addresses of both families under all their names.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { record, udp } from './support/pair.ts';

test('T85 destinations that do not exist: each is an error event with its reason, too large is refused before the system is asked', async (t) => {
  const { server, stats } = await udp(t, { codec: 'raw' });
  const errors = record(server, 'error');
  assert.throws(() => server.emit({ address: '127.0.0.1', port: 9 }, 'x', Buffer.alloc(65_507)), {
    code: 'ERR_RINGWIRE_UDP_TOO_LARGE',
  });
  assert.equal(stats().sent, 0);
  server.emit({ address: 'no.such.host.invalid', port: 9 }, 'x', Buffer.alloc(1));
  await errors.count('error', 1);
  const target = await udp(t, { codec: 'raw' });
  const { port } = target.place;
  const lone = await udp(t, { codec: 'raw', udp: { connect: { address: '127.0.0.1', port } } });
  const refused = record(lone.server, 'error');
  const closed = record(target.server, 'close');
  target.server.stop();
  await closed.count('close');
  // The first datagram is answered with a refusal, which the second call hears of.
  while (refused.names().length === 0) {
    lone.server.emit(target.place, 'x', Buffer.alloc(1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const error of [...errors.values('error'), ...refused.values('error')]) {
    assert.equal((error as { code: string }).code, 'ERR_RINGWIRE_SEND_FAILED');
  }
  assert.equal(((refused.values('error')[0] as Error).cause as { code: string }).code, 'ECONNREFUSED');
});

test('T87 families: an IPv4 socket says so when it is to reach IPv6; an IPv6 one reaches both, and knows each peer by one name', async (t) => {
  const separate = { codec: 'raw', udp: { coalesce: false } } as const;
  const four = await udp(t, separate);
  const errors = record(four.server, 'error');
  four.server.emit({ address: '::1', port: four.place.port }, 'x', Buffer.alloc(1));
  await errors.count('error', 1);
  assert.equal((errors.values('error')[0] as { code: string }).code, 'ERR_RINGWIRE_SEND_FAILED');

  const six = await udp(t, separate, 'udp6');
  const both = await udp(t, { ...separate, networkHost: '::' }, 'udp6');
  const spellings = [
    [four, ['localhost', '127.0.0.1']],
    [six, ['localhost', '::1', '0:0:0:0:0:0:0:1']],
    [both, ['::ffff:127.0.0.1', '127.0.0.1', '::FFFF:7f00:1']],
  ] as const;
  for (const [sender, addresses] of spellings) {
    const target = sender === six ? six : four;
    const heard = record(target.server, 'x');
    const known = sender.stats().peers.length;
    for (const address of addresses) sender.server.emit({ address, port: target.port }, 'x', Buffer.alloc(1));
    await heard.count('x', addresses.length);
    const names = sender.stats().peers.map(({ address }) => address);
    assert.equal(names.length, known + 1, `${addresses.join()} are one peer: ${names.join()}`);
  }

  const heard = record(both.server, 'y');
  for (const sender of [four, six]) {
    const address = sender === four ? '127.0.0.1' : '::1';
    sender.server.emit({ address, port: both.port }, 'y', Buffer.alloc(1));
  }
  await heard.count('y', 2);
  const sources = heard.of('y').map(({ args }) => (args[1] as { address: string }).address);
  assert.deepEqual(sources.toSorted(), ['::1', '::ffff:127.0.0.1']);
});
