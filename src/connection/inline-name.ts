/**
 * Event names that travel in front of the payload, PROTOCOL.md section 1.2: those that the table of announced names has no room for.
 *
 * Invariant: a bad name in one message costs that message: where the next one starts is certain.
 */
import { MessageError } from '../errors.ts';
import { readEventName } from '../frames/control.ts';
import type { Frame } from '../frames/frame.ts';

/** A name as it stands at the front of a payload: length, text, zeros. */
export function inlineName(event: string): Buffer {
  const text = Buffer.from(event);
  const bytes = Buffer.alloc((2 + text.length + 7) & ~7);
  bytes.writeUInt16LE(text.length, 0);
  text.copy(bytes, 2);
  return bytes;
}

/** Moves the frame's start behind the name. @throws MessageError ERR_RINGWIRE_INVALID_EVENT */
export function takeInlineName(frame: Frame, bytesMax: number): string {
  const nameAt = frame.start + 2;
  const nameBytes = frame.end - frame.start < 2 ? -1 : frame.bytes.readUInt16LE(frame.start);
  const dataAt = frame.start + ((2 + nameBytes + 7) & ~7);
  if (nameBytes < 0 || dataAt > frame.end) {
    throw new MessageError('ERR_RINGWIRE_INVALID_EVENT', 'an inline event name is longer than its frame');
  }
  frame.start = dataAt;
  try {
    return readEventName(frame.bytes, nameAt, nameAt + nameBytes, bytesMax);
  } catch (cause) {
    throw new MessageError('ERR_RINGWIRE_INVALID_EVENT', 'an inline event name that is no name', { cause });
  }
}
