/**
 * Headers, extensions and trace contexts beside PROTOCOL.md sections 1.2 and 1.4, byte for byte and bound by bound.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blankFrame, type Frame } from '../../src/frames/frame.ts';
import {
  EXTENSION_FLAG,
  extraBytes,
  readExtras,
  TRACE_FLAG,
  traceOf,
  unitBytes,
  writeExtension,
  writeHeader,
  writeTrace,
} from '../../src/frames/header.ts';

const AT = 8;
const CONTEXT = Buffer.from(Array.from({ length: 25 }, (_, index) => 0x80 + index));

/** Memory that is never zero by chance, and what lies at AT. */
function memory(): { bytes: Buffer; view: DataView } {
  const bytes = Buffer.alloc(80, 0xee);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
}

function extrasOf(bytes: Buffer, view: DataView, flags: number): Frame {
  const frame = { ...blankFrame(bytes), flags, start: AT };
  readExtras(view, frame);
  return frame;
}

/** What is said to a header, as its size or its code. */
function judged(payloadBytes: number, event: number, codec: number, flags = 0): number | string {
  const { view } = memory();
  writeHeader(view, AT, payloadBytes, event, codec, flags);
  try {
    return unitBytes(view, AT, 1_000);
  } catch (error) {
    return (error as { code: string }).code.replace('ERR_RINGWIRE_', '');
  }
}

test('an extension: two little-endian words, eight kinds, and the payload starts behind it', () => {
  for (const kind of [0, 1, 7]) {
    const { bytes, view } = memory();
    writeExtension(view, AT, 0x01020304, kind);
    assert.equal(bytes.toString('hex', 7, 17), `ee040302010${kind}000000ee`);
    const { correlation, kind: read, start, traceStart } = extrasOf(bytes, view, EXTENSION_FLAG);
    assert.deepEqual([correlation, read, start, traceStart], [0x01020304, kind, AT + 8, 0]);
  }
  for (const kind of [8, 0x100, 0x1000000]) {
    const { bytes, view } = memory();
    writeExtension(view, AT, 1, kind);
    assert.throws(() => extrasOf(bytes, view, EXTENSION_FLAG), { code: 'ERR_RINGWIRE_BAD_FLAGS' });
  }
});

test('a trace context: 25 bytes and 7 zeros, behind an extension when there is one', () => {
  for (const flags of [TRACE_FLAG, TRACE_FLAG | EXTENSION_FLAG]) {
    const at = AT + (flags & EXTENSION_FLAG ? 8 : 0);
    const { bytes, view } = memory();
    writeExtension(view, AT, 9, 2);
    writeTrace(bytes, at, Buffer.concat([CONTEXT, CONTEXT]));
    assert.equal(
      bytes.toString('hex', at, at + 33),
      `${CONTEXT.toString('hex')}${'00'.repeat(7)}ee`,
      'and not a byte more',
    );
    const frame = extrasOf(bytes, view, flags);
    assert.deepEqual([frame.traceStart, frame.start], [at, at + 32]);
    assert.equal(frame.correlation, flags & EXTENSION_FLAG ? 9 : 0);
    assert.deepEqual(traceOf(frame), CONTEXT);
    for (let index = 25; index < 32; index++) {
      bytes[at + index] = 1;
      assert.throws(() => extrasOf(bytes, view, flags), { code: 'ERR_RINGWIRE_BAD_FLAGS' }, `byte ${index}`);
      bytes[at + index] = 0;
    }
  }
  const { bytes, view } = memory();
  const bare = extrasOf(bytes, view, 0);
  assert.deepEqual([bare.start, traceOf(bare)], [AT, undefined]);
});

test('what a header may say, and how large its frame is', () => {
  assert.deepEqual([0, 1, 2, 3].map(extraBytes), [0, 8, 32, 40]);
  assert.deepEqual(
    [0, 1, 8, 9, 1_000, 1_001].map((bytes) => judged(bytes, 1, 1)),
    [8, 16, 16, 24, 1_008, 'FRAME_TOO_LARGE'],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4, 128].map((flags) => judged(9, 1, 1, flags)),
    [24, 32, 56, 64, 'BAD_FLAGS', 'BAD_FLAGS'],
  );
  assert.deepEqual(
    [0, 1, 4, 5, 255].map((codec) => judged(0, 1, codec)),
    ['BAD_CODEC', 8, 8, 'BAD_CODEC', 'BAD_CODEC'],
  );
  assert.deepEqual([judged(0, 0, 0), judged(0, 0, 1)], [8, 'BAD_CODEC'], 'control frames have no codec');
  assert.deepEqual([judged(0, 0, 0, 1), judged(0, 0, 0, 2)], ['BAD_FLAGS', 'BAD_FLAGS']);
  assert.deepEqual(
    [0x83ff, 0x8400, 0xfffe, 0xffff].map((event) => judged(0, event, 1)),
    [8, 'INVALID_EVENT', 'INVALID_EVENT', 8],
  );
  const { view } = memory();
  writeHeader(view, AT, 1_001, 1, 1);
  assert.throws(() => unitBytes(view, AT, 1_000), { limit: 1_000, actual: 1_001 });
});
