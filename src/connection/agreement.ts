/**
 * Whether two programs agree on what they can do, and mean the same by the structs of their events. The one that knows more fields judges (PROTOCOL.md section 1.3): the other's
 * layout has to be the beginning of its own.
 *
 * Invariant: a pair of layouts is refused by at least one side, or by neither of two sides that read each other's bytes alike.
 */
import type { Codec } from '../codecs/codec.ts';
import type { StructCodec } from '../codecs/struct/codec.ts';
import { FrameError, RingwireError } from '../errors.ts';
import { checkEventName, Feature } from '../frames/control.ts';
import { layoutEntries, type LayoutEntry } from '../frames/layouts.ts';
import { LAYOUTS_MAX } from '../limits.ts';

/** What a hello says of our structs. @throws RingwireError ERR_RINGWIRE_BAD_CONFIG, ERR_RINGWIRE_INVALID_EVENT */
export function ownLayouts({ events }: StructCodec): Buffer {
  if (events.size > LAYOUTS_MAX) {
    throw new RingwireError('ERR_RINGWIRE_BAD_CONFIG', `more than ${LAYOUTS_MAX} events have a struct`, {
      limit: LAYOUTS_MAX,
      actual: events.size,
    });
  }
  const entries: LayoutEntry[] = [];
  for (const [event, { struct }] of events) {
    checkEventName(event);
    const { hash, bytes, fields } = struct;
    entries.push({ event, hash, bytes, fieldCount: fields.length });
  }
  return layoutEntries(entries);
}

/** @throws FrameError ERR_RINGWIRE_ACK_UNSUPPORTED when this side acknowledges and the peer does not */
export function judgeFeatures(own = 0, theirs: number): void {
  if ((own & ~theirs & Feature.session) === 0) return;
  throw new FrameError(
    'ERR_RINGWIRE_ACK_UNSUPPORTED',
    'the peer does not acknowledge messages, and this side asks for it',
  );
}

/** What this side would send with and accept by itself. */
interface OwnChoice {
  readonly codec: Codec;
  readonly eventCodecs?: ReadonlyMap<string, Codec> | undefined;
  readonly frameBytesMax: number;
}

/**
 * Whether a message of `event` could not be encoded because of what the peer chose: the codec in use, which this side would not have taken, or a
 * limit below this side's own.
 */
export function isChosenByPeer(error: Error, event: string, inUse: Codec, own: OwnChoice): boolean {
  const { code, actual = Infinity } = error as Partial<RingwireError>;
  if (code === 'ERR_RINGWIRE_FRAME_TOO_LARGE') return actual <= own.frameBytesMax;
  if (code === 'ERR_RINGWIRE_BAD_CODEC') return true;
  const isName = code === 'ERR_RINGWIRE_EVENT_TOO_LONG' || code === 'ERR_RINGWIRE_INVALID_EVENT';
  return !isName && inUse !== own.codec && own.eventCodecs?.has(event) !== true;
}

/** @throws FrameError ERR_RINGWIRE_SCHEMA_MISMATCH, naming the event */
export function judgeLayouts({ events }: StructCodec, theirs: readonly LayoutEntry[]): void {
  for (const { event, hash, fieldCount } of theirs) {
    const own = events.get(event)?.struct;
    if (own === undefined || own.fields.length < fieldCount || own.hashOf(fieldCount) === hash) continue;
    throw new FrameError(
      'ERR_RINGWIRE_SCHEMA_MISMATCH',
      `the peer's struct of event ${JSON.stringify(event)} is laid out differently`,
      { event },
    );
  }
}
