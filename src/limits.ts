/**
 * How big things may get, each bound with its reason. Nothing in ringwire grows without one of these.
 * A bound is a default: the option of the same name at an endpoint sets it.
 */

/** What becomes of a message above `pendingBytesMax`: the peer goes, the message goes, or older ones do ('latest': those of the same key). */
export type SlowConsumerPolicy = 'disconnect' | 'drop-newest' | 'drop-oldest' | 'latest';

export const SLOW_CONSUMER_POLICIES: readonly unknown[] = [
  'disconnect',
  'drop-newest',
  'drop-oldest',
  'latest',
];

export interface Limits {
  /** Largest payload of one message, received or sent. */
  frameBytesMax: number;
  /** Deepest nesting of one received message. */
  depthMax: number;
  /** Most elements (array items, and keys and values of maps) in one received message. */
  elementsMax: number;
  /** Most keys in one received message, those of all its objects together. */
  keysMax: number;
  /** Longest event name on the ringwire wire, in bytes of UTF-8. */
  eventNameBytesMax: number;
  /** `send` says false above this many unsent bytes of one peer. */
  pendingBytesSoft: number;
  /** `send` refuses above this many unsent bytes of one peer. */
  pendingBytesMax: number;
  /** All unsent bytes of all peers, and what has arrived of messages that are not complete; above it the peer with the most is cut. */
  totalPendingBytesMax: number;
  /** A peer above the soft mark that takes less than the soft mark's bytes in this long is cut, or less than what is left at its end, in milliseconds; Infinity: never. */
  writeStallTimeoutMs: number;
  /** A message that has begun has this long to arrive, in milliseconds, or to go on with `frameProgressBytesMin` a second; Infinity: for ever. */
  frameTimeoutMs: number;
  frameProgressBytesMin: number;
  /** On the ringwire wire: a peer that says nothing for so many milliseconds is asked for a sign of life; Infinity: never. */
  heartbeatMs: number;
  /** So many `heartbeatMs` without any sign, and the peer is dead. */
  heartbeatMissesMax: number;
  /** A peer that spends its whole turn again and again for this long is cut, in milliseconds; Infinity: it only waits for the others. */
  floodTimeoutMs: number;
  /** A connection that has lasted so long, or has brought a message, makes a client forget earlier failed tries, in milliseconds. */
  stableMs: number;
  /** A peer that began the ringwire wire has this long to finish its hello, in milliseconds. */
  handshakeTimeoutMs: number;
  /** A sync request without an answer is given up after this long, in milliseconds. */
  syncTimeoutMs: number;
  /** Requests that may wait behind the sync window. */
  syncQueuedCountMax: number;
  /** A request without an answer is given up after this long, in milliseconds. */
  requestTimeoutMs: number;
  /** Requests under way at once on one connection; the others wait. */
  requestsOpenMax: number;
  /** Requests that may wait for their turn. */
  requestsQueuedMax: number;
  /** Requests of one peer that handlers may work on at once; further ones are refused. */
  requestsHandledMax: number;
  /** A closing connection has this long to send what waits, in milliseconds. */
  closeTimeoutMs: number;
  /** With `ack`: what may be kept for one peer that has not acknowledged it; a message above either is refused. */
  ackBytesMax: number;
  ackCountMax: number;
  /** Servers with `ack`: a session without a connection is kept so long, in milliseconds, and at most so many are. */
  sessionTtlMs: number;
  sessionsMax: number;
  /** What one peer may take of one turn of the event loop before the others get theirs. */
  turnBytesMax: number;
  turnMessagesMax: number;
  turnTimeMsMax: number;
}

export const DEFAULT_LIMITS: Limits = {
  /** 16 MiB, as varlink; gRPC allows 4, D-Bus 128. */
  frameBytesMax: 16 * 1024 * 1024,
  /** D-Bus allows 64 too; what JSON.parse builds deeper, JSON.stringify cannot write. */
  depthMax: 64,
  /** A million numbers fit into a message of 16 MiB; more small values than that are a map of memory, not a message. */
  elementsMax: 1_000_000,
  /** Keys cost most: each may become a property, a hidden class and a hash. */
  keysMax: 100_000,
  /** The protocol's own bound, and node-ipc 14's. */
  eventNameBytesMax: 256,
  /** 1 MiB is some milliseconds of a fast local peer: enough to keep it busy, little enough to stay fresh. */
  pendingBytesSoft: 1024 * 1024,
  /** 64 MiB, as the NATS server grants a slow consumer. */
  pendingBytesMax: 64 * 1024 * 1024,
  /** Eight peers at their hard mark. */
  totalPendingBytesMax: 512 * 1024 * 1024,
  /** The write deadline of the NATS server. */
  writeStallTimeoutMs: 10_000,
  /** Long enough for a slow network, short enough that half a message is no place to hide. */
  frameTimeoutMs: 30_000,
  /** 1 KiB a second: a modem does more. */
  frameProgressBytesMin: 1_024,
  /** Three misses are 45 s, below the idle timeouts of what may stand between two hosts. */
  heartbeatMs: 15_000,
  /** One may be lost, and one late. */
  heartbeatMissesMax: 3,
  /** The turns are bounded already; whoever wants flooders gone says how long is too long. */
  floodTimeoutMs: Infinity,
  /** A server that accepts and closes at once has not recovered. */
  stableMs: 5_000,
  /** A handshake is some round trips; who has not been let in is given less time than who has. */
  handshakeTimeoutMs: 5_000,
  /** What callers wait for without a deadline of their own: no longer than a connection without a sign of life, 45 s. */
  syncTimeoutMs: 30_000,
  /** Some seconds of a busy queue, and a few MiB of memory for its places. */
  syncQueuedCountMax: 65_536,
  /** The same as for a sync message. */
  requestTimeoutMs: 30_000,
  /** A local round trip takes tens of microseconds: so many keep both sides busy. */
  requestsOpenMax: 1_024,
  /** The same as for sync messages. */
  requestsQueuedMax: 65_536,
  /** Four peers' worth of `requestsOpenMax` behind one proxy. */
  requestsHandledMax: 4_096,
  /** Enough for 64 MiB over a slow network; a program that ends should not seem to hang. */
  closeTimeoutMs: 5_000,
  /** As much as may wait for a peer without `ack`. */
  ackBytesMax: 64 * 1024 * 1024,
  /** Empty messages of 8 bytes fill 8 MiB; counts modulo 2^32 stay far from their half. */
  ackCountMax: 1024 * 1024,
  /** A client tries again at least every 30 s. */
  sessionTtlMs: 60_000,
  /** As many as connections, by default. */
  sessionsMax: 1_000,
  /** libuv would read 2 MiB from one socket before it looks at the next. */
  turnBytesMax: 256 * 1024,
  /** Small frames: as long as 256 KiB of them take. Giving way costs two system calls, too much for every 1,024 of them. */
  turnMessagesMax: 16_384,
  /** A fourth of a frame of 60 a second: handlers of others run in the same turn. */
  turnTimeMsMax: 4,
};

/** Limits that may be Infinity: those deadlines never come. */
export const ENDLESS_LIMITS: ReadonlySet<string> = new Set([
  'frameTimeoutMs',
  'writeStallTimeoutMs',
  'heartbeatMs',
  'floodTimeoutMs',
]);

/** Connections to a server of the node-ipc face: node-ipc's own bound. */
export const CONNECTIONS_MAX = 100;

/** Connections to a server of `listen`: about what a process may open on systems that allow 1,024 descriptors. */
export const LISTEN_CONNECTIONS_MAX = 1_000;

/** First pause before a client tries again: node-ipc's own. */
export const RETRY_MS = 500;

/** Longest pause: whoever restarts a server waits no longer for its clients. */
export const RETRY_MS_MAX = 30_000;

/** `connect` gives up after this long: twice the deadline of a handshake. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** How long a peer that was cut may take to read the reason: one round trip of a bad network. */
export const GOODBYE_MS = 1_000;

/** Of one peer there is one line in the log in this time: a peer that misbehaves fills no disk. */
export const LOG_LINE_MS_MIN = 1_000;

/** The system asks a silent TCP peer for a sign of life after this long: the only one that node-ipc's wire has. */
export const KEEP_ALIVE_MS = 15_000;

/** No frame is larger than this, whatever is configured: lengths stay below the sign bit of 32-bit peers. */
export const FRAME_BYTES_CEILING: number = 2 ** 31 - 1;

/** The smallest frameBytesMax: control frames always fit. */
export const FRAME_BYTES_FLOOR: number = 1_024;

/** Longest event name in UTF-8 that the protocol knows. */
export const EVENT_NAME_BYTES_MAX = 256;

/** Names that one side may announce on one connection: at most 256 KiB of a peer's strings are kept. */
export const ANNOUNCED_COUNT_MAX = 1_024;

/** Longest id in a hello and longest text in a goodbye. */
export const PEER_TEXT_BYTES_MAX = 256;

/** Larger messages are always read in the general way: to have expected something else costs up to as much as reading. */
export const FAMILIAR_BYTES_MAX: number = 64 * 1024;

/** Payloads of this size that are already bytes are not copied on their way out. */
export const ATTACH_BYTES_MIN: number = 32 * 1024;

/** Items that a stream may send before the first credit: the window of PROTOCOL.md section 1.4. */
export const STREAM_WINDOW_ITEMS = 16;

/** Messages that `messages()` keeps for a slow reader unless told otherwise. */
export const READER_QUEUED_MAX = 1_024;

/** Largest struct: half a slab. It is a message that is read in place; larger data goes raw. */
export const STRUCT_BYTES_MAX: number = 64 * 1024;

/** Fields of one struct; arrays count once. */
export const STRUCT_FIELDS_MAX = 1_024;

/** Layouts that a hello may carry, PROTOCOL.md section 1.3. */
export const LAYOUTS_MAX = 256;

/** Free slabs that a pool keeps: 4 MiB, or half as many as are in use; what bursts need beyond is given back to the allocator. */
export const FREE_SLABS_MAX: number = 32;

/** With `ack`: so many messages, or one that is so many milliseconds old, and the peer is told that they have been handled. */
export const ACK_MESSAGES = 64;
export const ACK_DELAY_MS = 50;

/** Pieces in which messages are kept until they are acknowledged: small, because every peer with one such message holds one. */
export const KEPT_SLAB_BYTES: number = 8 * 1024;

/** Free ones that are kept for the next messages: 4 MiB. */
export const KEPT_SLABS_FREE_MAX = 512;

/** Largest payload of a UDP datagram over IPv4. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** Smallest setting of datagramBytesMax: what a network with the smallest MTU of IPv6 carries in one piece. */
export const DATAGRAM_BYTES_FLOOR = 1_200;

/** Bounds of a datagram endpoint. */
export interface DatagramLimits {
  datagramBytesMax: number;
  peersMax: number;
  peerTtlMs: number;
  recvBufferBytes: number;
  sendBufferBytes: number;
  queueBytesSoft: number;
  queueBytesMax: number;
  burstBytesMax: number;
  fragmentedBytesMax: number;
  fragmentsBytesMax: number;
  fragmentDeadlineMs: number;
}

export const DATAGRAM_LIMITS: DatagramLimits = {
  /** Frames share datagrams up to this size: it survives tunnels and every real network. */
  datagramBytesMax: 1_200,
  /** Sources and destinations that are remembered. */
  peersMax: 1_024,
  /** One that has said nothing for so long is forgotten. */
  peerTtlMs: 60_000,
  /** The usual default of 208 KiB holds some 90 datagrams. */
  recvBufferBytes: 4 * 1024 * 1024,
  sendBufferBytes: 4 * 1024 * 1024,
  /** `emit` says false above this many bytes that wait for one destination. */
  queueBytesSoft: 256 * 1024,
  /** `emit` drops above this many. */
  queueBytesMax: 4 * 1024 * 1024,
  /** What leaves in one turn of the event loop, counted as a receive buffer counts it; half of the granted receive buffer if that is less. */
  burstBytesMax: 4 * 1024 * 1024,
  /** Largest frame that is put together from fragments. */
  fragmentedBytesMax: 1024 * 1024,
  /** What unfinished frames of all sources may occupy. */
  fragmentsBytesMax: 8 * 1024 * 1024,
  /** Parts of a frame have to arrive within this time. */
  fragmentDeadlineMs: 2_000,
};

/** Datagrams of which a receiver knows one by one whether they came: 128 bytes for each peer that sent two. */
export const SEQUENCE_WINDOW = 1_024;

/** A source that sent this many datagrams is no stranger: others are forgotten before it. */
export const STRANGER_DATAGRAMS_MAX = 8;

/** Keys of `latest` and names of `sequenced` events that are kept for one peer. */
export const ORDERED_KEYS_MAX = 1_024;

/** What waits for a source to prove itself is given up after this long. */
export const VALIDATION_MS = 1_000;

/** Until a source has echoed a token it is sent at most this many times the bytes that came from it, as RFC 9000 has it. */
export const REPLY_FACTOR = 3;

/** Peers in an answer to `ringwire top`: half a megabyte. More fit on no screen. */
export const INSPECTED_PEERS_MAX = 1_000;

/** Event ids that both programs know are 1 to this; the highest bit marks those that one side gives out. */
export const AGREED_ID_MAX = 0x7fff;

/** Host names that a datagram endpoint knows the addresses of: programs send to a few. */
export const HOST_NAMES_MAX = 256;

/** An address is asked for again after this long, as name servers for short-lived names expect. */
export const HOST_NAME_MS = 30_000;

/** Messages that wait for the address of one name: more than that is an outage. */
export const HOST_NAME_WAITING_MAX = 1_024;
