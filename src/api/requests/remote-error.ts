/**
 * Errors that cross the wire: code and message, the stack only when allowed. What a peer says of itself never passes for an error of this
 * side: its own code stands in `remoteCode`.
 *
 * Invariant: whatever arrives as an error becomes one RequestError.
 */
import { type ErrorCode, RingwireError } from '../../errors.ts';

/** The payload of an error frame. */
export interface ErrorRecord {
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly data?: unknown;
}

/** The other side could not answer a request. */
export class RequestError extends RingwireError {
  /** The `code` of the error that the handler threw, when it had one. */
  readonly remoteCode: string | undefined;
  /** Where it was thrown, when the other side tells. */
  readonly remoteStack: string | undefined;
  /** The `data` of the error that the handler threw. */
  readonly data: unknown;

  constructor(code: ErrorCode, message: string, record: Partial<ErrorRecord> = {}) {
    super(code, message);
    this.remoteCode = record.code;
    this.remoteStack = record.stack;
    this.data = record.data;
  }
}

/** Answers that ringwire gives itself keep their code. */
const OWN_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_RINGWIRE_BACKPRESSURE',
  'ERR_RINGWIRE_INVALID_DATA',
  'ERR_RINGWIRE_NO_HANDLER',
]);

const TEXT_LENGTH_MAX = 4_096;

/** @param withStack tell the other side where it was thrown */
export function recordOf(error: unknown, withStack: boolean): ErrorRecord {
  if (typeof error !== 'object' || error === null) return { message: cut(String(error)) };
  const { code, message, stack, data } = error as Record<string, unknown>;
  return {
    message: typeof message === 'string' ? cut(message) : 'the handler failed',
    ...(typeof code === 'string' || typeof code === 'number' ? { code: cut(String(code)) } : {}),
    ...(withStack && typeof stack === 'string' ? { stack: cut(stack) } : {}),
    ...(data === undefined ? {} : { data }),
  };
}

/** @param record what arrived, of any shape */
export function errorOf(record: unknown, request: string): RequestError {
  const { code, message, stack, data } = (
    typeof record === 'object' && record !== null ? record : {}
  ) as Record<string, unknown>;
  const remoteCode = typeof code === 'string' ? code : undefined;
  const own = remoteCode !== undefined && OWN_CODES.has(remoteCode);
  return new RequestError(
    own ? (remoteCode as ErrorCode) : 'ERR_RINGWIRE_REQUEST_FAILED',
    typeof message === 'string' ? message : `${request} failed at the other side`,
    {
      ...(remoteCode === undefined ? {} : { code: remoteCode }),
      ...(typeof stack === 'string' ? { stack } : {}),
      data,
    },
  );
}

function cut(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}...`;
}
