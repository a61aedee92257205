/**
 * Streams over real sockets: order, flow control, every way in which one ends.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage, until } from './support.ts';

/** Numbers from 0 on, and how far it got. */
class Source {
  produced = 0;
  closed = 0;

  async *numbers(count: number): AsyncGenerator<number> {
    try {
      for (; this.produced < count; this.produced++) yield this.produced;
    } finally {
      this.closed++;
    }
  }
}

async function* upTo(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) yield n;
}

async function sum(items: AsyncIterable<unknown>): Promise<number> {
  let total = 0;
  let expected = 0;
  for await (const item of items) {
    assert.equal(item, expected++);
    total += item as number;
  }
  return total;
}

test('items arrive in order, many streams at once, in both directions', async (context) => {
  const { server, client, peer } = await new Stage(context).pair();
  server.handle('count', upTo);
  client.handle('count', upTo);
  server.handle('promised', async (input: number) => upTo(input));
  const streams = [0, 1, 15, 16, 17, 40, 1_000].flatMap((count) => [
    client.stream('count', count),
    peer.stream('count', count),
    client.stream('promised', count),
  ]);
  const sums = await Promise.all(streams.map(sum));
  assert.deepEqual(
    sums,
    [0, 1, 15, 16, 17, 40, 1_000].flatMap((count) =>
      Array.from({ length: 3 }, () => (count * Math.max(0, count - 1)) / 2),
    ),
  );
  assert.deepEqual([client.stats().requests.open, server.stats().requests.handled], [0, 0]);
});

test('no more than the window is produced ahead of the reader', async (context) => {
  const { server, client } = await new Stage(context).pair();
  const source = new Source();
  server.handle('numbers', () => source.numbers(Infinity));
  server.handle('ping', () => 'pong');
  const stream = client.stream('numbers');
  assert.equal(server.stats().requests.handled, 0, 'nothing is asked before the first next');
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 5; round++) await client.request('ping');
  };
  await stream.next();
  await settle();
  assert.equal(source.produced, 15);
  for (let taken = 1; taken < 8; taken++) await stream.next();
  await settle();
  assert.equal(source.produced, 23, 'eight were taken, eight more are granted');
  for (let taken = 8; taken < 100; taken++) await stream.next();
  await settle();
  assert.ok(source.produced < 100 + 16);
  await stream.return();
  await until('the end', () => source.closed === 1);
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
});

test('leaving the loop, a signal and using() cancel the handler', async (context) => {
  const { server, client } = await new Stage(context).pair();
  const source = new Source();
  const aborts: unknown[] = [];
  server.handle('numbers', (_input, { signal }) => {
    signal.addEventListener('abort', () => aborts.push((signal.reason as { code?: unknown }).code));
    return source.numbers(Infinity);
  });
  for await (const item of client.stream('numbers')) if (item === 3) break;
  await until('the first end', () => source.closed === 1);
  const controller = new AbortController();
  const seen: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const item of client.stream('numbers', undefined, { signal: controller.signal })) {
        seen.push(item);
        if (seen.length === 20) controller.abort('enough');
      }
    },
    { code: 'ERR_RINGWIRE_REQUEST_CANCELLED', cause: 'enough' },
  );
  await until('the second end', () => source.closed === 2);
  const disposed = client.stream('numbers');
  await disposed.next();
  await disposed[Symbol.asyncDispose]();
  await until('the third end', () => source.closed === 3);
  assert.equal(aborts.length, 3);
  await assert.rejects(client.stream('numbers', 1, { signal: AbortSignal.abort() }).next(), {
    code: 'ERR_RINGWIRE_REQUEST_CANCELLED',
  });
  await until('all are gone', () => server.stats().requests.handled === 0);
});

test('a handler that fails in the middle: what it had yielded arrives, then the error', async (context) => {
  const { server, client } = await new Stage(context).pair();
  server.handle('fail', async function* () {
    yield 1;
    yield 2;
    throw Object.assign(new Error('no more'), { code: 'EIO' });
  });
  server.handle('unsendable', async function* () {
    yield /regular/;
  });
  const seen: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const item of client.stream('fail')) seen.push(item);
    },
    { code: 'ERR_RINGWIRE_REQUEST_FAILED', remoteCode: 'EIO', message: 'no more' },
  );
  assert.deepEqual(seen, [1, 2]);
  await assert.rejects(client.stream('unsendable').next(), { remoteCode: 'ERR_RINGWIRE_EXT_NOT_ALLOWED' });
  await assert.rejects(client.stream('nobody').next(), { code: 'ERR_RINGWIRE_NO_HANDLER' });
  assert.equal(server.stats().requests.handled, 0);
});

test('request() of a stream and stream() of a value are told apart', async (context) => {
  const { server, client } = await new Stage(context).pair();
  const source = new Source();
  server.handle('numbers', (count: number) => source.numbers(count));
  server.handle('value', () => 1);
  const failed = { code: 'ERR_RINGWIRE_REQUEST_FAILED' };
  await assert.rejects(client.request('numbers', Infinity), { ...failed, message: /stream\(\)/ });
  await until('the end', () => source.closed === 1);
  await assert.rejects(client.request('numbers', 0), { ...failed, message: /stream\(\)/ });
  await assert.rejects(client.stream('value').next(), { ...failed, message: /request\(\)/ });
});

test('the timeout of a stream runs while somebody waits, not while nobody takes', async (context) => {
  const { server, client } = await new Stage(context).pair();
  let more: (() => void) | undefined;
  server.handle('slow', async function* () {
    yield 1;
    await new Promise<void>((resolve) => (more = resolve));
    yield 2;
    await new Promise<void>(() => {});
  });
  const stream = client.stream('slow', undefined, { timeout: 60 });
  await stream.next();
  await new Promise((resolve) => setTimeout(resolve, 90));
  const second = stream.next();
  more?.();
  assert.deepEqual(await second, { done: false, value: 2 });
  await assert.rejects(stream.next(), { code: 'ERR_RINGWIRE_REQUEST_TIMEOUT', limit: 60 });
  await until('the cancel', () => server.stats().requests.handled === 0);
});

test('when the connection goes a stream yields what came, then fails', async (context) => {
  const { server, client, peer } = await new Stage(context).pair();
  const source = new Source();
  server.handle('numbers', () => source.numbers(Infinity));
  const stream = client.stream('numbers');
  await stream.next();
  await until('the window', () => client.stats().received.messages === 16);
  peer.socket.destroy();
  await until('the end', () => !client.isConnected);
  for (let n = 1; n < 16; n++) assert.deepEqual(await stream.next(), { done: false, value: n });
  await assert.rejects(stream.next(), { code: 'ERR_RINGWIRE_REQUEST_LOST' });
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  await until('the iterator', () => source.closed === 1);
  await client.close();
  await assert.rejects(client.stream('numbers').next(), { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
});

const NARROW = { pendingBytesSoft: 100_000, pendingBytesMax: 300_000 };

for (const ack of [false, true]) {
  test(`a stream waits for a peer that reads slowly, within the bounds of the connection, ack ${ack}`, async (context) => {
    const { server, client } = await new Stage(context).pair({ limits: NARROW, ack }, { codec: 'raw', ack });
    let most = 0;
    server.handle('blocks', async function* () {
      for (let n = 0; n < 200; n++) {
        most = Math.max(most, server.stats().pendingBytes);
        yield Buffer.alloc(30_000, n);
      }
    });
    let count = 0;
    for await (const block of client.stream('blocks', undefined, { timeout: 5_000 })) {
      assert.equal((block as Buffer)[29_999], count++ & 0xff);
    }
    assert.equal(count, 200);
    assert.ok(most <= 130_000 + 64, `${most} bytes waited`);
  });
}

test('streams that are cancelled while the peer reads nothing leave nothing that waits', async (context) => {
  const { server, client, peer } = await new Stage(context).pair({ limits: NARROW }, { codec: 'raw' });
  server.handle('block', async function* () {
    for (;;) yield Buffer.alloc(30_000);
  });
  let [waiting, most] = [0, 0];
  const drained = peer.drained.bind(peer);
  peer.drained = (options) => {
    most = Math.max(most, ++waiting);
    const end = (): void => void waiting--;
    const promise = drained(options);
    promise.then(end, end);
    return promise;
  };
  // Answers stop where they pass; what the client sends still arrives.
  peer.socket.cork();
  const [first] = [
    client.stream('block'),
    client
      .stream('block')
      .next()
      .catch(() => {}),
  ];
  void first.next().catch(() => {});
  await until('the first to wait', () => waiting > 0);
  for (let n = 0; n < 50; n++) {
    const before = most;
    const one = client.stream('block');
    void one.next().catch(() => {});
    await until('one more', () => waiting > 2 || most > before);
    await one.return();
  }
  await until('the cancelled gone', () => waiting <= 2);
  peer.socket.uncork();
});

test('a reader that waits behind its own messages at the hard mark still grants: the stream goes on', async (context) => {
  const limits = { pendingBytesSoft: 10_000, pendingBytesMax: 20_000 };
  const { server, client, peer } = await new Stage(context).pair({}, { codec: 'raw', limits });
  server.handle('numbers', async function* () {
    for (let n = 0; n < 100; n++) yield Buffer.from([n]);
  });
  const stream = client.stream('numbers');
  assert.equal(((await stream.next()).value as Buffer)[0], 0);
  // What the client sends stops where it passes; items still arrive.
  const { socket } = (
    client as unknown as { connection: { sender: { transport: { socket: typeof peer.socket } } } }
  ).connection.sender.transport;
  socket.cork();
  for (let n = 0; n < 8; n++) client.send('block', Buffer.alloc(10_000));
  await until('the hard mark', () => client.stats().pendingBytes >= limits.pendingBytesMax);
  for (let n = 1; n < 16; n++) assert.equal(((await stream.next()).value as Buffer)[0], n);
  socket.uncork();
  for (let n = 16; n < 100; n++) assert.equal(((await stream.next()).value as Buffer)[0], n);
  assert.equal((await stream.next()).done, true);
});
