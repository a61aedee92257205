/**
 * Judges a whole stream of the ringwire wire by PROTOCOL.md, frame by frame, with no thought of speed: what a parser has to find in it, with
 * which code it has to stop, and how many bytes it has taken by then.
 *
 * It shares no code with src, on purpose.
 */

export interface Verdict {
  /** The frames in one line each: event, codec, flags, correlation, kind, payload. */
  readonly frames: readonly string[];
  /** A code without its prefix, or '' when the stream is good so far. */
  readonly code: string;
  /** Bytes of whole, good units. */
  readonly offset: number;
}

const AT_START: readonly (readonly [at: number, value: number, code: string])[] = [
  [0, 0xf5, 'BAD_MAGIC'],
  [1, 0x53, 'BAD_MAGIC'],
  [2, 1, 'BAD_VERSION'],
  [3, 0, 'BAD_FLAGS'],
];

function preambleFault(stream: Buffer): string {
  for (const [at, value, code] of AT_START) {
    if (at >= stream.length) return '';
    if (stream[at] !== value) return code;
  }
  if (stream.length < 8) return '';
  const limit = stream.readUInt32LE(4);
  return limit >= 1024 && limit <= 2 ** 31 - 1 ? '' : 'BAD_CONTROL';
}

function headerFault(stream: Buffer, at: number, payloadMax: number): string {
  const event = stream.readUInt16LE(at + 4);
  const codec = stream.readUInt8(at + 6);
  const flags = stream.readUInt8(at + 7);
  if (flags > 3) return 'BAD_FLAGS';
  if (stream.readUInt32LE(at) > payloadMax) return 'FRAME_TOO_LARGE';
  if (codec > 4 || (event === 0) !== (codec === 0)) return 'BAD_CODEC';
  if (event === 0 && flags !== 0) return 'BAD_FLAGS';
  return event >= 0x8400 && event !== 0xffff ? 'INVALID_EVENT' : '';
}

export function judgeStream(stream: Buffer, payloadMax: number): Verdict {
  const frames: string[] = [];
  const atStart = preambleFault(stream);
  if (atStart !== '' || stream.length < 8) return { frames, code: atStart, offset: 0 };
  let at = 8;
  while (at + 8 <= stream.length) {
    const code = headerFault(stream, at, payloadMax);
    if (code !== '') return { frames, code, offset: at };
    const length = stream.readUInt32LE(at);
    const flags = stream.readUInt8(at + 7);
    const extension = flags & 1 ? 8 : 0;
    const start = at + 8 + extension + (flags & 2 ? 32 : 0);
    const end = start + Math.ceil(length / 8) * 8;
    if (end > stream.length) break;
    const correlation = extension > 0 ? stream.readUInt32LE(at + 8) : 0;
    const kind = extension > 0 ? stream.readUInt32LE(at + 12) : 0;
    const traceRest = flags & 2 ? stream.subarray(start - 7, start) : Buffer.alloc(0);
    if (kind > 7 || traceRest.some((byte) => byte !== 0)) return { frames, code: 'BAD_FLAGS', offset: at };
    const payload = stream.toString('latin1', start, start + length);
    frames.push(
      `${stream.readUInt16LE(at + 4)} ${stream[at + 6]} ${flags} ${correlation} ${kind} ${payload}`,
    );
    at = end;
  }
  return { frames, code: '', offset: at };
}
