/**
 * Each deadline and bound that a peer can cross, with a short limit on a real socket: its error code, its goodbye, its counter; the
 * peer that keeps to it stays, and so does the witness.
 * Rows T10, T34, T36, T55 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stats } from '../../src/connection/counters.ts';
import type { PeerSocket } from '../../src/index.ts';
import { frame } from '../frames/naive.ts';
import { type Peer, type Stage, within } from '../hostile/stage.ts';
import { codes, goodbyeReason, greeted, GREETING, onStage, PING, PONG, until } from './stage.ts';

/** Large enough that no socket buffer of the system holds it. */
const MUCH: number = 8 * 1024 * 1024;

function statsOf(stage: Stage): Stats {
  return stage.server.stats() as Stats;
}

function refusals(stage: Stage): Record<string, number> {
  return { ...statsOf(stage).refusals };
}

/** The server's socket of the peer that connected last. */
function lastSocket(stage: Stage): PeerSocket {
  return stage.server.sockets.at(-1) as PeerSocket;
}

/** The header of an ordinary frame, announce before it, and `bytes` of its `payloadBytes`. */
function beginning(bytes: number, payloadBytes = 100_000): Buffer {
  const announce = frame(0, 0, Buffer.from('02000080736f6d65', 'hex'));
  const whole = frame(0x8000, 3, Buffer.alloc(payloadBytes));
  return Buffer.concat([announce, whole.subarray(0, 8 + bytes)]);
}

for (const wire of ['node-ipc', 'ringwire'] as const) {
  test(`frameTimeout, wire of ${wire}: a message that stops is cut, an idle peer and one that goes on are not`, () =>
    onStage({ frameTimeout: 150 }, async (stage) => {
      const isBinary = wire === 'ringwire';
      const open = (): Promise<Peer> => (isBinary ? greeted(stage) : stage.peer());
      const idle = await open();
      const going = await open();
      const stuck = await open();
      const start = performance.now();
      stuck.socket.write(isBinary ? beginning(10) : '{"type":"msg","da');
      going.socket.write(isBinary ? beginning(10) : '{"type":"msg","data":"');
      // Ten times the progress that is asked for: 150 ms of 1 KiB a second are 154 bytes.
      const drip = setInterval(() => going.socket.write(Buffer.alloc(160, 0x78)), 15);
      try {
        await within('the peer to be cut', stuck.closed);
        assert.ok(performance.now() - start >= 150, 'not before its time');
        await until('three more windows', () => performance.now() - start > 600);
        assert.deepEqual([going.isClosed, idle.isClosed], [false, false]);
        assert.deepEqual(codes(stage), ['FRAME_TIMEOUT']);
        assert.deepEqual(refusals(stage), { ERR_RINGWIRE_FRAME_TIMEOUT: 1 });
        if (isBinary) assert.equal(goodbyeReason(stuck.received), 12);
      } finally {
        clearInterval(drip);
      }
      await within('the one that has stopped now', going.closed);
      await stage.askWitness();
    }));
}

test('writeStallTimeout: a client that takes nothing is cut, one that reads in time is not', () =>
  onStage({ writeStallTimeout: 200, highWaterMark: 1_000 }, async (stage) => {
    const stopped = await stage.peer();
    stopped.socket.pause();
    const stoppedSocket = lastSocket(stage);
    const reader = await stage.peer();
    const readerSocket = lastSocket(stage);
    assert.equal(stage.server.emit(stoppedSocket, 'much', 'x'.repeat(MUCH)), false);
    assert.equal(stage.server.emit(readerSocket, 'much', 'x'.repeat(MUCH)), false);
    await until('the server to cut it', () => stage.errors.length > 0);
    assert.deepEqual(codes(stage), ['SLOW_CONSUMER_TIME']);
    await until('the socket to be gone', () => !stage.server.sockets.includes(stoppedSocket));
    await until('the other to have all', () => reader.receivedBytes > MUCH);
    assert.equal(stage.server.sockets.includes(readerSocket), true);
    const { unsentBytes, refusals: counts } = statsOf(stage);
    assert.ok(unsentBytes > MUCH / 2, `${unsentBytes} bytes were given up`);
    assert.deepEqual({ ...counts }, { ERR_RINGWIRE_SLOW_CONSUMER_TIME: 1 });
    await stage.askWitness();
  }));

test('slowConsumer disconnect: at the hard mark the client is cut and told why; memory is let go at once', () =>
  onStage(
    { slowConsumer: 'disconnect', highWaterMark: 100_000, maxPendingBytes: 2_000_000 },
    async (stage) => {
      const peer = await greeted(stage);
      peer.socket.pause();
      const socket = lastSocket(stage);
      const data = 'x'.repeat(10_000);
      let sent = 0;
      while (stage.errors.length === 0) {
        stage.server.emit(socket, 'much', data);
        assert.ok(++sent < 10_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(stage.errors, [{ code: 'ERR_RINGWIRE_SLOW_CONSUMER_BYTES', closed: true }]);
      assert.equal(stage.server.emit(socket, 'much', data), false);
      assert.ok(statsOf(stage).pendingBytes < 1_000_000, 'what was not under way is dropped');
      peer.socket.resume();
      await within('the peer to be cut', peer.closed);
      assert.equal(goodbyeReason(peer.received), 10);
      assert.equal(refusals(stage)['ERR_RINGWIRE_SLOW_CONSUMER_BYTES'], 1);
      await stage.askWitness();
    },
  ));

for (const policy of ['drop-newest', 'drop-oldest', 'latest'] as const) {
  for (const wire of ['node-ipc', 'ringwire'] as const) {
    test(`slowConsumer ${policy}, wire of ${wire}: what a slow peer gets, and what the counters say, is all that was sent`, () =>
      onStage({ slowConsumer: policy, highWaterMark: 20_000, maxPendingBytes: 60_000 }, async (stage) => {
        const peer = wire === 'ringwire' ? await greeted(stage) : await stage.peer();
        const socket = lastSocket(stage);
        peer.socket.pause();
        const padding = 'x'.repeat(1_000);
        const sent = 5_000;
        for (let index = 0; index < sent; index++) {
          stage.server.emit(socket, `key${index % 10}`, `<${index}>${padding}`);
          if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        const drained = new Promise<void>((resolve) => stage.server.on('drain', () => resolve()));
        peer.socket.resume();
        await within('the drain', drained);
        stage.server.emit(socket, 'key0', '<last>');
        await peer.until(Buffer.from('<last>'), 'the last message');
        const received = [...peer.received.toString('latin1').matchAll(/<(\d+)>/g)].map(([, index]) =>
          Number(index),
        );
        const { newest, oldest, replaced } = statsOf(stage).dropped;
        assert.equal(received.length + newest + oldest + replaced, sent);
        assert.ok(newest + oldest + replaced > 0, 'the peer was slow');
        const perKey = (index: number): number => (policy === 'latest' ? index % 10 : 0);
        const last = new Map<number, number>();
        for (const index of received) {
          assert.ok(index > (last.get(perKey(index)) ?? -1), 'in order');
          last.set(perKey(index), index);
        }
        if (policy !== 'drop-newest') assert.ok(received.includes(sent - 1), 'the newest arrives');
        assert.equal(codes(stage).length > 0, policy === 'drop-newest', 'the other policies say nothing');
        assert.equal(refusals(stage)['ERR_RINGWIRE_BACKPRESSURE'] ?? 0, newest);
        await stage.askWitness();
      }));
  }
}

test('slowConsumerKey: the key of a message is the program’s', () =>
  onStage(
    {
      slowConsumer: 'latest',
      highWaterMark: 1_000,
      slowConsumerKey: (type, data) => `${type} ${(data as { player: number }).player}`,
    },
    async (stage) => {
      const peer = await stage.peer();
      peer.socket.pause();
      stage.server.emit(lastSocket(stage), 'much', 'x'.repeat(MUCH));
      for (let step = 1; step <= 3; step++)
        for (let player = 1; player <= 2; player++) stage.server.broadcast('at', { player, step });
      assert.equal(statsOf(stage).dropped.replaced, 4);
      peer.socket.resume();
      await peer.until(Buffer.from('{"player":2,"step":3}'), 'the newest');
      assert.equal(peer.received.includes('{"player":1,"step":3}'), true);
      assert.equal(peer.received.includes('"step":1'), false);
    },
  ));

test('what was held for a silent peer precedes the greeting when it turns out to speak the ringwire wire', () =>
  onStage({ slowConsumer: 'drop-oldest', highWaterMark: 1_000 }, async (stage) => {
    const peer = await stage.peer();
    peer.socket.pause();
    const socket = lastSocket(stage);
    stage.server.emit(socket, 'much', 'x'.repeat(MUCH));
    for (let index = 0; index < 5; index++) stage.server.emit(socket, 'held', `<${index}>`);
    peer.socket.write(Buffer.concat([GREETING, PING]));
    await until('the server to hear the greeting', () => statsOf(stage).receivedBytes > GREETING.length);
    stage.server.emit(socket, 'held', '<5>');
    peer.socket.resume();
    await peer.until(Buffer.from('<5>'), 'the last message');
    const text = peer.received.toString('latin1');
    const places = [0, 1, 2, 3, 4].map((index) => text.indexOf(`"<${index}>"}\f`));
    assert.deepEqual(
      places.toSorted((a, b) => a - b),
      places,
    );
    assert.ok(
      (places[0] as number) > 0 && (places[4] as number) < text.indexOf('\u00f5'),
      'JSON, then the greeting',
    );
    await stage.askWitness();
  }));

test('heartbeat: a peer of the ringwire wire that answers stays, a silent one is dead; node-ipc’s wire has none', () =>
  onStage({ heartbeat: 60 }, async (stage) => {
    const alive = await greeted(stage);
    const silent = await greeted(stage);
    const pings = (): number =>
      alive.received.toString('latin1').split('\u0008\0\0\0\0\0\0\0\u0003').length - 1;
    let answered = 0;
    alive.socket.on('data', () => {
      for (; answered < pings(); answered++) alive.socket.write(PONG);
    });
    const start = performance.now();
    await within('the silent peer to be cut', silent.closed);
    const tookMs = performance.now() - start;
    assert.ok(tookMs > 120 && tookMs < 2_000, `${tookMs} ms`);
    assert.equal(goodbyeReason(silent.received), 13);
    assert.deepEqual(codes(stage), ['PEER_DEAD']);
    await until('more pings', () => answered > 5);
    assert.equal(alive.isClosed, false);
    assert.deepEqual(refusals(stage), { ERR_RINGWIRE_PEER_DEAD: 1 });
    await stage.askWitness();
  }));

test('maxTotalPendingBytes: of many stopped peers the largest goes, the others stay', () =>
  onStage({ maxTotalPendingBytes: 2.5 * MUCH }, async (stage) => {
    const peers: Peer[] = [];
    const sockets: PeerSocket[] = [];
    for (let count = 0; count < 3; count++) {
      const peer = await stage.peer();
      peer.socket.pause();
      peers.push(peer);
      sockets.push(lastSocket(stage));
    }
    const [small, large, medium] = sockets as [PeerSocket, PeerSocket, PeerSocket];
    stage.server.emit(small, 'much', 'x'.repeat(MUCH / 2));
    for (let count = 0; count < 2; count++) stage.server.emit(large, 'much', 'x'.repeat(0.75 * MUCH));
    stage.server.emit(medium, 'much', 'x'.repeat(MUCH));
    assert.deepEqual(codes(stage), ['MEMORY_LIMIT'], 'at once, not at the next beat');
    await until('the largest to be gone', () => !stage.server.sockets.includes(large));
    assert.equal(stage.server.sockets.includes(small) && stage.server.sockets.includes(medium), true);
    assert.deepEqual(refusals(stage), { ERR_RINGWIRE_MEMORY_LIMIT: 1 });
    await stage.askWitness();
  }));

for (const wire of ['node-ipc', 'ringwire'] as const) {
  test(`maxTotalPendingBytes, wire of ${wire}: of unfinished messages the largest goes, the others arrive`, () =>
    onStage({ maxTotalPendingBytes: 2.5 * MUCH, maxMessageSize: 2 * MUCH }, async (stage) => {
      const isBinary = wire === 'ringwire';
      const sizes: number[] = [];
      stage.server.on('some', (data: Buffer | string) => sizes.push(data.length));
      const begin = async (bytes: number): Promise<Peer> => {
        const peer = isBinary ? await greeted(stage) : await stage.peer();
        const before = isBinary ? beginning(0, bytes + 16) : '{"type":"some","data":"';
        const { receivedBytes } = statsOf(stage);
        peer.socket.write(before);
        peer.socket.write(Buffer.alloc(bytes, 0x78));
        const arrived = receivedBytes + before.length + bytes;
        await until('the bytes to arrive', () => statsOf(stage).receivedBytes >= arrived);
        return peer;
      };
      const small = await begin(MUCH / 2);
      const large = await begin(1.25 * MUCH);
      assert.deepEqual(codes(stage), [], 'there is room for both');
      const medium = await begin(MUCH);
      await within('the largest to be cut', large.closed);
      assert.deepEqual(codes(stage), ['MEMORY_LIMIT'], 'at once, not at the next beat');
      if (isBinary) assert.equal(goodbyeReason(large.received), 14);
      for (const { socket } of [small, medium])
        socket.write(isBinary ? Buffer.alloc(16) : `${'x'.repeat(16)}"}\f`);
      await until('the others to arrive', () => sizes.length === 2);
      assert.deepEqual(
        sizes.toSorted((one, other) => one - other),
        [MUCH / 2 + 16, MUCH + 16],
      );
      // What has arrived counts no more: there is room for a third one.
      await begin(1.75 * MUCH);
      assert.deepEqual(refusals(stage), { ERR_RINGWIRE_MEMORY_LIMIT: 1 });
      await stage.askWitness();
    }));
}

test('maxTotalPendingBytes: a message that is being handled counts no more, and who is cut meanwhile counts no more either', () =>
  onStage({ maxTotalPendingBytes: 2 * MUCH, maxMessageSize: 2 * MUCH }, async (stage) => {
    const { server } = stage;
    const beside = await stage.peer();
    beside.socket.pause();
    server.emit(lastSocket(stage), 'much', 'x'.repeat(MUCH / 2));
    const asking = await stage.peer();
    let received = 0;
    asking.socket.on('data', (chunk: Buffer) => (received += chunk.length));
    server.on('answer with', (data: { bytes: number }, socket: PeerSocket) => {
      server.emit(socket, 'answer', 'x'.repeat(data.bytes));
    });
    const ask = (bytes: number): void => {
      const text = `{"type":"answer with","data":{"bytes":${bytes},"text":"${'x'.repeat(1.25 * MUCH)}"}}\f`;
      asking.socket.write(text);
    };
    ask(0.75 * MUCH);
    await until('the answer', () => received > 0.75 * MUCH);
    assert.deepEqual(codes(stage), [], 'there is room for both answers');
    ask(1.75 * MUCH);
    await within('who asks for too much to be cut', asking.closed);
    assert.deepEqual(codes(stage), ['MEMORY_LIMIT']);
    assert.equal(beside.isClosed, false);
    assert.equal(statsOf(stage).pendingBytes > 0.4 * MUCH, true, 'what waits for the other one stays');
    await stage.askWitness();
  }));

test('maxTotalPendingBytes: 64 KiB of each peer are its own, and whole messages that wait for their turn are not unfinished', () =>
  onStage({ maxTotalPendingBytes: 70_000, maxTurnMessages: 1 }, async (stage) => {
    let handled = 0;
    stage.server.on('some', () => handled++);
    for (let count = 0; count < 4; count++) {
      const peer = await stage.peer();
      const { receivedBytes } = statsOf(stage);
      peer.socket.write(`{"type":"some","data":"${'x'.repeat(60_000)}`);
      await until('the bytes to arrive', () => statsOf(stage).receivedBytes >= receivedBytes + 60_000);
    }
    const busy = await stage.peer();
    busy.socket.write(`{"type":"some","data":"${'x'.repeat(100)}"}\f`.repeat(2_000));
    await until('all of them', () => handled === 2_000);
    assert.deepEqual(codes(stage), []);
    await stage.askWitness();
  }));

for (const wire of ['node-ipc', 'ringwire'] as const) {
  test(`maxTotalPendingBytes, wire of ${wire}: a message that could never arrive is refused like one above maxMessageSize`, () =>
    onStage({ maxTotalPendingBytes: 70_000 }, async (stage) => {
      const isBinary = wire === 'ringwire';
      const peer = isBinary ? await greeted(stage) : await stage.peer();
      peer.socket.write(isBinary ? beginning(0, 70_001) : `{"type":"some","data":"${'x'.repeat(70_000)}`);
      await within('the peer to be cut', peer.closed);
      assert.deepEqual(codes(stage), ['FRAME_TOO_LARGE']);
      if (isBinary) {
        assert.equal(goodbyeReason(peer.received), 1);
        assert.equal(peer.received.readUInt32LE(4), 70_000, 'the preamble has told');
      }
      await stage.askWitness();
    }));
}

for (const setting of [{ maxTurnBytes: 1_000 }, {}]) {
  test(`floodTimeout: a peer that spends every turn is cut where that is asked for, ${JSON.stringify(setting)}`, () =>
    onStage({ floodTimeout: 100, ...setting }, async (stage) => {
      const flooder = await stage.peer();
      // Few messages, so that they do not spend the turn's time.
      const messages = Buffer.from(`{"type":"msg","data":"${'x'.repeat(20_000)}"}\f`.repeat(50));
      const pour = (): void => {
        while (!flooder.isClosed && flooder.socket.write(messages));
      };
      flooder.socket.on('drain', pour);
      pour();
      await within('the flooder to be cut', flooder.closed);
      assert.deepEqual(codes(stage), ['FLOOD']);
      await stage.askWitness();
    }));
}

test('maxConnections: one more is refused and counted', () =>
  onStage({ maxConnections: 2 }, async (stage) => {
    const second = await stage.peer();
    const third = await stage.peer();
    await within('the third to be refused', third.closed);
    assert.equal(second.isClosed, false);
    assert.deepEqual(codes(stage), ['TOO_MANY_CONNECTIONS']);
    assert.deepEqual(refusals(stage), { ERR_RINGWIRE_TOO_MANY_CONNECTIONS: 1 });
    await stage.askWitness();
  }));

/** msgpack of nested arrays, of many elements, of many keys. */
const STRUCTURES: readonly (readonly [
  setting: 'maxDepth' | 'maxElements' | 'maxKeys',
  value: unknown,
  code: string,
])[] = [
  ['maxDepth', [[[[[1]]]]], 'TOO_DEEP'],
  ['maxElements', [1, 2, 3, 4, 5], 'TOO_MANY_ELEMENTS'],
  ['maxKeys', [{ a: 1, b: 2 }, { a: 3, c: 4 }, { d: 5 }], 'TOO_MANY_ELEMENTS'],
];

for (const [setting, value, code] of STRUCTURES) {
  test(`${setting}: one less is too little, on both wires`, () =>
    onStage({ [setting]: 4 }, async (stage) => {
      const peer = await stage.peer();
      const binary = await greeted(stage);
      const announce = frame(0, 0, Buffer.from('020000806d7367', 'hex'));
      binary.socket.write(Buffer.concat([announce, frame(0x8000, 1, Buffer.from(JSON.stringify(value)))]));
      await until('a refusal', () => stage.errors.length === 1);
      assert.deepEqual(stage.errors, [{ code: `ERR_RINGWIRE_${code}`, closed: false }]);
      // The envelope of node-ipc's wire counts too: a level, two keys, two elements of each.
      peer.socket.write(`{"type":"msg","data":${JSON.stringify(value)}}\f`);
      await within('a peer of node-ipc’s wire to be cut', peer.closed);
      assert.deepEqual(stage.errors[1], { code: `ERR_RINGWIRE_${code}`, closed: true });
      await stage.askWitness();
      assert.equal(refusals(stage)[`ERR_RINGWIRE_${code}`], 2);
    }));
}

test('maxEventNameBytes: on the ringwire wire a longer name is refused', () =>
  onStage({ maxEventNameBytes: 8 }, async (stage) => {
    const peer = await stage.peer();
    peer.socket.write(
      Buffer.concat([
        GREETING,
        frame(0, 0, Buffer.concat([Buffer.from('02000080', 'hex'), Buffer.from('123456789')])),
      ]),
    );
    await within('the peer to be cut', peer.closed);
    assert.deepEqual(codes(stage), ['INVALID_EVENT']);
    const other = await greeted(stage);
    assert.throws(() => stage.server.emit(lastSocket(stage), '123456789', 'bytes'), {
      code: 'ERR_RINGWIRE_EVENT_TOO_LONG',
      limit: 8,
    });
    assert.equal(other.isClosed, false);
    await stage.askWitness();
  }));

test('stats: totals, and what is of now', () =>
  onStage({}, async (stage) => {
    await stage.askWitness();
    const peer = await greeted(stage);
    const { connections, connectionsTotal, receivedMessages, sentMessages, receivedBytes, sentBytes } =
      statsOf(stage);
    assert.deepEqual([connections, connectionsTotal, receivedMessages, sentMessages], [2, 2, 1, 1]);
    assert.ok(receivedBytes > 20 && sentBytes > 20);
    await stage.leave(peer);
    const later = statsOf(stage);
    assert.deepEqual([later.connections, later.connectionsTotal], [1, 2]);
    assert.ok(later.receivedBytes >= receivedBytes && later.sentBytes >= sentBytes, 'totals only grow');
    assert.deepEqual({ ...later.refusals }, {});
    assert.equal(Object.getPrototypeOf(later.refusals), null);
  }));
