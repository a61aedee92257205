/**
 * Receiver: what it accounts for of unfinished messages, and what is left of them when it is stopped, between two reads or by a handler in the
 * middle of one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiveRing } from '../../src/bytes/receive-ring.ts';
import { Receiver, type ReceiverHandlers } from '../../src/connection/receiver.ts';
import type { Wire } from '../../src/connection/wire.ts';
import { LengthPrefixedParser } from '../../src/frames/length-prefixed.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';
import { frame, PREAMBLE } from '../frames/naive.ts';

const OWN_BYTES: number = 64 * 1024;
const LARGE = frame(2, 3, Buffer.alloc(300_000));
const SMALL = frame(1, 3, 'small');
/** Nobody pauses here: a busy machine must not end a turn. */
const LIMITS = { ...DEFAULT_LIMITS, turnBytesMax: Infinity, turnTimeMsMax: Infinity };

class Scene {
  readonly memory = { receivingBytes: 0, checks: 0, check: () => void this.memory.checks++ };
  readonly receiver: Receiver;
  readonly parser: LengthPrefixedParser;
  readonly events: number[] = [];
  onEvent: () => void = () => {};
  pauses = 0;

  constructor(limits = LIMITS) {
    const ring = new ReceiveRing();
    this.parser = new LengthPrefixedParser(ring, 1_000_000);
    const wire = {
      parser: this.parser,
      receive: ({ event }: { event: number }) => {
        this.events.push(event);
        this.onEvent();
      },
    };
    const handlers: ReceiverHandlers = {
      choose: () => ({ wire: wire as unknown as Wire }),
      refused: assert.ifError,
      broken: assert.ifError,
      exhausted: () => {},
      pause: () => this.pauses++,
      resume: () => {},
    };
    this.receiver = new Receiver(ring, limits, this.memory, handlers);
  }

  /** The kernel reads so much, wherever it should land. */
  read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const count = bytes.copy(this.receiver.writable(), 0, at);
      this.receiver.received(count);
      at += count;
    }
  }

  get account(): number[] {
    assert.equal(this.receiver.receivingBytes, this.memory.receivingBytes);
    return [this.memory.receivingBytes, this.receiver.unfinishedBytes];
  }
}

test('of a message that is not complete what is above 64 KiB counts, until it is', () => {
  const scene = new Scene();
  scene.read(Buffer.concat([PREAMBLE, SMALL, LARGE.subarray(0, OWN_BYTES)]));
  assert.deepEqual(scene.account, [0, OWN_BYTES]);
  scene.read(LARGE.subarray(OWN_BYTES, 200_000));
  assert.deepEqual(scene.account, [200_000 - OWN_BYTES, 200_000]);
  assert.ok(scene.memory.checks > 0);
  scene.onEvent = () => assert.equal(scene.memory.receivingBytes, 0, 'a message that is handled is complete');
  scene.read(Buffer.concat([LARGE.subarray(200_000), SMALL]));
  assert.deepEqual(scene.account, [0, 0]);
  assert.deepEqual(scene.events, [1, 2, 1]);
});

test('stopped between two reads: nothing is left, and the next read lands in the ring', () => {
  const scene = new Scene();
  scene.read(Buffer.concat([PREAMBLE, LARGE.subarray(0, 200_000)]));
  scene.receiver.stop();
  assert.deepEqual(scene.account, [0, 0]);
  scene.read(LARGE.subarray(200_000));
  assert.deepEqual(scene.account, [0, 0]);
  assert.deepEqual(scene.events, []);
});

test('stopped by a handler: what follows is not kept', () => {
  const scene = new Scene();
  scene.onEvent = () => scene.receiver.stop();
  scene.read(Buffer.concat([PREAMBLE, SMALL, LARGE.subarray(0, 200_000)]));
  assert.deepEqual(scene.account, [0, 0]);
  assert.deepEqual(scene.events, [1]);
});

test('stopped by the handler of a message that was carried: its bytes stay until the handler has returned', () => {
  const scene = new Scene();
  scene.read(Buffer.concat([PREAMBLE, LARGE.subarray(0, 200_000)]));
  scene.onEvent = () => {
    scene.receiver.stop();
    assert.ok(scene.parser.carriedBytes === 0 && scene.memory.receivingBytes === 0);
  };
  scene.read(Buffer.concat([LARGE.subarray(200_000), LARGE.subarray(0, 100_000)]));
  assert.deepEqual(scene.account, [0, 0]);
  assert.deepEqual(scene.events, [2]);
});

test('messages that wait for their turn do not count, and are given up when it is stopped', () => {
  const scene = new Scene({ ...LIMITS, turnMessagesMax: 1 });
  scene.read(Buffer.concat([PREAMBLE, ...Array.from({ length: 10_000 }, () => SMALL)]));
  assert.equal(scene.pauses, 1);
  assert.equal(scene.memory.receivingBytes, 0);
  assert.ok(scene.receiver.unfinishedBytes > OWN_BYTES);
  scene.receiver.stop();
  assert.deepEqual(scene.account, [0, 0]);
});
