/**
 * What can go wrong, by name. Every refusal of ringwire is a RingwireError with a stable `code`; nothing a peer sends
 * may surface as anything else. Errors of the operating system (ECONNREFUSED, EADDRINUSE ...) pass through unchanged.
 * Messages never contain payload bytes: they end in logs.
 */

/** Every code that a RingwireError can carry. Codes are stable: they are renamed only with a major version. */
export type ErrorCode =
  | 'ERR_RINGWIRE_ACK_OVERFLOW'
  | 'ERR_RINGWIRE_ACK_UNSUPPORTED'
  | 'ERR_RINGWIRE_BACKPRESSURE'
  | 'ERR_RINGWIRE_BAD_ADDRESS'
  | 'ERR_RINGWIRE_BAD_CHECKSUM'
  | 'ERR_RINGWIRE_BAD_CODEC'
  | 'ERR_RINGWIRE_BAD_CONFIG'
  | 'ERR_RINGWIRE_BAD_CONTROL'
  | 'ERR_RINGWIRE_BAD_DELIMITER'
  | 'ERR_RINGWIRE_BAD_FLAGS'
  | 'ERR_RINGWIRE_BAD_MAGIC'
  | 'ERR_RINGWIRE_BAD_SCHEMA'
  | 'ERR_RINGWIRE_BAD_VERSION'
  | 'ERR_RINGWIRE_BENCH_FILE'
  | 'ERR_RINGWIRE_BENCH_RUN'
  | 'ERR_RINGWIRE_CONNECT_TIMEOUT'
  | 'ERR_RINGWIRE_DAEMON_VERSION'
  | 'ERR_RINGWIRE_DRAIN_TIMEOUT'
  | 'ERR_RINGWIRE_EVENT_NOT_ALLOWED'
  | 'ERR_RINGWIRE_EVENT_TOO_LONG'
  | 'ERR_RINGWIRE_EXT_NOT_ALLOWED'
  | 'ERR_RINGWIRE_FLOOD'
  | 'ERR_RINGWIRE_FRAME_TIMEOUT'
  | 'ERR_RINGWIRE_FRAME_TOO_LARGE'
  | 'ERR_RINGWIRE_HANDSHAKE_TIMEOUT'
  | 'ERR_RINGWIRE_INVALID_DATA'
  | 'ERR_RINGWIRE_INVALID_ENVELOPE'
  | 'ERR_RINGWIRE_INVALID_EVENT'
  | 'ERR_RINGWIRE_INVALID_JSON'
  | 'ERR_RINGWIRE_INVALID_MSGPACK'
  | 'ERR_RINGWIRE_INVALID_STRUCT'
  | 'ERR_RINGWIRE_LISTEN_TIMEOUT'
  | 'ERR_RINGWIRE_MEMORY_LIMIT'
  | 'ERR_RINGWIRE_MESSAGE_TIMEOUT'
  | 'ERR_RINGWIRE_NOT_CONNECTED'
  | 'ERR_RINGWIRE_NO_HANDLER'
  | 'ERR_RINGWIRE_NO_STRUCT'
  | 'ERR_RINGWIRE_PATH_IN_USE'
  | 'ERR_RINGWIRE_PATH_NOT_OWNED'
  | 'ERR_RINGWIRE_PATH_NOT_SOCKET'
  | 'ERR_RINGWIRE_PATH_TOO_LONG'
  | 'ERR_RINGWIRE_PEER_DEAD'
  | 'ERR_RINGWIRE_PEER_GOODBYE'
  | 'ERR_RINGWIRE_QUEUE_OVERFLOW'
  | 'ERR_RINGWIRE_REQUEST_CANCELLED'
  | 'ERR_RINGWIRE_REQUEST_FAILED'
  | 'ERR_RINGWIRE_REQUEST_LOST'
  | 'ERR_RINGWIRE_REQUEST_TIMEOUT'
  | 'ERR_RINGWIRE_RESERVED_EVENT'
  | 'ERR_RINGWIRE_SCHEMA_MISMATCH'
  | 'ERR_RINGWIRE_SEND_FAILED'
  | 'ERR_RINGWIRE_SESSION_LOST'
  | 'ERR_RINGWIRE_SESSION_TAKEN'
  | 'ERR_RINGWIRE_SLOW_CONSUMER_BYTES'
  | 'ERR_RINGWIRE_SLOW_CONSUMER_TIME'
  | 'ERR_RINGWIRE_SOCKET_ROOT'
  | 'ERR_RINGWIRE_SYNC_LOST'
  | 'ERR_RINGWIRE_SYNC_TIMEOUT'
  | 'ERR_RINGWIRE_TLS_CONFIG'
  | 'ERR_RINGWIRE_TLS_UNVERIFIED'
  | 'ERR_RINGWIRE_TOO_DEEP'
  | 'ERR_RINGWIRE_TOO_MANY_CONNECTIONS'
  | 'ERR_RINGWIRE_TOO_MANY_ELEMENTS'
  | 'ERR_RINGWIRE_TRUNCATED'
  | 'ERR_RINGWIRE_UDP_AMPLIFICATION'
  | 'ERR_RINGWIRE_UDP_BAD_SOURCE'
  | 'ERR_RINGWIRE_UDP_TOO_LARGE'
  | 'ERR_RINGWIRE_UDP_UNSUPPORTED'
  | 'ERR_RINGWIRE_UNACKNOWLEDGED';

/** What a RingwireError may say beside its message. */
export interface ErrorDetails {
  /** The bound that was crossed, in the unit that the message names. */
  limit?: number;
  /** The value that crossed it. */
  actual?: number;
  /** True when the connection was closed because of it. */
  closed?: boolean;
  /** What the peer calls itself or where it is, when known. Not authenticated. */
  peer?: string;
  /** The event that it is about, where the peer is told its name. */
  event?: string;
  cause?: unknown;
}

/** An error of ringwire itself: look at `code`, show `message`. */
export class RingwireError extends Error {
  override readonly name = 'RingwireError';
  readonly code: ErrorCode;
  readonly limit?: number;
  readonly actual?: number;
  peer?: string;
  readonly event?: string;
  closed: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.closed = details.closed ?? false;
    if (details.limit !== undefined) this.limit = details.limit;
    if (details.actual !== undefined) this.actual = details.actual;
    if (details.peer !== undefined) this.peer = details.peer;
    if (details.event !== undefined) this.event = details.event;
  }
}

/** A fault after which nobody knows where the next frame starts: the connection has to go. */
export class FrameError extends RingwireError {
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, { ...details, closed: true });
  }
}

/** A fault inside one message: it is refused, the connection stays. */
export class MessageError extends RingwireError {}
