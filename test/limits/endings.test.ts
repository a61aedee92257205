/**
 * What a peer costs that goes: one that has said its last takes what is left for it or is cut, and of those that are cut little is still under way.
 * Peers are plain `net`; a witness notices nothing.
 * Rows T34 and T40 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stats } from '../../src/connection/counters.ts';
import type { PeerSocket } from '../../src/index.ts';
import { type Peer, type Stage, within } from '../hostile/stage.ts';
import { codes, goodbyeReason, greeted, onStage, until } from './stage.ts';

const MIB: number = 1024 * 1024;
const SOFT: number = MIB / 2;
/** Below the soft mark, and more than the system takes for a peer that does not read. */
const SOME = 450_000;
const MUCH: number = 8 * MIB;
const TEXT: string = 'x'.repeat(10_000);

/** With what those that were cut still have under way. */
function pendingBytes({ server }: Stage): number {
  return (server.stats() as Stats).pendingBytes;
}

for (const wire of ['node-ipc', 'ringwire'] as const) {
  test(`wire of ${wire}: who has said its last and takes nothing is cut, below the soft mark too; who takes its time gets everything`, () =>
    onStage({ writeStallTimeout: 400, highWaterMark: SOFT }, async (stage) => {
      const open = (): Promise<Peer> => (wire === 'ringwire' ? greeted(stage) : stage.peer());
      const send = (bytes: number): PeerSocket => {
        const socket = stage.server.sockets.at(-1) as PeerSocket;
        let hasRoom = true;
        for (let sent = 0; sent < bytes; sent += TEXT.length)
          hasRoom = stage.server.emit(socket, 'much', TEXT);
        assert.equal(hasRoom, bytes === SOME);
        return socket;
      };
      const idle = await open();
      idle.socket.pause();
      const idleSocket = send(SOME);
      const slow = await open();
      slow.socket.pause();
      send(MUCH);
      const stopped = await open();
      stopped.socket.pause();
      const stoppedSocket = send(SOME);
      const start = performance.now();
      // A chunk of 64 KiB each time, 8 MiB a second, six times what is asked of it.
      const drip = setInterval(() => slow.socket.read(), 8);
      slow.socket.end();
      stopped.socket.end();
      try {
        await until('the stopped one to be gone', () => !stage.server.sockets.includes(stoppedSocket));
        assert.ok(performance.now() - start >= 400, 'not before its time');
        assert.deepEqual(codes(stage), ['SLOW_CONSUMER_TIME']);
        await within('the slow one to be closed', slow.closed);
        assert.ok(performance.now() - start > 800, 'it took longer than a stall may');
      } finally {
        clearInterval(drip);
      }
      assert.ok(slow.receivedBytes > MUCH, `${slow.receivedBytes} bytes came`);
      assert.equal(goodbyeReason(slow.received), undefined);
      assert.deepEqual(codes(stage), ['SLOW_CONSUMER_TIME'], 'nobody else was cut');
      assert.ok(stage.server.sockets.includes(idleSocket), 'one that may still speak owes nothing');
      await stage.askWitness();
    }));
}

const CAP: number = 64 * MIB;
const SLAB_BYTES: number = 128 * 1024;
const PEERS = 60;

for (const [what, bytes, count] of [
  ['many small messages', 8_000, 500],
  ['messages that leave much of a slab idle', 70_000, 60],
  ['one large message', 4 * MIB, 1],
] as const) {
  for (const saysLast of [false, true]) {
    test(`maxTotalPendingBytes within one turn, ${what} to each of ${PEERS} peers that take nothing${saysLast ? ' and have said their last' : ''}`, () =>
      onStage({ maxTotalPendingBytes: CAP, highWaterMark: MIB }, async (stage) => {
        const peers = await Promise.all(Array.from({ length: PEERS }, () => stage.peer()));
        for (const peer of peers) peer.socket.pause();
        await until('all to be there', () => stage.server.sockets.length === PEERS + 1);
        const sockets = stage.server.sockets.slice(1);
        const text = 'x'.repeat(bytes);
        let most = 0;
        const sendTo = (socket: PeerSocket): void => {
          for (let sent = 0; sent < count; sent++) stage.server.emit(socket, 'much', text);
          most = Math.max(most, pendingBytes(stage));
        };
        if (saysLast) {
          // Some that are full already and go, then all the others at once.
          const going = sockets.slice(0, 12);
          for (const socket of going) sendTo(socket);
          const ended = new Promise<void>((resolve) => {
            let open = going.length;
            for (const socket of going)
              socket.once('end', () => void (--open === 0 && setImmediate(resolve)));
          });
          for (const peer of peers.slice(0, 12)) peer.socket.end();
          await within('the ends', ended);
        }
        for (const socket of sockets.slice(saysLast ? 12 : 0)) sendTo(socket);
        const cut = codes(stage);
        assert.ok(cut.length > 20 && cut.every((code) => code === 'MEMORY_LIMIT'), `${cut.length} were cut`);
        const allowed = CAP * 1.05 + cut.length * SLAB_BYTES;
        assert.ok(most <= allowed, `${most / MIB} MiB at most, ${allowed / MIB} allowed`);
        await until(
          'those that were cut to be gone',
          () => stage.server.sockets.length === PEERS + 1 - codes(stage).length,
        );
        assert.ok(pendingBytes(stage) <= CAP);
        await stage.askWitness();
      }));
  }
}
