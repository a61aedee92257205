/**
 * What the parser of the ringwire wire makes of a stream, in the words of the oracle.
 *
 * Invariant: only a FrameError becomes a code; anything else that is thrown goes on.
 */
import type { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { FrameError } from '../../src/errors.ts';
import type { Frame } from '../../src/frames/frame.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { deliver, type Way } from '../frames/pieces.ts';
import type { Verdict } from './oracle.ts';

function shown({ event, codec, flags, correlation, kind, bytes, start, end }: Frame): string {
  return `${event} ${codec} ${flags} ${correlation} ${kind} ${bytes.toString('latin1', start, end)}`;
}

function unitBytes({ flags, start, end }: Frame): number {
  return 8 + (flags & 1 ? 8 : 0) + (flags & 2 ? 32 : 0) + Math.ceil((end - start) / 8) * 8;
}

/** @param ways how each piece is given to the parser */
export function parseStream(
  ring: ReceiveRing,
  pieces: readonly Buffer[],
  limit: number,
  ways: () => Way,
): Verdict {
  const parser = new LengthPrefixedParser(ring, limit);
  const frames: string[] = [];
  let total = 0;
  let offset = 0;
  try {
    for (const piece of pieces) {
      total += piece.length;
      deliver(parser, ring, piece, ways(), (each) => {
        frames.push(shown(each));
        offset += unitBytes(each);
      });
    }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    const greeted = frames.length > 0 || total >= 8;
    return { frames, code: error.code.replace('ERR_RINGWIRE_', ''), offset: greeted ? 8 + offset : 0 };
  }
  return { frames, code: '', offset: total - parser.unfinishedBytes };
}
