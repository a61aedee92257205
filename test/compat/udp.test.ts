/**
 * UDP of node-ipc's face: ringwire with real node-ipc on the two sides of one conversation, in both roles, and what the original gets wrong.
 *
 * Invariant: ports are drawn by the system where the package allows it.
 */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { loadSubject, type Ipc, type Server, type SubjectName } from './support/subjects.ts';
import { next, record, within } from './support/waiting.ts';

type Source = { address: string; port: number; size: number; family: string; id?: unknown };

async function freeUdpPort(): Promise<number> {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

async function make(name: SubjectName, settings: object = {}): Promise<Ipc> {
  const ipc = new (await loadSubject(name)).default.IPC();
  Object.assign(ipc.config, { silent: true, ...settings });
  return ipc;
}

/** A started UDP server of either package. */
async function serve(
  context: TestContext,
  name: SubjectName,
  settings: object = {},
): Promise<{ server: Server; place: { address: string; port: number } }> {
  const ipc = await make(name, settings);
  const port = await freeUdpPort();
  ipc.serveNet('127.0.0.1', port, 'udp4');
  const { server } = ipc;
  // The original says 'start' too early and 'connect' when it is bound.
  const bound = next(server, 'connect');
  server.start();
  await bound;
  context.after(() => server.stop());
  return { server, place: { address: '127.0.0.1', port } };
}

void describe('udp', () => {
  for (const [asker, answerer] of [
    ['ringwire', 'oracle'],
    ['oracle', 'ringwire'],
    ['oracle', 'oracle'],
    ['ringwire', 'ringwire'],
  ] as const) {
    void test(`JSON: ${asker} asks, ${answerer} answers`, async (context) => {
      const a = await serve(context, asker);
      const b = await serve(context, answerer);
      b.server.on('ask', (data: unknown, source: Source) => {
        assert.deepEqual(
          [source.address, source.port, source.family],
          [a.place.address, a.place.port, 'IPv4'],
        );
        b.server.emit(source, 'answer', data);
      });
      const answers = record(a.server, 'answer');
      const said = { id: 'a', text: 'grüße €', list: [1, null, true], empty: '' };
      for (let n = 0; n < 5; n++) a.server.emit(b.place, 'ask', { ...said, n });
      await answers.count('answer', 5);
      assert.deepEqual(
        answers.values('answer'),
        [0, 1, 2, 3, 4].map((n) => Object.assign({}, said, { n })),
      );
      const [, source] = (answers.of('answer')[0] as { args: readonly unknown[] }).args as readonly [
        unknown,
        Source,
      ];
      assert.equal(source.port, b.place.port);
      assert.equal(source.id, 'a');
    });

    void test(`raw: ${asker} asks, ${answerer} answers`, async (context) => {
      const settings = { rawBuffer: true, rawSocket: true, encoding: 'hex' };
      const a = await serve(context, asker, settings);
      const b = await serve(context, answerer, settings);
      b.server.on('data', (data: Buffer, source: Source) => b.server.emit(source, data));
      const answer = next(a.server, 'data');
      const bytes = Buffer.from('007f80ff0c0a00c3f54401', 'hex');
      a.server.emit(b.place, bytes);
      const [data] = await answer;
      assert.deepEqual(data, bytes);
    });
  }

  void test('every overload of serveNet, and ports and kinds in other spellings', async () => {
    const cases: [unknown[], [string, unknown, boolean, boolean]][] = [
      [['udp4'], ['127.0.0.1', 8000, true, false]],
      [['UDP4'], ['127.0.0.1', 8000, true, false]],
      [['udp6'], ['::1', 8000, false, true]],
      [
        [8001, 'udp4'],
        ['127.0.0.1', 8001, true, false],
      ],
      [
        ['8001', 'udp4'],
        ['127.0.0.1', 8001, true, false],
      ],
      [
        ['0.0.0.0', 'udp4'],
        ['0.0.0.0', 8000, true, false],
      ],
      [
        ['0.0.0.0', 8002, 'udp4'],
        ['0.0.0.0', 8002, true, false],
      ],
      [
        ['::1', 8002, 'Udp6'],
        ['::1', 8002, false, true],
      ],
      [
        ['::1', 'udp4'],
        ['127.0.0.1', 8000, true, false],
      ],
      [
        [null, 8003, 'udp4'],
        ['127.0.0.1', 8003, true, false],
      ],
      [
        [undefined, undefined, 'udp6'],
        ['::1', 8000, false, true],
      ],
    ];
    for (const [given, expected] of cases) {
      for (const args of [given, [...given, () => {}]]) {
        const ipc = await make('ringwire');
        ipc.serveNet(...args);
        const { path, port, udp4, udp6, list } = ipc.server;
        assert.deepEqual([path, port, udp4, udp6], expected, JSON.stringify(args));
        assert.equal(list['start']?.length ?? 0, args.length - given.length);
      }
    }
    const ipc = await make('ringwire');
    for (const args of [
      ['127.0.0.1', 8000, 'udp5'],
      ['udp4', 'udp6'],
      ['127.0.0.1', 8000, 'start', () => {}],
    ])
      assert.throws(() => ipc.serveNet(...args), TypeError, JSON.stringify(args));
  });

  void test("'start' comes with the address that is bound, then 'connect' with the socket; 'close' when it stops", async (context) => {
    const ipc = await make('ringwire');
    ipc.serveNet(0, 'udp4');
    const { server } = ipc;
    context.after(() => server.stop());
    const told = record(server, 'start', 'connect', 'close', 'socket.disconnected');
    assert.equal(server.server, false);
    server.start();
    await told.count('connect');
    const [start, connect] = told.entries;
    const bound = (server.server as unknown as dgram.Socket).address();
    assert.deepEqual(start?.args, [{ address: '127.0.0.1', port: bound.port }]);
    assert.equal(connect?.args[0], server.server);
    assert.deepEqual(server.sockets, [server.server]);
    server.stop();
    await told.count('socket.disconnected');
    assert.deepEqual(told.names(), ['start', 'connect', 'close', 'socket.disconnected']);
    assert.deepEqual(told.entries.at(-1)?.args, [connect?.args[0], false]);
    assert.deepEqual(server.sockets, []);
  });

  void test('broadcast reaches the peers that were heard, also real node-ipc (B7); so does emit without a place', async (context) => {
    const a = await serve(context, 'ringwire');
    const b = await serve(context, 'oracle');
    const c = await serve(context, 'ringwire');
    const heard = record(a.server, 'hi');
    const told = record(b.server, 'news').listen(c.server, ['news']);
    b.server.emit(a.place, 'hi', 1);
    c.server.emit(a.place, 'hi', 2);
    await heard.count('hi', 2);
    a.server.broadcast('news', { n: 1 });
    await told.count('news', 2);
    a.server.emit({}, 'news', { n: 2 });
    await told.count('news', 4);
  });

  void test('what cannot be sent is an error event, not the end of the process (B9)', async (context) => {
    const { server } = await serve(context, 'ringwire');
    const errors = record(server, 'error');
    server.emit({ address: 'no.such.host.invalid', port: 9 }, 'x', 1);
    await errors.count('error');
    server.emit({ address: '::1', port: 9 }, 'x', 1);
    await errors.count('error', 2);
    server.emit({ address: '127.0.0.1', port: 70_000 }, 'x', 1);
    await errors.count('error', 3);
    for (const error of errors.values('error'))
      assert.equal((error as { code: string }).code, 'ERR_RINGWIRE_SEND_FAILED');
    assert.throws(() => server.emit({ address: '127.0.0.1', port: 9 }, 'x', 'y'.repeat(65_500)), {
      code: 'ERR_RINGWIRE_UDP_TOO_LARGE',
    });
  });

  void test('nothing is carried from one datagram to the next', async (context) => {
    const { server, place } = await serve(context, 'ringwire');
    const told = record(server, 'a', 'b');
    const socket = dgram.createSocket('udp4');
    context.after(() => socket.close());
    const send = (text: string): void => socket.send(text, place.port, place.address);
    send('{"type":"a","data":1}\f{"type":"a","da');
    send('ta":2}\f');
    send('{"type":"b","data":3}\f{"type":"b","data":4}\f');
    await within('the last', told.count('b', 2));
    assert.deepEqual(
      told.entries.map(({ name, args }) => [name, args[0]]),
      [
        ['a', 1],
        ['b', 3],
        ['b', 4],
      ],
    );
  });

  void test('an address that is taken is an error, and the server can be started again', async (context) => {
    const first = await serve(context, 'ringwire');
    const ipc = await make('ringwire');
    ipc.serveNet('127.0.0.1', first.place.port, 'udp4');
    const { server } = ipc;
    context.after(() => server.stop());
    const failed = next(server, 'error');
    server.start();
    const [error] = await failed;
    assert.equal((error as { code: string }).code, 'EADDRINUSE');
    first.server.stop();
    const started = next(server, 'start');
    await next(first.server, 'close').catch(() => {});
    server.start();
    await started;
  });
});
