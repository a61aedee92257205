/**
 * Planted bugs: each is a line of the library that is replaced in a copy of the build, and the check that has to notice. They show that the checks
 * can fail.
 *
 * Invariant: each text occurs exactly once in its file; one that does not occur any more has to follow the code.
 */

export interface Canary {
  readonly bug: string;
  /** Compiled, below build/src. */
  readonly file: string;
  readonly text: string;
  readonly instead: string;
  /** The simulator, from the first seed or from one that is known to show the bug, or a compiled test below build/test. */
  readonly caughtBy: string;
  readonly from: number;
}

export const SIMULATOR = 'sim';
export const DATAGRAMS = 'sim --datagrams';
export const ACKNOWLEDGED = 'sim --ack';
export const IPC_FACE = 'sim --ipc';

const bug = (
  what: string,
  file: string,
  text: string,
  instead: string,
  caughtBy: string | number = SIMULATOR,
): Canary => ({
  bug: what,
  file,
  text,
  instead,
  caughtBy: typeof caughtBy === 'number' ? SIMULATOR : caughtBy,
  from: typeof caughtBy === 'number' ? caughtBy : 1,
});

export const CANARIES: readonly Canary[] = [
  // What waits to leave.
  bug(
    'the hard mark is no mark',
    'connection/outbox.js',
    'if (this.pendingBytes < this.#limits.pendingBytesMax)',
    'if (this.pendingBytes < Infinity)',
  ),
  bug('a drain is not told', 'connection/outbox.js', 'this.#handlers.drained();', ''),
  bug(
    'a close forgets the held messages',
    'connection/outbox.js',
    '        this.releaseAll();',
    '        ',
    54,
  ),
  bug(
    'something is written behind an end',
    'connection/outbox.js',
    '        this.close();\n        this.#window.finish(handed);',
    '        handed();',
  ),
  bug(
    'unsent bytes are counted twice',
    'connection/outbox.js',
    'const pending = this.pendingBytes + this.#lostBytes;',
    'const pending = 2 * this.pendingBytes + this.#lostBytes;',
    'connection/outbox.test.js',
  ),
  bug(
    'what is held is not accounted for',
    'connection/outbox.js',
    'memory.bytes += held.bytes - before;',
    '',
    21,
  ),
  bug(
    'drop-oldest gives up too late',
    'connection/outbox.js',
    'while (held.size > 1 &&',
    'while (held.size > 1_000 &&',
    54,
  ),
  bug(
    'held messages come out of order',
    'connection/held-messages.js',
    'this.#places.push(place);',
    'this.#places.splice(this.#head, 0, place);',
    54,
  ),
  bug(
    'a key is kept behind its message',
    'connection/held-messages.js',
    'this.#byKey?.delete(message.key);',
    '',
    99,
  ),
  bug(
    'a confirmed write stays in the account',
    'connection/send-window.js',
    'this.#memory.bytes -= bytes;',
    '',
  ),
  bug(
    'a dropped write stays in the account',
    'connection/send-window.js',
    'this.#memory.bytes -= this.bytes;',
    '',
    10,
  ),
  bug(
    'what waits is not handed on',
    'connection/send-window.js',
    'this.#waiting = this.#ready.length > 0;',
    'this.#waiting = false;',
    'connection/slow-consumer.test.js',
  ),
  bug(
    'handing on takes the newest first',
    'connection/send-window.js',
    'return this.#ready.splice(0, count);',
    'return this.#ready.splice(this.#ready.length - count, count);',
    113,
  ),
  // Memory.
  bug(
    'a slab is used again too early',
    'transports/stream.js',
    'if (socket.writableLength === 0 && !socket.destroyed',
    'if (!socket.destroyed',
  ),
  bug(
    'a slab is released while a part is in flight',
    'bytes/byte-writer.js',
    '--slab.inFlight > 0',
    '--slab.inFlight > 1',
  ),
  bug(
    'a slab is never released',
    'bytes/byte-writer.js',
    'if (slab.inFlight === 0)',
    'if (slab.inFlight < 0)',
  ),
  bug(
    'copies share bytes',
    'bytes/copy-pool.js',
    'this.#end = at + bytes;',
    'this.#end = at;',
    'bytes/copy-pool.test.js',
  ),
  bug('a carry loses its first bytes', 'bytes/carry.js', 'this.bytes.copy(grown, 0, 0, this.length);', ''),
  bug(
    'the end of a read is off by one',
    'frames/length-prefixed.js',
    'start, start + bytes);',
    'start, start + bytes - 1);',
  ),
  bug(
    'what is parked starts too late',
    'frames/length-prefixed.js',
    'this.#bytes.subarray(this.#cursor, this.#limit)',
    'this.#bytes.subarray(this.#cursor + 8, this.#limit)',
  ),
  bug(
    'a delimiter over a seam is missed',
    'frames/delimited.js',
    'this.#cursor + behind - 1',
    'this.#cursor + behind - 2',
    'frames/delimited.test.js',
  ),
  // Receiving.
  bug(
    'a message is delivered twice',
    'connection/connection.js',
    'this.#receivedMessages++;\n        if (this.#hooked)\n            this.#hookBefore(slot, data);\n        this.#publish',
    'this.#publish(slot, data);\n        this.#publish',
  ),
  bug('a turn that is over is not parked', 'connection/receiver.js', 'parser.park();', '', 154),
  bug(
    'a turn that is over never goes on',
    'connection/receiver.js',
    'this.#handlers.resume();',
    'void 0;',
    15,
  ),
  bug(
    'an end overtakes what is parked',
    'connection/receiver.js',
    'if (!this.#turn.over || this.#stopped)\n            this.#exhausted();',
    'this.#exhausted();',
    'transports/fallback.test.js',
  ),
  bug(
    'the size of a frame has no bound',
    'frames/header.js',
    'if (payloadBytes > payloadMax)',
    'if (payloadBytes > Infinity)',
    'frames/length-prefixed-faults.test.js',
  ),
  bug(
    'a checksum is not looked at',
    'frames/datagram.js',
    'if (zlib().crc32(bytes) !== expected)',
    'if (expected < 0)',
    'frames/datagram.test.js',
  ),
  // Time.
  bug('all clients try again together', 'endpoints/retry.js', 'Math.random() * ', ''),
  bug(
    'a lost connection is not restored',
    'endpoints/client.js',
    '        this.#plan();\n        if (isOver)',
    '        if (isOver)',
  ),
  bug('a sign of life is not seen', 'connection/liveness.js', 'receivedBytes !== heard.mark', 'false'),
  bug(
    'a dead peer is not noticed',
    'connection/liveness.js',
    'if (silentMs + 2 * (nowMs - this.#lastMs) >= limit)',
    'if (silentMs >= Infinity)',
    24,
  ),
  bug(
    'a message that goes on is cut',
    'connection/liveness.js',
    'const goesOn = frame !== undefined && frame.mark === handledCount;',
    'const goesOn = frame !== undefined;',
    'connection/liveness.test.js',
  ),
  bug('a handshake that is done times out', 'connection/handshake.js', 'clearTimeout(this.#timer);', ''),
  // Sync mode and requests.
  bug(
    'what was under way is not sent again',
    'connection/sync-window.js',
    'this.#inFlight = 0;',
    '',
    'connection/sync-window.test.js',
  ),
  bug(
    'an answer advances two requests',
    'connection/sync-window.js',
    'this.#inFlight--;\n        this.#drop(0);',
    'this.#inFlight--;\n        this.#drop(0);\n        this.#drop(0);',
    'connection/sync-window.test.js',
  ),
  bug(
    'requests of a lost connection wait for ever',
    'api/requests/asker.js',
    'for (const asked of open) {',
    'for (const asked of []) {',
  ),
  bug(
    'an answer goes to another question',
    'api/requests/asker.js',
    'const asked = this.#open.get(frame.correlation);',
    'const asked = this.#open.values().next().value;',
    68,
  ),
  bug(
    'a name is not announced',
    'connection/binary-encoder.js',
    '        this.#announce(event, out);',
    '        ',
  ),
  // Endpoints.
  bug(
    'the watchdog keeps a connection that is gone',
    'connection/watched-peer.js',
    'this.#context.watchdog.delete(this);',
    '',
  ),
  // What a peer costs that goes, or has nothing to say.
  bug(
    'the end overtakes what waits',
    'connection/send-window.js',
    'if (this.#ready.length === 0)\n            handed();',
    'handed(); if (this.#ready.length === 0) {}',
    'connection/send-window.test.js',
  ),
  bug(
    'who has said its last may leave everything where it is',
    'connection/watched-peer.js',
    'return this.#outbox.isClosed;',
    'return false;',
    'limits/endings.test.js',
  ),
  bug(
    'a peer that is cut has everything under way',
    'connection/memory-budget.js',
    'return this.bytes + more > this.bytesMax * SHORT_SHARE;',
    'return false;',
    'limits/endings.test.js',
  ),
  bug(
    'unfinished messages count for nobody',
    'connection/receiver.js',
    'this.#memory.receivingBytes += more;',
    '',
    'limits/peers.test.js',
  ),
  bug(
    'a peer that is cut keeps its unfinished message',
    'connection/receiver.js',
    '(this.#prelude ?? this.#wire)?.parser.abandon();',
    '',
    'connection/receiver.test.js',
  ),
  bug(
    'memory that is lent for a read goes to another peer',
    'frames/length-prefixed.js',
    'this.#carry.drop();',
    'this.#carry.clear();',
    'frames/memory.test.js',
  ),
  bug(
    'a message that is being handled counts',
    'connection/receiver.js',
    'send that much.\n        this.#account(0);',
    'send that much.',
    'connection/receiver.test.js',
  ),
  bug(
    'a mere promise gets memory',
    'bytes/carry.js',
    'this.length >= BLOCK_BYTES_MIN || ',
    'this.length >= 0 || ',
    'frames/length-prefixed-faults.test.js',
  ),
  bug(
    'an idle connection keeps its largest message',
    'frames/length-prefixed.js',
    'this.#frame.bytes = bytes;',
    '',
    'frames/memory.test.js',
  ),
  bug(
    'an idle connection keeps its largest message in JSON',
    'frames/delimited.js',
    'this.#frame.bytes = this.#ring.bytes;',
    '',
    'frames/memory.test.js',
  ),
  // Datagrams.
  bug(
    'a datagram is taken twice',
    'connection/sequence-window.js',
    'if ((seen[bit >>> 5] & (1 << (bit & 31))) !== 0) {',
    'if (seen === undefined) {',
    DATAGRAMS,
  ),
  bug(
    'one datagram too many is lost',
    'connection/sequence-window.js',
    'this.lost += distance - 1;',
    'this.lost += distance;',
    DATAGRAMS,
  ),
  // Exactly once.
  bug(
    'what a lost connection had is not sent again',
    'connection/session.js',
    'this.window.rewind();',
    '',
    ACKNOWLEDGED,
  ),
  bug(
    'what was handled is sent again',
    'connection/session.js',
    'this.window.acknowledge(received);\n        this.window.rewind();',
    'this.window.rewind();',
    ACKNOWLEDGED,
  ),
  bug(
    'a server does not remember',
    'connection/session-link.js',
    'remembered ? known : sessions.make(state)',
    'sessions.make(state)',
    ACKNOWLEDGED,
  ),
  bug(
    'a message is counted twice',
    'connection/session-link.js',
    'session.received + 1',
    'session.received + 2',
    ACKNOWLEDGED,
  ),
  bug(
    'too much may be kept',
    'connection/session.js',
    'if (count >= limits.ackCountMax)',
    'if (count >= Infinity)',
    ACKNOWLEDGED,
  ),
  bug(
    'kept memory is not given back',
    'connection/resend-window.js',
    'for (const segment of entry.segments)\n            this.writer.written(segment);',
    '',
    ACKNOWLEDGED,
  ),
  bug(
    'a resumed session begins at a wrong frame',
    'connection/resend-window.js',
    'behind(entry.parts, this.#released)',
    'behind(entry.parts, this.#released - 1)',
    ACKNOWLEDGED,
  ),
  // Sync mode and node-ipc's wire.
  bug(
    'sync: what was under way when the connection went stops the rest',
    'connection/sync-window.js',
    'this.#inFlight = 0;',
    '',
    IPC_FACE,
  ),
  bug(
    'sync: an answer takes two messages away',
    'connection/sync-window.js',
    'this.#inFlight--;\n        this.#drop(0);',
    'this.#inFlight--;\n        this.#drop(0);\n        this.#drop(0);',
    IPC_FACE,
  ),
  bug(
    'sync: nobody waits for an answer',
    'connection/sync-window.js',
    'this.#inFlight < this.#options.window && ',
    '',
    IPC_FACE,
  ),
  bug(
    'node-ipc: a delimiter over a seam is missed',
    'frames/delimited.js',
    'this.#cursor + behind - 1',
    'this.#cursor + behind - 2',
    IPC_FACE,
  ),
  bug(
    'node-ipc: a carry loses its first bytes',
    'bytes/carry.js',
    'this.bytes.copy(grown, 0, 0, this.length);',
    '',
    IPC_FACE,
  ),
];
