/**
 * Datagrams as PROTOCOL.md section 4 has them: the worked examples byte for byte, every cut, every fault by its name.
 *
 * No I/O. Invariant: a fault is a code; nothing throws, whatever the bytes.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import { RawCodec } from '../../src/codecs/raw.ts';
import { DatagramAssembly } from '../../src/connection/datagram-assembly.ts';
import { DatagramNames } from '../../src/connection/datagram-names.ts';
import { DatagramPacker, type TakeDatagram } from '../../src/connection/datagram-packer.ts';
import { Control } from '../../src/frames/control.ts';
import {
  DatagramFlag,
  datagramHeaderBytes,
  DatagramReader,
  TOKEN_FRAME_BYTES,
  writeDatagramHeader,
  writeTokenFrame,
} from '../../src/frames/datagram.ts';
import { seeded } from '../support/seeded.ts';

const PLAIN = 'f5440100 07000000 02000000 05000300 0102000000000000';
const TIMED = 'f5440101 07000000 44332211 40420f00 0a000000 ffff0300 010073 0000000000 0102000000000000';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

interface Packing {
  readonly flags?: number;
  readonly agreed?: Record<string, number>;
  readonly bytesMax?: number;
  readonly fragmentedBytesMax?: number;
}

/** What a packer makes of messages, with headers. */
function pack(messages: readonly [event: string, data: Buffer][], packing: Packing = {}): Buffer[] {
  const { flags = 0, agreed = {}, bytesMax = 1200, fragmentedBytesMax = 0 } = packing;
  const found: Buffer[] = [];
  const names = new DatagramNames(agreed);
  const options = { bytesMax, flags, fragmentedBytesMax };
  const pool = new SlabPool(4, bytesMax & ~7);
  const finish: TakeDatagram = (segment, own = 0) => {
    const { slab, bytes } = segment;
    if (slab === undefined) throw new Error('a datagram without memory');
    const stamp = { sequence: 7, session: 0x11223344, sentUs: 1_000_000 };
    writeDatagramHeader(slab.bytes, slab.view, 0, bytes.length, own, stamp);
    found.push(Buffer.from(bytes));
    packer.written(segment);
  };
  const packer: DatagramPacker = new DatagramPacker(names, options, pool, finish);
  const codec = new RawCodec();
  for (const [event, data] of messages) packer.append(event, data, codec, Infinity);
  packer.close();
  assert.equal(pool.inUseCount, 0, 'all memory is given back');
  return found;
}

interface Read {
  readonly fault: string | undefined;
  readonly payloads: string[];
}

function read(bytes: Buffer): Read {
  const reader = new DatagramReader();
  const payloads: string[] = [];
  if (reader.open(bytes)) {
    for (let frame = reader.next(); frame !== undefined; frame = reader.next())
      payloads.push(`${frame.event} ${frame.bytes.toString('hex', frame.start, frame.end)}`);
  }
  return { fault: reader.fault, payloads };
}

void describe('datagrams', () => {
  void test('the worked examples are written and read', () => {
    const data = Buffer.from([1, 2]);
    assert.equal(pack([['e', data]], { agreed: { e: 5 } })[0]?.toString('hex'), hex(PLAIN).toString('hex'));
    const timed = pack([['s', data]], { flags: DatagramFlag.timing });
    assert.equal(timed[0]?.toString('hex'), hex(TIMED).toString('hex'));
    assert.deepEqual(read(hex(PLAIN)), { fault: undefined, payloads: ['5 0102'] });
    assert.deepEqual(read(hex(TIMED)).payloads, ['65535 01007300000000000102']);
    const reader = new DatagramReader();
    assert.ok(reader.open(hex(TIMED)));
    assert.deepEqual([reader.sequence, reader.session, reader.sentUs], [7, 0x11223344, 1_000_000]);
  });

  void test('every cut of three frames gives the whole frames before it, and TRUNCATED (T86)', () => {
    const messages = [1, 2, 3].map((n): [string, Buffer] => ['e', Buffer.alloc(n * 5, n)]);
    const [whole] = pack(messages, { agreed: { e: 5 } }) as [Buffer];
    const all = read(whole).payloads;
    assert.equal(all.length, 3);
    const ends = [8, 24, 48, 72];
    for (let end = 0; end < whole.length; end++) {
      const { fault, payloads } = read(whole.subarray(0, end));
      const complete = ends.filter((each) => each <= end).length - 1;
      assert.deepEqual(payloads, all.slice(0, Math.max(0, complete)), `cut at ${end}`);
      assert.equal(fault, ends.includes(end) ? undefined : 'ERR_RINGWIRE_TRUNCATED', `cut at ${end}`);
    }
  });

  void test('frames share datagrams up to the size, and no datagram is longer', () => {
    for (const bytesMax of [1200, 1203, 65_507]) {
      const messages = Array.from({ length: 2_000 }, (_, n): [string, Buffer] => ['e', Buffer.alloc(64, n)]);
      const datagrams = pack(messages, { agreed: { e: 5 }, bytesMax });
      const frames = Math.floor(((bytesMax & ~7) - 8) / 72);
      assert.equal(datagrams.length, Math.ceil(2_000 / frames));
      for (const datagram of datagrams) assert.ok(datagram.length <= bytesMax);
      const values = datagrams.flatMap((datagram) => read(datagram).payloads);
      assert.deepEqual(
        values,
        messages.map(([, data]) => `5 ${data.toString('hex')}`),
      );
    }
  });

  void test('a message that no datagram holds is refused by name, and leaves nothing behind', () => {
    assert.throws(() => pack([['e', Buffer.alloc(1200)]]), {
      code: 'ERR_RINGWIRE_UDP_TOO_LARGE',
      limit: 1200,
    });
    assert.throws(() => pack([['e', Buffer.alloc(5000)]], { fragmentedBytesMax: 4096 }), {
      code: 'ERR_RINGWIRE_UDP_TOO_LARGE',
      limit: 4096,
    });
    // 8 header, 8 frame header, 8 name: what is left fits exactly.
    assert.equal(pack([['e', Buffer.alloc(1176)]])[0]?.length, 1200);
    assert.throws(() => pack([['e', Buffer.alloc(1177)]]), { code: 'ERR_RINGWIRE_UDP_TOO_LARGE' });
  });

  void test('the checksum covers every bit', () => {
    const [bytes] = pack([['e', Buffer.alloc(20, 9)]], {
      flags: DatagramFlag.checksum | DatagramFlag.timing,
    });
    const whole = bytes as Buffer;
    assert.equal(read(Buffer.from(whole)).fault, undefined);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >>> 3] = (flipped[bit >>> 3] as number) ^ (1 << (bit & 7));
      assert.notEqual(read(flipped).fault, undefined, `bit ${bit}`);
    }
  });

  void test('faults have their names', () => {
    const cases: [string, string][] = [
      ['', 'TRUNCATED'],
      ['f54401', 'TRUNCATED'],
      ['f5530100 00000000', 'BAD_MAGIC'],
      ['f4440100 00000000', 'BAD_MAGIC'],
      ['f5440200 00000000', 'BAD_VERSION'],
      ['f5440108 00000000', 'BAD_FLAGS'],
      ['f5440101 00000000', 'TRUNCATED'],
      ['f5440104 00000000 01000000 10000000 0000 0100 00000000', 'BAD_CONTROL'],
      ['f5440104 00000000 01000000 10000000 0200 0200 00000000', 'BAD_CONTROL'],
      ['f5440104 00000000 01000000 10000000 0000 0200 01000000', 'BAD_FLAGS'],
      ['f5440100 00000000 00000000 05000304', 'BAD_FLAGS'],
      ['f5440100 00000000 00000000 05000500', 'BAD_CODEC'],
      ['f5440100 00000000 00000000 00000300', 'BAD_CODEC'],
      ['f5440100 00000000 00000000 00800300', 'INVALID_EVENT'],
      ['f5440100 00000000 00000000 00840300', 'INVALID_EVENT'],
      ['f5440100 00000000 ffffffff 05000300', 'FRAME_TOO_LARGE'],
      ['f5440100 00000000 08000000 00000000 01010e0000000000', 'BAD_CONTROL'],
      ['f5440100 00000000 08000000 00000000 0301000000000000', 'BAD_CONTROL'],
    ];
    for (const [bytes, fault] of cases) assert.equal(read(hex(bytes)).fault, `ERR_RINGWIRE_${fault}`, bytes);
  });

  void test('a fault ends the datagram, behind what was good', () => {
    const good = hex(PLAIN);
    const bad = hex('00000000 05000700');
    assert.deepEqual(read(Buffer.concat([good, bad, good.subarray(8)])), {
      fault: 'ERR_RINGWIRE_BAD_CODEC',
      payloads: ['5 0102'],
    });
  });

  void test('pings and pongs', () => {
    const bytes = Buffer.alloc(8 + TOKEN_FRAME_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    writeTokenFrame(view, 8, Control.ping, 0xfedcba98);
    writeDatagramHeader(bytes, view, 0, bytes.length, 0, { sequence: 0, session: 0, sentUs: 0 });
    assert.deepEqual(read(bytes), { fault: undefined, payloads: ['0 0300000098badcfe'] });
  });

  void test('random bytes never throw', () => {
    const random = seeded(4);
    for (let round = 0; round < 20_000; round++) {
      const bytes = random.bytes(random.below(80));
      if (round % 2 === 0) hex('f54401').copy(bytes);
      if (round % 4 === 0 && bytes.length > 3) bytes[3] = random.below(8);
      read(bytes);
    }
  });
});

function parts(bytes: number, bytesMax = 1200): { datagrams: Buffer[]; data: Buffer } {
  const data = seeded(bytes).bytes(bytes);
  return {
    data,
    datagrams: pack([['e', data]], { agreed: { e: 5 }, bytesMax, fragmentedBytesMax: 1 << 20 }),
  };
}

function makeAssembly(): DatagramAssembly {
  return new DatagramAssembly({ frameBytesMax: 1 << 20, bytesMax: 8_192, deadlineMs: 60_000 });
}

function feed(assembly: DatagramAssembly, datagram: Buffer, source = 'a'): Buffer | string | undefined {
  const reader = new DatagramReader();
  assert.ok(reader.open(datagram));
  assert.equal(reader.start, datagramHeaderBytes(DatagramFlag.fragment));
  return assembly.add(source, reader.fragment, datagram.subarray(reader.start));
}

/** As `feed`, also for a part whose header the reader refuses already. */
function addTo(assembly: DatagramAssembly, datagram: Buffer): Buffer | string | undefined {
  const reader = new DatagramReader();
  return reader.open(datagram)
    ? assembly.add('a', reader.fragment, datagram.subarray(reader.start))
    : reader.fault;
}

void describe('fragments', () => {
  void test('parts in any order, some of them twice, make the frame', () => {
    const random = seeded(1);
    for (const size of [1_200, 2_345, 6_000]) {
      const { datagrams, data } = parts(size);
      const assembly = makeAssembly();
      const order = datagrams.concat(datagrams.slice(0, -1)).toSorted(() => random.below(3) - 1);
      const frames = order
        .map((datagram) => feed(assembly, datagram))
        .filter((each): each is Buffer => each instanceof Buffer);
      assert.equal(frames.length >= 1, true);
      assert.deepEqual(frames[0]?.subarray(8, 8 + size), data);
    }
  });

  void test('a part that contradicts itself is refused alone, one that contradicts the others with them', () => {
    const { datagrams, data } = parts(4_000);
    const [first, second, ...rest] = datagrams as [Buffer, Buffer, ...Buffer[]];
    const assembly = makeAssembly();
    const selfContradicting = [
      first.subarray(0, -4),
      second.subarray(0, -4),
      (rest.at(-1) as Buffer).subarray(0, -4),
    ];
    for (const [at, value] of [
      [4, 9],
      [10, 7],
    ] as const) {
      const other = Buffer.from(second);
      other[8 + at] = value;
      selfContradicting.push(other);
    }
    assert.equal(feed(assembly, first), undefined);
    const { spentBytes } = assembly;
    for (const part of selfContradicting) assert.equal(addTo(assembly, part), 'ERR_RINGWIRE_BAD_CONTROL');
    assert.equal(assembly.spentBytes, spentBytes);
    const frames = [second, ...rest].map((datagram) => feed(assembly, datagram));
    assert.deepEqual((frames.at(-1) as Buffer).subarray(8, 8 + data.length), data);

    assert.equal(feed(assembly, first), undefined);
    const ofAnother = Buffer.from(parts(2_345).datagrams[1] as Buffer);
    first.copy(ofAnother, 8, 8, 12);
    assert.equal(feed(assembly, ofAnother), 'ERR_RINGWIRE_BAD_CONTROL');
    assert.equal(assembly.spentBytes, 0);
  });

  void test('what is unfinished is bounded, the oldest goes first', () => {
    const assembly = makeAssembly();
    const { datagrams, data } = parts(4_000);
    for (let source = 0; source < 100; source++) {
      feed(assembly, datagrams[0] as Buffer, `source ${source}`);
      assert.ok(assembly.spentBytes <= 8_192);
    }
    assert.ok(assembly.abandoned > 90);
    const frame = datagrams.slice(1).map((datagram) => feed(assembly, datagram, 'source 99'));
    assert.deepEqual((frame.at(-1) as Buffer).subarray(8, 8 + data.length), data);
  });

  void test('a large promise costs nothing', () => {
    const assembly = makeAssembly();
    const fragment = { number: 1, bytes: 1 << 20, index: 0, count: 43_691 };
    assert.equal(assembly.add('a', fragment, Buffer.alloc(24)), undefined);
    assert.ok(assembly.spentBytes < 1_000);
    const tooLarge = { ...fragment, number: 2, bytes: (1 << 20) + 8 };
    assert.equal(assembly.add('a', tooLarge, Buffer.alloc(24)), 'ERR_RINGWIRE_FRAME_TOO_LARGE');
  });
});

test('a datagram without timing has session 0, whatever came before it', () => {
  const reader = new DatagramReader();
  assert.ok(reader.open(hex(TIMED)));
  assert.equal(reader.session, 0x11223344);
  assert.ok(reader.open(hex(PLAIN)));
  assert.deepEqual([reader.session, reader.sentUs], [0, 0]);
});
