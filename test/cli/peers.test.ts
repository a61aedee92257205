/**
 * The commands that talk to peers, as processes: what one sends the other prints, a tap shows and records it, a replay sends it again, a failing
 * connect is explained.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { connect, listen, type PeerServer } from '../../src/index.ts';
import {
  CLI,
  file,
  folder,
  freeAddress as address,
  type Outcome,
  removeFolder,
  ringwire,
  ringwireEach,
  run,
  start,
} from './support.ts';

after(removeFolder);

/** Nobody is there. */
const UDP = 'udp://127.0.0.1:9';

async function server(context: TestContext): Promise<PeerServer> {
  const listening = await listen(address());
  context.after(() => listening.close());
  return listening;
}

test('listen prints what send sends: JSON, words, files, bytes; it stops after its count', async (context) => {
  const place = file('data.json', { from: 'a file' });
  const listening = await start(context, 'listen', 'tcp://127.0.0.1:0', '--count', '5', '--json');
  for (const [data, ...more] of [['{"n":1}'], ['word'], [`@${place}`], [], ['\u00e4', '--codec', 'raw']]) {
    const words = data === undefined ? [] : [data];
    const { code, err } = await run('send', listening.where, 'message', ...words, ...more);
    assert.equal(code, 0, err);
    assert.match(err, /sent a message to /);
  }
  const { out, code } = await listening.done;
  assert.equal(code, 0);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; data: unknown });
  assert.deepEqual(
    lines.map(({ data }) => data),
    [{ n: 1 }, 'word', { from: 'a file' }, null, '\u00e4'],
  );
  assert.ok(lines.every(({ event }) => event === 'message'));
});

test('listen and send over UDP; an echo finds whoever sent', async (context) => {
  const listening = await start(context, 'listen', 'udp://127.0.0.1:0', '--count', '2', '--json', '--echo');
  const client = await connect(listening.where as `udp://${string}`);
  context.after(() => client.close());
  const echo = new Promise((resolve) => client.on('hello', resolve));
  client.send('hello', { n: 1 });
  assert.deepEqual(await echo, { n: 1 });
  const sent = await run('send', listening.where, 'word', 'text', '--codec', 'json', '--json');
  assert.deepEqual(JSON.parse(sent.out), { event: 'word', count: 1, peer: listening.where });
  const { out, code } = await listening.done;
  assert.equal(code, 0);
  const [first, second] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { data: unknown; peer: string });
  assert.deepEqual([first?.data, second?.data], [{ n: 1 }, 'text']);
  assert.match(first?.peer ?? '', /^127\.0\.0\.1:\d+$/);
});

test('send repeats, and shows what it sent as JSON', async (context) => {
  const listening = await start(context, 'listen', address(), '--count', '3');
  const { out } = await run('send', listening.where, 'tick', '7', '--count', '3', '--json');
  assert.deepEqual([(JSON.parse(out) as { count: number }).count], [3]);
  assert.equal((await listening.done).out, 'tick 7\ntick 7\ntick 7\n');
});

test('request prints the answer, and an error with its own exit code', async (context) => {
  const asked = await server(context);
  asked.handle('add', (input) => {
    const { a, b } = input as { a: number; b: number };
    return { sum: a + b };
  });
  asked.handle('fail', () => {
    throw Object.assign(new Error('no more paper'), { code: 'E_PAPER' });
  });
  assert.deepEqual(await run('request', asked.address, 'add', '{"a":1,"b":2}'), {
    out: '{"sum":3}\n',
    err: '',
    code: 0,
  });
  const failed = await run('request', asked.address, 'fail', '--json');
  assert.deepEqual(JSON.parse(failed.out), { error: { code: 'E_PAPER', message: 'no more paper' } });
  assert.equal(failed.code, 1);
  const plain = await run('request', asked.address, 'fail');
  assert.match(plain.err, /the peer answered with an error: no more paper \(E_PAPER\)/);
});

test('request prints the items of a stream, however many there are; whoever has seen enough ends it', async (context) => {
  const asked = await server(context);
  const finished: Promise<number> = new Promise((resolve) =>
    asked.handle('rows', async function* (count) {
      let row = 0;
      try {
        for (; row < Number(count); row++) yield { row };
        if (Number(count) === 3) throw Object.assign(new Error('torn'), { code: 'E_TORN' });
      } finally {
        if (Number(count) === 1e9) resolve(row);
      }
    }),
  );
  const rows = await run('request', asked.address, 'rows', '40', '--json');
  assert.deepEqual(
    rows.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    Array.from({ length: 40 }, (_, row) => ({ item: { row } })),
  );
  assert.deepEqual(await run('request', asked.address, 'rows', '0'), { out: '', err: '', code: 0 });
  const torn = await run('request', asked.address, 'rows', '3');
  assert.deepEqual([torn.out, torn.code], ['{"row":0}\n{"row":1}\n{"row":2}\n', 1]);
  assert.match(torn.err, /torn \(E_TORN\)/);
  const endless = spawn(process.execPath, [CLI, 'request', asked.address, 'rows', '1000000000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => endless.kill('SIGKILL'));
  await once(endless.stdout, 'data');
  endless.stdout.destroy();
  assert.deepEqual(await once(endless, 'close'), [0, null]);
  assert.ok((await finished) < 1e9, 'the handler was told');
});

test('lat measures a peer without a handler', async (context) => {
  const { address: where } = await server(context);
  const { out, code } = await run('lat', where, '--count', '100', '--json');
  assert.equal(code, 0);
  const { count, p50, p99, max } = JSON.parse(out) as {
    count: number;
    p50: number;
    p99: number;
    max: number;
  };
  assert.equal(count, 100);
  assert.ok(p50 > 0 && p50 <= p99 && p99 <= max);
  const text = await run('lat', where, '--count', '50');
  assert.match(text.out, /#+\ncount 50 {3}p50 [\d.]+ {3}p90/);
});

test('tap passes on, shows and records; replay sends it again', async (context) => {
  const target = await server(context);
  const arrived: unknown[] = [];
  target.on('message', (data) => void arrived.push(data));
  target.on('image', (data) => void arrived.push(data));
  target.handle('double', (input) => Number(input) * 2);
  const record = path.join(folder, 'tap.ndjson');
  const tapped = await start(
    context,
    'tap',
    address(),
    target.address,
    '--connections',
    '3',
    '--record',
    record,
    '--control',
  );
  await run('send', tapped.where, 'message', '{"text":"hello"}');
  assert.equal((await run('request', tapped.where, 'double', '21')).out, '42\n');
  await run('send', tapped.where, 'image', 'bytes', '--codec', 'raw');
  const { out, code } = await tapped.done;
  assert.equal(code, 0);
  assert.match(out, /#1 -> \[hello /);
  assert.match(out, /#1 -> message \{"text":"hello"\}\n/);
  assert.match(out, /#2 -> double \(request \d+\) 21\n/);
  assert.match(out, /#2 <- .*\(response \d+\) 42\n/);
  assert.match(out, /#3 -> image "bytes"\n/);
  assert.deepEqual(arrived, [{ text: 'hello' }, Buffer.from('bytes')]);
  const again = await run('replay', record, target.address, '--speed', '0', '--json');
  assert.equal((JSON.parse(again.out) as { sent: number }).sent, 3, again.err);
  assert.deepEqual(arrived.slice(2), [{ text: 'hello' }, Buffer.from('bytes')]);
});

test('tap: names of events and data that a terminal would obey are shown, not carried out', async (context) => {
  const target = await server(context);
  const tapped = await start(context, 'tap', address(), target.address, '--connections', '1');
  const client = await connect(tapped.where, { codec: 'json' });
  client.send('event\u001b[2J', 'data\u001b\u009b2J\u202e');
  await client.close();
  const { out } = await tapped.done;
  assert.match(out, /-> event\?\[2J "data\\u001b\\u009b2J\\u202e"\n$/);
});

test('tap names the frames of acknowledged delivery, without the number of the session', async (context) => {
  const target = await listen(address(), { ack: true });
  context.after(() => target.close());
  const tapped = await start(context, 'tap', address(), target.address, '--connections', '1', '--control');
  const client = await connect(tapped.where, { ack: true });
  client.send('message', 1);
  await client.close();
  const { out, code } = await tapped.done;
  assert.equal(code, 0);
  assert.match(out, /-> \[session received 0, first 0\]\n/);
  assert.match(out, /<- \[session received 0, first 0\]\n/);
  assert.match(out, /<- \[ack 1\]\n/);
  assert.doesNotMatch(out, /pong/);
});

test("tap reads node-ipc's wire, and passes on what it cannot read", async (context) => {
  const echo = net.createServer((socket) => socket.pipe(socket));
  const place = path.join(folder, 'echo');
  await new Promise<void>((resolve) => echo.listen(place, resolve));
  context.after(() => echo.close());
  const tapped = await start(context, 'tap', address(), `unix:${place}`, '--connections', '2', '--json');
  for (const bytes of ['{"type":"message","data":{"a":1}}\f', 'not JSON\f']) {
    const socket = net.connect(tapped.where.slice('unix:'.length));
    socket.write(bytes);
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    assert.equal(chunk.toString(), bytes);
    socket.end();
    await once(socket, 'close');
  }
  const { out, err } = await tapped.done;
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { from: string; event: string; data: unknown });
  assert.deepEqual(
    lines.map(({ from, event, data }) => [from, event, data]),
    [
      ['client', 'message', { a: 1 }],
      ['server', 'message', { a: 1 }],
    ],
  );
  assert.match(err, /the rest of this direction is only passed on/);
});

test('doctor: what is wrong, and what to do about it', async (context) => {
  const good = await server(context);
  assert.match(
    (await run('doctor', good.address)).out,
    /^ok {3}the file .*\nok {3}connecting .*\nok {3}the greeting: the peer calls itself/,
  );
  const nothing = ringwire(['doctor', `unix:${path.join(folder, 'nothing')}`]);
  assert.equal(nothing.code, 1);
  assert.match(nothing.out, /FAIL the file .*: is not there\n {5}start the server/);
  assert.match(ringwire(['doctor', `unix:${file('plain', 'text')}`]).out, /FAIL .*: is no socket\n/);
  const silent = net.createServer((socket) => socket.on('error', () => {}));
  const place = path.join(folder, 'silent');
  await new Promise<void>((resolve) => silent.listen(place, resolve));
  context.after(() => silent.close());
  const checks = JSON.parse((await run('doctor', `unix:${place}`, '--json', '--timeout', '300')).out) as {
    ok: boolean;
    advice?: string;
  }[];
  assert.deepEqual(
    checks.map(({ ok }) => ok),
    [true, true, false],
  );
  assert.match(checks[2]?.advice ?? '', /it listens and does not greet: a node-ipc server/);
  assert.match(
    ringwire(['doctor', 'tcp://127.0.0.1:1']).out,
    /FAIL connecting .*ECONNREFUSED.*\n {5}nobody listens/,
  );
});

test(
  'certs makes certificates that listen and send trust',
  { skip: !hasOpenssl() && 'there is no openssl' },
  async (context) => {
    const output = path.join(folder, 'certs');
    const made = ringwire(['certs', '--output', output, '--json']);
    assert.equal(made.code, 0, made.err);
    assert.equal((JSON.parse(made.out) as string[]).length, 6);
    assert.equal(fs.statSync(path.join(output, 'server.key')).mode & 0o077, 0);
    const [cert, key] = ['server.pem', 'server.key'].map((name) => path.join(output, name)) as [
      string,
      string,
    ];
    const listening = await start(
      context,
      'listen',
      'tls://127.0.0.1:0',
      '--cert',
      cert,
      '--key',
      key,
      '--count',
      '1',
    );
    const refused = await run('send', listening.where, 'message', 'secret');
    assert.equal(refused.code, 2, 'an authority that is not trusted');
    const trusted = await run(
      'send',
      listening.where,
      'message',
      'secret',
      '--ca',
      path.join(output, 'ca.pem'),
    );
    assert.equal(trusted.code, 0, trusted.err);
    assert.equal((await listening.done).out, 'message "secret"\n');
    const twice = ringwire(['certs', '--output', output]);
    assert.deepEqual([twice.code, /ca\.pem exists: remove it/.test(twice.err)], [2, true]);
  },
);

function hasOpenssl(): boolean {
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .some((place) => fs.existsSync(path.join(place, 'openssl')));
}

test('mistakes are told in one line with the help, and exit code 2', () => {
  const missing = `unix:${path.join(folder, 'missing')}`;
  const cases = [
    [[], /a command is missing/],
    [['nothing'], /there is no command 'nothing'/],
    [['listen'], /an address is missing/],
    [['listen', 'http://a'], /ERR_RINGWIRE_BAD_ADDRESS/],
    [['send', missing], /give an address and an event/],
    [['send', missing, 'e', '{'], /the data is no JSON/],
    [['send', missing, 'e', '@/none'], /the data cannot be read/],
    [['send', missing, 'e', '1', '2'], /'2' is one argument too many/],
    [['send', missing, 'e', '1'], /ENOENT.*'ringwire doctor <address>' explains/],
    [['send', missing, 'e', '--codec', 'xml'], /--codec is msgpack, json or raw/],
    [['request', missing, 'e', '--timeout', 'x'], /--timeout is a number/],
    [['lat', missing, 'x'], /one argument too many/],
    [['tap', missing], /give two addresses/],
    [['replay', path.join(folder, 'none'), missing], /there is no file/],
    [['replay', file('bad.ndjson', 'x\n'), missing], /line 1: this is no recorded message/],
    [['doctor'], /an address is missing/],
    [['certs', 'a b'], /is no name of a host/],
    [['request', UDP, 'add'], /UDP has no connections/],
    [['lat', UDP], /UDP has no connections/],
    [['top', UDP], /UDP has no connections/],
    [['tap', missing, UDP], /UDP has no connections/],
    [['tap', UDP, missing], /UDP has no connections/],
    [['record', UDP, missing, path.join(folder, 'never.ndjson')], /UDP has no connections/],
    [['replay', path.join(folder, 'none'), UDP], /UDP has no connections/],
    [['doctor', UDP], /UDP has no connections; of the commands only 'listen' and 'send' take udp:/],
    [['listen', UDP, '--inspect'], /--inspect needs connections: UDP has none/],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => args));
  for (const [at, [args, text]] of cases.entries()) {
    const { code, err, out } = outcomes[at] as Outcome;
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, text);
  }
  const commands = ['listen', 'send', 'request', 'lat', 'tap', 'replay', 'doctor', 'certs', 'bench'];
  for (const { code, out } of ringwireEach(commands.map((command) => [command, '--help']))) {
    assert.equal(code, 0, out);
    assert.match(out, /^Usage: ringwire /);
  }
});
