/**
 * Captures of `tap --pcap`, and the dissector that reads them: what was sent is what is in the file, and what Wireshark's tshark says of it; streams and
 * datagrams of a network too, and every fault by its name.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { WireUnits } from '../../src/cli/wire-units.ts';
import { connect, defineStruct, listen } from '../../src/index.ts';
import { announceFrame, goodbyeFrame, greeting, pingFrame } from '../../src/frames/control.ts';
import { dissect, networkCapture, readPackets, type Segment, withoutTshark } from './capture.ts';
import { folder, freeAddress, removeFolder, start } from './support.ts';

after(removeFolder);

const skip: string | false = withoutTshark();
const HELLO = { codec: 3, codecSet: 0b11110, id: 'sender', features: 2 };

interface FrameParts {
  readonly event: number;
  readonly codec: number;
  readonly payload?: Buffer;
  readonly flags?: number;
  /** Between the header and the payload. */
  readonly extras?: Buffer;
}

function frame({
  event,
  codec,
  payload = Buffer.alloc(0),
  flags = 0,
  extras = Buffer.alloc(0),
}: FrameParts): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt16LE(event, 4);
  header[6] = codec;
  header[7] = flags;
  return Buffer.concat([header, extras, payload, Buffer.alloc(-payload.length & 7)]);
}

function extension(correlation: number, kind: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(correlation, 0);
  bytes[4] = kind;
  return bytes;
}

function inline(name: string, data: Buffer): Buffer {
  const head = Buffer.alloc((2 + name.length + 7) & ~7);
  head.writeUInt16LE(name.length, 0);
  head.write(name, 2);
  return Buffer.concat([head, data]);
}

/** Numbers of 32 bits, little-endian. */
function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value, at * 4);
  return bytes;
}

function datagramHead(flags: number, sequence: number): Buffer {
  return Buffer.from([0xf5, 0x44, 1, flags, sequence, 0, 0, 0]);
}

function segments(bytes: Buffer, size: number): Segment[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => ({
    from: 40_000,
    to: 40_001,
    bytes: bytes.subarray(at * size, (at + 1) * size),
  }));
}

/** Payload lengths of the frames whose event has a name, in order. */
async function lengths(file: string, ...options: string[]): Promise<string[]> {
  const rows = await dissect(file, ['ringwire.event', 'ringwire.length'], '-Y', 'ringwire.event', ...options);
  return rows.flatMap(([names = '', all = '']) => all.split(',').slice(-names.split(',').length));
}

/** Through a tap, one side to the other; settles when the capture is complete. @returns the file */
async function capture(
  context: TestContext,
  name: string,
  says: Readonly<Record<'client' | 'server', readonly Buffer[]>>,
): Promise<string> {
  const server = net.createServer((socket) => {
    for (const bytes of says.server) socket.write(bytes);
    socket.resume().on('end', () => socket.end());
  });
  const place = freeAddress();
  server.listen(place.slice('unix:'.length));
  await once(server, 'listening');
  context.after(() => server.close());
  const file = path.join(folder, name);
  const tapped = await start(context, 'tap', freeAddress(), place, '--pcap', file, '--connections', '1');
  const socket = net.connect(tapped.where.slice('unix:'.length));
  socket.resume();
  for (const bytes of says.client) socket.write(bytes);
  socket.end();
  await once(socket, 'close');
  assert.equal((await tapped.done).code, 0);
  return file;
}

test('every byte is in the capture, a packet for each unit, in both directions', async (context) => {
  const client = [
    greeting(1 << 24, HELLO),
    announceFrame(0x8000, 's'),
    frame({ event: 0x8000, codec: 3, payload: Buffer.from('ab') }),
  ];
  const server = [
    Buffer.from('{"type":"early","data":1}\f'),
    greeting(1 << 24, HELLO),
    frame({ event: 5, codec: 1, payload: Buffer.alloc(300_000, 'x') }),
  ];
  const packets = readPackets(await capture(context, 'units.pcap', { client, server }));
  const of = (port: number): typeof packets =>
    packets.filter(({ tags }) => tags.get(25)?.readUInt32BE() === port);
  assert.equal(packets.length, of(1024).length + of(1).length);
  assert.deepEqual(Buffer.concat(of(1024).map(({ bytes }) => bytes)), Buffer.concat(client));
  const [early, preamble, hello, large] = of(1);
  assert.ok(early && preamble && hello && large);
  assert.deepEqual(
    Buffer.concat([early.bytes, preamble.bytes, hello.bytes]),
    Buffer.concat(server.slice(0, 2)),
  );
  const tagBytes = large.originalBytes - 300_008;
  assert.equal(
    large.bytes.length,
    262_144 - tagBytes,
    'longer packets are cut: Wireshark reads no longer ones',
  );
  for (const { tags } of packets) {
    assert.equal(tags.get(12)?.toString(), 'ringwire');
    assert.deepEqual(
      [tags.get(20), tags.get(21)],
      [Buffer.from([127, 0, 0, 1]), Buffer.from([127, 0, 0, 1])],
    );
  }
});

test('units are the same at any chunking; what cannot be a unit is kept as it came', () => {
  const units = [
    Buffer.from('{"type":"early"}\f'),
    ...[greeting(4_096, HELLO)].flatMap((both) => [both.subarray(0, 8), both.subarray(8)]),
    frame({ event: 1, codec: 3, payload: Buffer.alloc(13, 1), flags: 1, extras: extension(7, 1) }),
    frame({ event: 1, codec: 3 }),
    Buffer.from([1, 2, 3]),
  ];
  const all = Buffer.concat(units);
  for (const size of [1, 3, 8, 17, 1_000]) {
    const found: string[] = [];
    const splitter = new WireUnits(1_000, (bytes, length) => {
      assert.equal(bytes.length, length);
      found.push(bytes.toString('hex'));
    });
    for (let at = 0; at < all.length; at += size) splitter.read(all.subarray(at, at + size));
    splitter.end();
    assert.deepEqual(
      found,
      units.map((unit) => unit.toString('hex')),
      `chunks of ${size}`,
    );
  }
  const lost: string[] = [];
  const splitter = new WireUnits(1_000, (bytes) => lost.push(bytes.toString('latin1')));
  for (const chunk of ['GET / HTTP', '/1.1\r\n']) splitter.read(Buffer.from(chunk, 'latin1'));
  assert.deepEqual(lost, ['GET / HT', 'TP', '/1.1\r\n']);
});

test(
  'tshark reads a tapped session: greeting, names, requests and their answers, codecs',
  { skip },
  async (context) => {
    const Pose = defineStruct('pose', { x: 'f32', seq: 'u32' });
    const server = await listen(freeAddress(), {
      id: 'world',
      protocol: { events: { pose: { id: 7, codec: Pose } } },
    });
    context.after(() => server.close());
    server.handle('double' as never, ((input: unknown) => Number(input) * 2) as never);
    const file = path.join(folder, 'session.pcap');
    const tapped = await start(
      context,
      'tap',
      freeAddress(),
      server.address,
      '--pcap',
      file,
      '--connections',
      '1',
    );
    const protocol = { events: { pose: { id: 7, codec: Pose }, text: { codec: 'json' as const } } };
    const client = await connect(tapped.where, { id: 'hello', protocol });
    client.send('pose', { x: 1, seq: 2 });
    client.send('text', { a: 1 });
    assert.equal(await client.request('double' as never, 21 as never), 42);
    await client.close();
    await tapped.done;
    const fields = [
      'event_id',
      'event',
      'codec',
      'kind',
      'correlation',
      'length',
      'hello.id',
      'announce.name',
      'layout.event',
      'layout.bytes',
    ];
    const rows = await dissect(
      file,
      [...fields.map((field) => `ringwire.${field}`), 'json.key', 'msgpack.integer.u8'],
      '-Y',
      'ringwire.length',
    );
    const said = rows.map((row) => row.join(';'));
    for (const row of [
      // Sender and layouts of the hello, a struct, a name and its message, a request, its answer under the same name.
      /^0x0000;;0;;;\d+;hello;;pose;8;;$/,
      /^0x0000;;0;;;\d+;world;;pose;8;;$/,
      /^0x0007;;4;;;8;;;;;;$/,
      /^0x0000;;0;;;8;;text;;;;$/,
      /^0x8000;text;1;;;7;;;;;a;$/,
      /^0x8001;double;2;1;1;1;;;;;;/,
      /^0x8001;double;2;2;1;1;;;;;;/,
    ])
      assert.ok(
        said.some((each) => row.test(each)),
        `${String(row)} in\n${said.join('\n')}`,
      );
    const faults = await dissect(file, ['_ws.expert.message'], '-Y', 'ringwire.malformed');
    assert.deepEqual(faults, []);
  },
);

test(
  'tshark reads what is rare: inline names, trace context, ping, goodbye, sessions, credits',
  { skip },
  async (context) => {
    const trace = Buffer.concat([
      Buffer.alloc(16, 0xaa),
      Buffer.alloc(8, 0xbb),
      Buffer.from([1]),
      Buffer.alloc(7),
    ]);
    const session = Buffer.alloc(16);
    session[0] = 6;
    session.writeUInt32LE(5, 4);
    session.writeBigUInt64LE(0x1122n, 8);
    const credit = Buffer.alloc(8);
    credit.writeUInt32LE(8, 0);
    const client = [
      greeting(4_096, HELLO),
      frame({ event: 0, codec: 0, payload: session }),
      frame({ event: 0xffff, codec: 3, payload: inline('far', Buffer.from([1, 2])) }),
      frame({
        event: 3,
        codec: 3,
        payload: Buffer.from([9]),
        flags: 3,
        extras: Buffer.concat([extension(77, 1), trace]),
      }),
      frame({ event: 3, codec: 3, payload: credit, flags: 1, extras: extension(77, 7) }),
      pingFrame(0xabcd),
      goodbyeFrame('ERR_RINGWIRE_FLOOD', 'enough'),
    ];
    const server = [Buffer.from('{"type":"early","data":{"a":1}}\f')];
    const file = await capture(context, 'rare.pcap', { client, server });
    const fields = [
      'payload_limit',
      'hello.id',
      'received',
      'session',
      'event',
      'kind',
      'correlation',
      'trace.id',
      'trace.span',
      'credit',
      'token',
      'goodbye.reason',
      'goodbye.text',
      'node_ipc',
    ];
    const rows = await dissect(
      file,
      fields.map((field) => `ringwire.${field}`),
    );
    assert.deepEqual(
      rows.map((row) => row.filter((value) => value !== '').join(' ')).toSorted(),
      [
        '0x000000000000abcd'.replace('0x00000000', '0x'),
        '15 enough',
        '1 77 ' + 'aa'.repeat(16) + ' ' + 'bb'.repeat(8),
        '4096',
        '5 0x0000000000001122',
        '7 77 8',
        'far',
        'sender',
        '{"type":"early","data":{"a":1}}',
      ].toSorted(),
    );
  },
);

const HEADER_FAULTS = {
  'BAD_FLAGS: reserved flags': frame({ event: 1, codec: 3, flags: 4 }),
  'BAD_CODEC: codec 9 with event 1': frame({ event: 1, codec: 9 }),
  'INVALID_EVENT: a reserved event id': frame({ event: 0x9000, codec: 3 }),
  'BAD_FLAGS: a control frame with flags': frame({ event: 0, codec: 0, flags: 1 }),
  'BAD_FLAGS: an extension of unknown kind or with reserved bytes set': frame({
    event: 1,
    codec: 3,
    flags: 1,
    extras: extension(1, 9),
  }),
  'BAD_CONTROL: unknown kind 99': frame({ event: 0, codec: 0, payload: Buffer.from([99]) }),
  'BAD_CONTROL: ping is too short': frame({ event: 0, codec: 0, payload: Buffer.from([3, 0]) }),
  'INVALID_EVENT: an inline name that is empty or longer than its frame': frame({
    event: 0xffff,
    codec: 3,
    payload: Buffer.from([9, 0]),
  }),
  'TRUNCATED: the end is inside a frame': frame({ event: 1, codec: 3, payload: Buffer.alloc(64) }).subarray(
    0,
    40,
  ),
} as const;

test('tshark marks every fault by its name', { skip }, async () => {
  const first = greeting(4_096, HELLO);
  // One datagram for each fault, and one that has none.
  const datagrams = [Buffer.alloc(0), ...Object.values(HEADER_FAULTS)].map((bytes, at) =>
    Buffer.concat([datagramHead(0, at), bytes]),
  );
  const file = networkCapture(
    path.join(folder, 'faults.pcap'),
    'udp',
    datagrams.map((bytes) => ({ from: 40_000, to: 40_001, bytes })),
  );
  const rows = await dissect(
    file,
    ['ringwire.datagram.sequence', '_ws.expert.message'],
    '-E',
    'occurrence=f',
  );
  assert.deepEqual(rows, [
    ['0', ''],
    ...Object.keys(HEADER_FAULTS).map((text, at) => [String(at + 1), text]),
  ]);
  const versions = networkCapture(path.join(folder, 'version.pcap'), 'tcp', [
    {
      from: 40_002,
      to: 40_001,
      bytes: Buffer.concat([Buffer.from([0xf5, 0x53, 2, 0, 0, 16, 0, 0]), first.subarray(8)]),
    },
    {
      from: 40_003,
      to: 40_001,
      bytes: Buffer.concat([Buffer.from([0xf5, 0x53, 1, 0, 1, 0, 0, 0]), first.subarray(8)]),
    },
  ]);
  assert.deepEqual(await dissect(versions, ['_ws.expert.message'], '-E', 'occurrence=f', '-Y', 'ringwire'), [
    ['BAD_VERSION: version 2'],
    ['BAD_CONTROL: a payload limit of 1 bytes'],
  ]);
});

test('tshark reads datagrams: timing, checksum, fragments, several frames', { skip }, async () => {
  const one = frame({ event: 5, codec: 3, payload: Buffer.from([1, 2]) });
  const two = frame({ event: 0xffff, codec: 1, payload: inline('s', Buffer.from('[1]')) });
  const fragment = Buffer.concat([words(42, 64), Buffer.from([1, 0, 3, 0, 0, 0, 0, 0]), Buffer.alloc(16, 7)]);
  const file = networkCapture(path.join(folder, 'datagrams.pcap'), 'udp', [
    { from: 40_000, to: 40_001, bytes: Buffer.concat([datagramHead(0, 7), one, two]) },
    {
      from: 40_000,
      to: 40_001,
      bytes: Buffer.concat([datagramHead(3, 8), words(0x11223344, 1_000_000, 0xdead, 0), one]),
    },
    { from: 40_000, to: 40_001, bytes: Buffer.concat([datagramHead(4, 9), fragment]) },
  ]);
  const fields = [
    'datagram.sequence',
    'event_id',
    'event',
    'datagram.session',
    'datagram.sent',
    'datagram.crc',
    'fragment.index',
    'fragment.count',
  ];
  assert.deepEqual(
    await dissect(
      file,
      fields.map((field) => `ringwire.${field}`),
    ),
    [
      ['7', '0x0005,0xffff', 's', '', '', '', '', ''],
      ['8', '0x0005', '', '0x11223344', '1000000', '0x0000dead', '', ''],
      ['9', '', '', '', '', '', '1', '3'],
    ],
  );
  const byPort = networkCapture(path.join(folder, 'port.pcap'), 'udp', [
    { from: 40_000, to: 40_001, bytes: Buffer.from([0xf5, 0x44, 1, 9, 0, 0, 0, 0]) },
  ]);
  assert.deepEqual(
    await dissect(byPort, ['_ws.expert.message']),
    [['']],
    'no port, and flags that nobody sends',
  );
  assert.deepEqual(await dissect(byPort, ['_ws.expert.message'], '-o', 'ringwire.udp_ports:40001'), [
    ['BAD_FLAGS: reserved flags'],
  ]);
});

test(
  'tshark puts streams together again over TCP, by their first bytes or by the port',
  { skip },
  async () => {
    const stream = Buffer.concat([
      greeting(1 << 24, HELLO),
      announceFrame(0x8000, 'reading'),
      ...[1, 2, 3].map((n) => frame({ event: 0x8000, codec: 3, payload: Buffer.alloc(1_000 * n, n) })),
    ]);
    for (const size of [20, 700, 100_000]) {
      const file = networkCapture(path.join(folder, `tcp-${size}.pcap`), 'tcp', segments(stream, size));
      assert.deepEqual(await lengths(file), ['1000', '2000', '3000'], `segments of ${size}`);
    }
    const late = networkCapture(
      path.join(folder, 'late.pcap'),
      'tcp',
      segments(frame({ event: 5, codec: 3, payload: Buffer.alloc(100) }), 64),
    );
    assert.deepEqual(await dissect(late, ['ringwire.event_id'], '-Y', 'ringwire'), []);
    assert.deepEqual(
      await dissect(late, ['ringwire.event_id'], '-Y', 'ringwire.length', '-o', 'ringwire.tcp_ports:40001'),
      [['0x0005']],
    );
  },
);
