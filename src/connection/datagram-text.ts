/**
 * node-ipc's wire in datagrams: each holds one or more whole messages with their delimiters. Nothing is carried from one datagram to the
 * next: what stands behind the last delimiter is refused.
 *
 * Invariant: a fault ends the datagram; what stood before it has been delivered.
 */
import { parseJson } from '../codecs/json.ts';
import { checkJson } from '../codecs/json-check.ts';
import type { Slot } from '../emitter.ts';
import { type ErrorCode, RingwireError } from '../errors.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import type { DatagramNames } from './datagram-names.ts';

/** @returns why the rest was refused; undefined when nothing was */
export function readTextDatagram(
  bytes: Buffer,
  delimiter: Buffer,
  names: DatagramNames,
  deliver: (slot: Slot, data: unknown) => void,
): ErrorCode | undefined {
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(delimiter, at);
    if (end < 0) return 'ERR_RINGWIRE_TRUNCATED';
    const text = bytes.toString('utf8', at, end);
    at = end + delimiter.length;
    let message: unknown;
    try {
      checkJson(text, DEFAULT_LIMITS);
      message = parseJson(text);
    } catch (error) {
      return error instanceof RingwireError ? error.code : 'ERR_RINGWIRE_INVALID_JSON';
    }
    const { type, data } = (message ?? {}) as { type?: unknown; data?: unknown };
    if (typeof message !== 'object' || typeof type !== 'string') return 'ERR_RINGWIRE_INVALID_ENVELOPE';
    deliver(names.slot(type), data);
  }
  return undefined;
}
