/**
 * `ringwire/wire`: the pieces beneath the transports, for people who bring their own: parsers that find frames in bytes, and what is
 * needed to write them. PROTOCOL.md defines the bytes.
 */
export { Carry } from './bytes/carry.ts';
export { ReceiveRing } from './bytes/receive-ring.ts';
export {
  announceFrame,
  Control,
  controlKind,
  type Goodbye,
  goodbyeFrame,
  greeting,
  type Hello,
  pongFrame,
  readAnnounce,
  readGoodbye,
  readHello,
  readPingToken,
} from './frames/control.ts';
export { DelimitedParser, delimiterBytes } from './frames/delimited.ts';
export type { Frame, FrameParser } from './frames/frame.ts';
export { plainFrameBytes, writeHeader } from './frames/header.ts';
export { LengthPrefixedParser } from './frames/length-prefixed.ts';
export { RingwireError } from './errors.ts';
