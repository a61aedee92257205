/**
 * Fuzz target: any text as messages of node-ipc's wire, against what JSON.parse and the rules of the envelope say of each.
 *
 * Input: a byte for the size of the pieces, then messages, each ended by a form feed.
 * Invariant: the wire gives the same events with the same data, and stops with the same code, also when it has learned how the peer's messages begin.
 */
import assert from 'node:assert/strict';
import { ReceiveRing } from '../../../src/bytes/receive-ring.ts';
import { DelimitedWire } from '../../../src/connection/delimited-wire.ts';
import { Envelopes } from '../../../src/connection/envelope.ts';
import type { Sink } from '../../../src/connection/wire.ts';
import type { Slot } from '../../../src/emitter.ts';
import { FrameError } from '../../../src/errors.ts';
import { firstCut } from '../../frames/pieces.ts';

const LIMITS = { depthMax: 6, elementsMax: 24, keysMax: 8 };
const MESSAGE_MAX = 512;
const FORM_FEED = 0x0c;
const DELIMITER: Buffer = Buffer.from([FORM_FEED]);
/** Every state of the parser is met within the first few. */
const PIECES_MAX = 6;
const STRIDE = 3;
const ring: ReceiveRing = new ReceiveRing(64);

/** Nesting, elements and keys of a value, by going through it; keys that occur twice count once, so this is what a reader is sure of. */
interface Size {
  depth: number;
  elements: number;
  keys: number;
}

function measure(value: unknown, level: number, size: Size): void {
  if (typeof value !== 'object' || value === null) return;
  size.depth = Math.max(size.depth, level + 1);
  const isArray = Array.isArray(value);
  for (const inner of Object.values(value)) {
    size.elements += isArray ? 1 : 2;
    if (!isArray) size.keys++;
    measure(inner, level + 1, size);
  }
}

/** What one message has to give: its event and data, or a code. */
function judge(text: string): { line: string } | { codes: readonly string[] } {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    // Text that is no JSON is not measured here: whichever bound it seems to break first may be named.
    return { codes: ['INVALID_JSON', 'TOO_DEEP', 'TOO_MANY_ELEMENTS'] };
  }
  const size: Size = { depth: 0, elements: 0, keys: 0 };
  measure(message, 0, size);
  if (size.depth > LIMITS.depthMax || size.elements > LIMITS.elementsMax || size.keys > LIMITS.keysMax)
    return { codes: ['TOO_DEEP', 'TOO_MANY_ELEMENTS'] };
  const { type, data } = (message ?? {}) as { type?: unknown; data?: unknown };
  if (typeof message !== 'object' || typeof type !== 'string')
    return { codes: ['INVALID_ENVELOPE', 'TOO_MANY_ELEMENTS'] };
  return { line: lineOf(type, data) };
}

function lineOf(type: string, data: unknown): string {
  return `${JSON.stringify(type)} ${JSON.stringify(data)}`;
}

function run(pieces: readonly Buffer[]): { lines: string[]; code: string } {
  const lines: string[] = [];
  const sink = { value: (slot: Slot, data: unknown) => void lines.push(lineOf(slot.name, data)) };
  const envelopes = new Envelopes(DELIMITER);
  const wire = new DelimitedWire(
    ring,
    { envelopes, frameBytesMax: MESSAGE_MAX, limits: LIMITS },
    sink as unknown as Sink,
  );
  try {
    for (const piece of pieces) {
      wire.parser.feed(Buffer.from(piece));
      while (wire.parser.deliver(wire, STRIDE) === STRIDE);
    }
  } catch (error) {
    assert.ok(error instanceof FrameError, String(error));
    return { lines, code: error.code.replace('ERR_RINGWIRE_', '') };
  }
  return { lines, code: '' };
}

export function fuzz(input: Buffer): void {
  if (input.length < 1) return;
  const size = input[0] as number;
  const bytes = input.subarray(1);
  const { lines, code } = run(firstCut(bytes, size, PIECES_MAX));
  let at = 0;
  for (let index = 0; ; index++) {
    const end = bytes.indexOf(FORM_FEED, at);
    if ((end < 0 ? bytes.length : end) - at > MESSAGE_MAX) {
      assert.equal(code, 'FRAME_TOO_LARGE');
      return;
    }
    if (end < 0) {
      assert.equal(`${index} ${code}`, `${lines.length} `, 'messages, and the code');
      return;
    }
    const expected = judge(bytes.toString('utf8', at, end));
    // Keys that stand twice in the text count twice there: a bound may be broken that the value keeps.
    if ('line' in expected && lines.length > index) assert.equal(lines[index], expected.line);
    else {
      assert.equal(lines.length, index);
      const codes = 'line' in expected ? ['TOO_MANY_ELEMENTS', 'TOO_DEEP'] : expected.codes;
      assert.ok(codes.includes(code), `${code}, and not ${codes.join(' or ')}`);
      return;
    }
    at = end + 1;
  }
}
