/**
 * node-ipc's settings with its names and defaults, and the few that ringwire adds. node-ipc's names stop here: below, every room
 * declares its own options. The object is the program's to change; `retry`, `maxRetries`, `stopRetrying`, `silent`, `logger`, `logDepth`
 * and `logInColor` are looked at whenever they matter, the rest when `connectTo...` or `start` is called.
 *
 * Invariant: reading settings never changes them.
 */
import os from 'node:os';
import type { AnyCodecName } from '../codecs/codec.ts';
import type { ReceiveMode } from '../codecs/raw.ts';
import type { Structs } from '../codecs/struct/codec.ts';
import type { DatagramSettings } from '../endpoints/datagram-options.ts';
import { CONNECTIONS_MAX, DEFAULT_LIMITS, RETRY_MS, type SlowConsumerPolicy } from '../limits.ts';
import type { TlsSettings } from '../transports/tls-options.ts';

export interface Interfaces {
  localAddress?: string | false;
  localPort?: number | false;
  family?: number | false;
  hints?: number | false;
  lookup?: ((...args: never[]) => void) | false;
}

/** What pino, and loggers like it, have, as far as it is used. */
interface LineLogger {
  /** Gets each line. */
  info(line: string): void;
}

/** `ipc.config`: docs/settings.md says what each setting means. */
export class Config {
  /** Between socketRoot and id in the path of a local socket. */
  appspace = 'app.';
  /** Folder of local sockets, with its closing slash. */
  socketRoot = '/tmp/';
  /** Keep local sockets in a folder that only this user can enter, instead of socketRoot. */
  secureRoot = false;
  id: string = os.hostname();
  networkHost = '127.0.0.1';
  networkPort = 8000;
  IPType: string = '';
  readableAll = false;
  writableAll = false;
  /** Encoding of strings that are sent raw. Bytes and JSON do not know it. */
  encoding: BufferEncoding = 'utf8';
  /** Bytes without frames in both directions, as C programs of node-ipc expect them. */
  rawBuffer = false;
  delimiter = '\f';
  /** Clients send the next message when an answer to the last one has come. */
  sync = false;
  /** With `sync`: how many messages may be without an answer at once. */
  window = 1;
  /** Ringwire wire on both sides: messages are acknowledged, and what was not is sent again on the next connection, once. */
  ack = false;
  silent = false;
  logInColor = true;
  logDepth = 5;
  /** Gets each line; or a logger with `info`, as pino is. */
  logger: ((line: string) => void) | LineLogger = console.log.bind(console);
  /** Write every message into the log. Off: payloads may be secret, and logs are slow. */
  logPayloads = false;
  maxConnections: number = CONNECTIONS_MAX;
  /** Pause before a client connects again, in milliseconds. */
  retry: number = RETRY_MS;
  /** With this many milliseconds, the pause doubles with each try up to here and is drawn at random; false keeps it fixed. */
  retryMax: number | false = false;
  /** Tries after a disconnect; false: no end. */
  maxRetries: number | boolean = false;
  /** true: stop now. A number: stop when there were more tries than that. */
  stopRetrying: number | boolean = false;
  unlink = true;
  interface: Interfaces = noInterfaces();
  /** node-ipc's documentation calls `interface` so; what is set here wins. */
  interfaces: Interfaces = noInterfaces();
  tls: TlsSettings | false = false;
  /** Moves clients to the ringwire wire, with this codec. Servers speak both wires anyway. */
  codec: AnyCodecName | undefined = undefined;
  /** How raw messages and structs of the ringwire wire are received: your own copy, a lent view, or the lent frame. */
  receive: ReceiveMode = 'copy';
  /** The structs of events, for the codec 'struct'. */
  structs: Structs = {};
  /** Event names with ids that both programs know, 1 to 32767. */
  events: Record<string, number> = {};
  /** UDP alone: sizes of datagrams, modes of events, peers, buffers, multicast. */
  udp: DatagramSettings = {};
  /** 'reject' refuses messages with the names of lifecycle events ('connect', 'error' ...). */
  reservedEvents: 'allow' | 'reject' = 'allow';
  /** Only messages with these names are let in. */
  allowedEvents: string[] | undefined = undefined;
  /** Largest message, in bytes. */
  maxMessageSize: number = DEFAULT_LIMITS.frameBytesMax;
  /** `emit` says false above this many bytes that wait for one peer. */
  highWaterMark: number = DEFAULT_LIMITS.pendingBytesSoft;
  /** Above this many bytes that wait for one peer, `slowConsumer` applies. */
  maxPendingBytes: number = DEFAULT_LIMITS.pendingBytesMax;
  /** With `ack`: what may be kept for one peer until it is acknowledged, in bytes and in messages; `emit` throws above either. */
  maxAckBytes: number = DEFAULT_LIMITS.ackBytesMax;
  maxAckMessages: number = DEFAULT_LIMITS.ackCountMax;
  /** Servers with `ack`: so many milliseconds a client that is gone may come back, and of so many clients that is remembered. */
  sessionTimeout: number = DEFAULT_LIMITS.sessionTtlMs;
  maxSessions: number = DEFAULT_LIMITS.sessionsMax;
  /** 'drop-newest' refuses the message, 'disconnect' cuts the peer, 'drop-oldest' and 'latest' give up messages that wait. */
  slowConsumer: SlowConsumerPolicy = 'drop-newest';
  /** With 'latest': messages of one key replace each other. Without it the event is the key. */
  slowConsumerKey: ((type: string, data: unknown) => string) | undefined = undefined;
  /** Above this many bytes, unsent ones and those of unfinished messages, of all peers of the instance, the peer with the most of them is cut. */
  maxTotalPendingBytes: number = DEFAULT_LIMITS.totalPendingBytesMax;
  /** Servers: a client above `highWaterMark` that takes less than that in so many milliseconds is cut; false: never. */
  writeStallTimeout: number | false = DEFAULT_LIMITS.writeStallTimeoutMs;
  /** A message that has begun has so many milliseconds, unless `minFrameProgress` bytes of it come each second; false: no end. */
  frameTimeout: number | false = DEFAULT_LIMITS.frameTimeoutMs;
  minFrameProgress: number = DEFAULT_LIMITS.frameProgressBytesMin;
  /** Ringwire wire: a peer that is silent for so many milliseconds is asked for a sign of life, and cut after `maxHeartbeatMisses` times as long. */
  heartbeat: number | false = DEFAULT_LIMITS.heartbeatMs;
  maxHeartbeatMisses: number = DEFAULT_LIMITS.heartbeatMissesMax;
  /** Clients: a connection that has lasted so many milliseconds, or brought a message, makes tries that failed forgotten. */
  stableTime: number = DEFAULT_LIMITS.stableMs;
  /** A peer that spends its whole turn again and again for so many milliseconds is cut; false: it only waits for the others. */
  floodTimeout: number | false = false;
  /** What one peer may take of one turn of the event loop: bytes, messages, milliseconds. */
  maxTurnBytes: number = DEFAULT_LIMITS.turnBytesMax;
  maxTurnMessages: number = DEFAULT_LIMITS.turnMessagesMax;
  maxTurnTime: number = DEFAULT_LIMITS.turnTimeMsMax;
  /** Structure of one received message: levels of nesting, elements, keys. */
  maxDepth: number = DEFAULT_LIMITS.depthMax;
  maxElements: number = DEFAULT_LIMITS.elementsMax;
  maxKeys: number = DEFAULT_LIMITS.keysMax;
  /** Longest event name on the ringwire wire, in bytes; 256 at most. */
  maxEventNameBytes: number = DEFAULT_LIMITS.eventNameBytesMax;
  /** Time for TLS and for the ringwire hello, in milliseconds. */
  handshakeTimeout: number = DEFAULT_LIMITS.handshakeTimeoutMs;
  /** Time for the answer to a message in sync mode, in milliseconds. */
  syncTimeout: number = DEFAULT_LIMITS.syncTimeoutMs;
}

function noInterfaces(): Interfaces {
  return { localAddress: false, localPort: false, family: false, hints: false, lookup: false };
}
