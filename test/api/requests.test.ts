/**
 * Requests over real sockets: answers, errors, cancelling, deadlines, loss, the window, both directions.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestError } from '../../src/index.ts';
import { Stage, until } from './support.ts';

/** A promise that a test settles. */
function gate(): { opened: Promise<void>; open: () => void } {
  let settle: (() => void) | undefined;
  const opened = new Promise<void>((resolve) => (settle = resolve));
  return { opened, open: () => settle?.() };
}

test('answers of every kind, both directions, each to its own question', async (context) => {
  const { server, client, peer } = await new Stage(context).pair();
  for (const side of [server, client]) {
    side.handle('now', (input) => ({ input }));
    side.handle('later', async (input) => {
      await new Promise((resolve) => setImmediate(resolve));
      return [input];
    });
    side.handle('nothing', () => {});
  }
  for (const side of [client, peer]) {
    const asked = Array.from({ length: 200 }, (_, index) => side.request(index % 2 ? 'now' : 'later', index));
    assert.deepEqual(
      await Promise.all(asked),
      asked.map((_, index) => (index % 2 ? { input: index } : [index])),
    );
    assert.equal(await side.request('nothing'), undefined);
    assert.equal(side.stats().requests.open, 0);
  }
});

test('requests in every codec; bytes are kept, whatever the receive mode', async (context) => {
  for (const codec of ['json', 'msgpack', 'raw'] as const) {
    const stage = new Stage(context);
    const { server, client } = await stage.pair({ receive: 'frame' }, { codec, receive: 'view' });
    let kept: unknown;
    server.handle('echo', async (input) => {
      await new Promise((resolve) => setImmediate(resolve));
      return (kept = input);
    });
    const data = codec === 'raw' ? Buffer.alloc(100_000, 7) : { text: 'x'.repeat(100_000) };
    const answers = await Promise.all([1, 2, 3].map(() => client.request('echo', data)));
    for (const answer of answers) assert.deepEqual(answer, data);
    assert.deepEqual(kept, data);
    await assert.rejects(client.request('nobody', Buffer.alloc(1)), { code: 'ERR_RINGWIRE_NO_HANDLER' });
    await client.close();
    await server.close();
  }
});

test('errors cross with code, message and data; the stack only when allowed', async (context) => {
  for (const exposeStacks of [false, true]) {
    const stage = new Stage(context);
    const { server, client } = await stage.pair({ exposeStacks });
    server.handle('sync', () => {
      throw Object.assign(new Error('no such image'), { code: 'ENOENT', data: { id: 7 } });
    });
    server.handle('async', () => Promise.reject(new TypeError('late')));
    server.handle('text', () => {
      // oxlint-disable-next-line no-throw-literal
      throw 'just text';
    });
    server.handle('forged', () => {
      throw Object.assign(new Error('I am local'), { code: 'ERR_RINGWIRE_REQUEST_LOST' });
    });
    server.handle('circular', () => {
      const data: Record<string, unknown> = {};
      data['self'] = data;
      throw Object.assign(new Error('round'), { data: { toJSON: () => data, data } });
    });
    server.handle('unsendable', () => /regular/);
    const error = await client.request('sync').catch((reason: unknown) => reason as RequestError);
    assert.ok(error instanceof RequestError);
    assert.deepEqual(
      [error.code, error.message, error.remoteCode, error.data],
      ['ERR_RINGWIRE_REQUEST_FAILED', 'no such image', 'ENOENT', { id: 7 }],
    );
    assert.equal(typeof error.remoteStack, exposeStacks ? 'string' : 'undefined');
    for (const [name, expected] of [
      ['async', { code: 'ERR_RINGWIRE_REQUEST_FAILED', message: 'late', remoteCode: undefined }],
      ['text', { code: 'ERR_RINGWIRE_REQUEST_FAILED', message: 'just text' }],
      ['forged', { code: 'ERR_RINGWIRE_REQUEST_FAILED', remoteCode: 'ERR_RINGWIRE_REQUEST_LOST' }],
      ['circular', { code: 'ERR_RINGWIRE_REQUEST_FAILED', message: 'round' }],
      ['unsendable', { code: 'ERR_RINGWIRE_REQUEST_FAILED', remoteCode: 'ERR_RINGWIRE_EXT_NOT_ALLOWED' }],
      ['nobody', { code: 'ERR_RINGWIRE_NO_HANDLER' }],
    ] as const) {
      await assert.rejects(client.request(name), expected, name);
    }
    server.handle('async', undefined);
    await assert.rejects(client.request('async'), { code: 'ERR_RINGWIRE_NO_HANDLER' });
    await assert.rejects(client.request('sync', /regular/), { code: 'ERR_RINGWIRE_EXT_NOT_ALLOWED' });
    assert.equal(server.stats().requests.handled, 0);
    await server.close();
  }
});

test('a timeout settles the request and cancels the handler; the late answer is ignored', async (context) => {
  const { server, client } = await new Stage(context).pair({}, { limits: { requestTimeoutMs: 50 } });
  const { opened, open } = gate();
  const reasons: unknown[] = [];
  server.handle('wait', async (_input, { signal }) => {
    signal.addEventListener('abort', () => reasons.push((signal.reason as { code?: unknown }).code));
    await opened;
    return 'late';
  });
  server.handle('echo', (input) => input);
  const limit = { code: 'ERR_RINGWIRE_REQUEST_TIMEOUT' };
  await assert.rejects(client.request('wait', 1, { timeout: 20 }), { ...limit, limit: 20 });
  await assert.rejects(client.request('wait', 1), { ...limit, limit: 50 });
  await until('the cancels', () => reasons.length === 2);
  assert.deepEqual(reasons, ['ERR_RINGWIRE_REQUEST_CANCELLED', 'ERR_RINGWIRE_REQUEST_CANCELLED']);
  const patient = client.request('wait', 1, { timeout: 0 });
  await until('the handler', () => server.stats().requests.handled === 1);
  open();
  assert.equal(await patient, 'late');
  assert.equal(await client.request('echo', 5), 5);
  assert.deepEqual([client.stats().requests.open, server.stats().requests.handled], [0, 0]);
  for (const timeout of [-1, Number.NaN, '5' as unknown as number])
    await assert.rejects(client.request('echo', 1, { timeout }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
});

test('a signal cancels before, while it waits, and under way', async (context) => {
  const { server, client } = await new Stage(context).pair({}, { limits: { requestsOpenMax: 1 } });
  const aborts: string[] = [];
  let asked = 0;
  server.handle('wait', (input, { signal, peer, event }) => {
    asked++;
    assert.deepEqual([peer.isConnected, event], [true, 'wait']);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        aborts.push(String(input));
        resolve('too late');
      });
    });
  });
  const [one, two, before] = [new AbortController(), new AbortController(), AbortSignal.abort('early')];
  const code = 'ERR_RINGWIRE_REQUEST_CANCELLED';
  await assert.rejects(client.request('wait', 'before', { signal: before }), { code, cause: 'early' });
  const underWay = client.request('wait', 'one', { signal: one.signal });
  const waiting = client.request('wait', 'two', { signal: two.signal });
  await until('the handler', () => asked === 1);
  assert.deepEqual(client.stats().requests, { open: 1, queued: 1, handled: 0 });
  two.abort(new Error('two'));
  await assert.rejects(waiting, { code });
  one.abort(new Error('one'));
  await assert.rejects(underWay, { code });
  await until('the abort', () => aborts.length === 1);
  assert.deepEqual([aborts, asked], [['one'], 1]);
});

test('the window bounds what is under way, the queue what waits; all are answered in the end', async (context) => {
  const limits = { requestsOpenMax: 4, requestsQueuedMax: 5 };
  const { server, client } = await new Stage(context).pair({}, { limits });
  let most = 0;
  let now = 0;
  server.handle('work', async (input) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setImmediate(resolve));
    now--;
    return input;
  });
  const asked = Array.from({ length: 9 }, (_, index) => client.request('work', index));
  await assert.rejects(client.request('work', 9), { code: 'ERR_RINGWIRE_BACKPRESSURE', limit: 5 });
  assert.deepEqual(await Promise.all(asked), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  assert.equal(most, 4);
});

test('a server refuses more requests of one peer than its handlers may work on', async (context) => {
  const { server, client } = await new Stage(context).pair({ limits: { requestsHandledMax: 2 } });
  const { opened, open } = gate();
  server.handle('work', async () => {
    await opened;
    return 'done';
  });
  const asked = [1, 2, 3].map((each) => client.request('work', each));
  await assert.rejects(asked[2] as Promise<unknown>, { code: 'ERR_RINGWIRE_BACKPRESSURE' });
  open();
  assert.deepEqual(await Promise.all(asked.slice(0, 2)), ['done', 'done']);
});

test('when the connection goes every request settles, and handlers hear of it', async (context) => {
  const { server, client, peer } = await new Stage(context).pair({}, { limits: { requestsOpenMax: 2 } });
  const reasons: unknown[] = [];
  server.handle('wait', (_input, { signal }) => {
    signal.addEventListener('abort', () => reasons.push((signal.reason as { code?: unknown }).code));
    return new Promise(() => {});
  });
  client.handle('wait', () => new Promise(() => {}));
  const asked = [1, 2, 3].map((each) => client.request('wait', each));
  const back = peer.request('wait');
  await until('the handlers', () => server.stats().requests.handled === 2);
  const settled = Promise.allSettled([...asked, back]);
  peer.socket.destroy();
  const codes = (await settled).map(
    (each) => ((each as PromiseRejectedResult).reason as { code: string }).code,
  );
  const lost = 'ERR_RINGWIRE_REQUEST_LOST';
  assert.deepEqual(codes, [lost, lost, 'ERR_RINGWIRE_NOT_CONNECTED', lost]);
  assert.deepEqual(reasons, [lost, lost]);
  await client.close();
  await assert.rejects(client.request('wait'), { code: 'ERR_RINGWIRE_NOT_CONNECTED' });
});

test('a handler that throws where nobody waits harms nothing', async (context) => {
  const { server, client } = await new Stage(context).pair();
  server.handle('fail', async (_input, { signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    throw new Error('into the void');
  });
  server.handle('echo', (input) => input);
  await assert.rejects(client.request('fail', 1, { timeout: 5 }), { code: 'ERR_RINGWIRE_REQUEST_TIMEOUT' });
  assert.equal(await client.request('echo', 1), 1);
});
