/**
 * Liveness: each deadline on a clock that the test moves, beat by beat. None ends early, none ends for a peer that goes on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Liveness, type LivenessLimits, type Signs } from '../../src/connection/liveness.ts';
import type { RingwireError } from '../../src/errors.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';

const BEAT_MS = 250;

class Scene {
  readonly signs: { -readonly [Sign in keyof Signs]: Signs[Sign] } = {
    unfinishedBytes: 0,
    receivedBytes: 0,
    handledCount: 0,
    turnsSpent: 0,
    isFull: false,
    isEnding: false,
    pendingBytes: 0,
    drainCount: 0,
    takenBytes: 0,
    canPing: false,
  };
  readonly faults: RingwireError[] = [];
  readonly pings: { token: number; atMs: number }[] = [];
  nowMs = 0;
  readonly #liveness: Liveness;

  constructor(limits: Partial<LivenessLimits> = {}) {
    const handlers = {
      cut: (error: RingwireError) => void this.faults.push(error),
      ping: (token: number) => void this.pings.push({ token, atMs: this.nowMs }),
    };
    this.#liveness = new Liveness({ ...DEFAULT_LIMITS, ...limits }, this.signs, handlers);
  }

  /** Beats until a fault or the end. @param before what happens before each beat @returns when the fault came, in milliseconds */
  run(forMs: number, before: (sinceMs: number) => void = () => {}): number | undefined {
    const start = this.nowMs;
    while (this.nowMs < start + forMs) {
      this.nowMs += BEAT_MS;
      before(this.nowMs - start);
      this.#liveness.check(this.nowMs);
      if (this.faults.length > 0) return this.nowMs - start;
    }
    return undefined;
  }

  get codes(): string[] {
    return this.faults.map((error) => error.code);
  }
}

test('an unfinished message: cut between 30 and 31 s, with its numbers', () => {
  const scene = new Scene();
  assert.equal(scene.run(100_000), undefined, 'nothing is unfinished');
  scene.signs.unfinishedBytes = 10;
  const at = scene.run(40_000, () => scene.signs.receivedBytes++) as number;
  assert.ok(at >= 30_000 && at <= 31_000, String(at));
  assert.deepEqual(scene.codes, ['ERR_RINGWIRE_FRAME_TIMEOUT']);
  assert.deepEqual([scene.faults[0]?.limit, scene.faults[0]?.closed], [30_000, true]);
});

test('an unfinished message is let alone while 1 KiB comes each second, and cut when no more does', () => {
  const scene = new Scene();
  scene.signs.unfinishedBytes = 1;
  assert.equal(
    scene.run(600_000, () => (scene.signs.receivedBytes += 256)),
    undefined,
  );
  const at = scene.run(100_000) as number;
  assert.ok(at <= 61_000, `a burst buys no more than one further stretch: ${at}`);
  assert.deepEqual(scene.codes, ['ERR_RINGWIRE_FRAME_TIMEOUT']);
  const slow = new Scene();
  slow.signs.unfinishedBytes = 1;
  assert.notEqual(
    slow.run(40_000, () => (slow.signs.receivedBytes += 255)),
    undefined,
    'a little less is too little',
  );
});

test('messages that never end where a chunk ends: each that completes starts the time anew', () => {
  const scene = new Scene();
  scene.signs.unfinishedBytes = 1;
  const tick = (sinceMs: number): void => {
    if (sinceMs % 20_000 === 0) scene.signs.handledCount++;
  };
  assert.equal(scene.run(600_000, tick), undefined);
  assert.notEqual(scene.run(40_000), undefined);
});

test('a slow peer: cut after 10 s above the mark, 5 percent more at most', () => {
  const scene = new Scene();
  scene.signs.isFull = true;
  scene.signs.pendingBytes = 2 * DEFAULT_LIMITS.pendingBytesSoft;
  const at = scene.run(60_000, () => (scene.signs.takenBytes += 256)) as number;
  assert.ok(at >= 10_000 && at <= 10_500, String(at));
  assert.deepEqual(scene.codes, ['ERR_RINGWIRE_SLOW_CONSUMER_TIME']);
});

test('a slow peer is kept when it drains in time, falls below the mark, or takes the mark in bytes', () => {
  const soft = DEFAULT_LIMITS.pendingBytesSoft;
  const rows: Readonly<Record<string, (scene: Scene, sinceMs: number) => void>> = {
    drains: ({ signs }, sinceMs) => {
      if (sinceMs % 9_500 === 0) signs.drainCount++;
    },
    'falls below': ({ signs }, sinceMs) => {
      signs.pendingBytes = sinceMs % 9_500 === 0 ? soft - 1 : 2 * soft;
    },
    takes: ({ signs }) => {
      signs.takenBytes += soft / 39;
    },
  };
  for (const [name, before] of Object.entries(rows)) {
    const scene = new Scene();
    scene.signs.isFull = true;
    scene.signs.pendingBytes = 2 * soft;
    assert.equal(
      scene.run(600_000, (sinceMs) => before(scene, sinceMs)),
      undefined,
      name,
    );
    assert.notEqual(
      scene.run(12_000, () => (scene.signs.pendingBytes = 2 * soft)),
      undefined,
      name,
    );
  }
});

test('behind its end a peer has to take what is left, however little, and may take its time as long as it goes on', () => {
  const soft = DEFAULT_LIMITS.pendingBytesSoft;
  for (const pendingBytes of [1, 20_000, 40 * soft]) {
    const scene = new Scene();
    Object.assign(scene.signs, { isEnding: true, pendingBytes });
    const at = scene.run(60_000) as number;
    assert.ok(at >= 10_000 && at <= 10_500, String(at));
    assert.deepEqual(scene.codes, ['ERR_RINGWIRE_SLOW_CONSUMER_TIME']);
  }
  const going = new Scene();
  Object.assign(going.signs, { isEnding: true, pendingBytes: 50 * soft });
  const taking = (): void => {
    const taken = Math.min(going.signs.pendingBytes, soft / 39);
    going.signs.pendingBytes -= taken;
    going.signs.takenBytes += taken;
  };
  assert.equal(going.run(600_000, taking), undefined);
  assert.equal(going.signs.pendingBytes, 0);
  assert.equal(going.run(600_000), undefined, 'and may rest when it has everything');
});

test('heartbeat behind the end: no ping, which could not leave; what is taken is the sign', () => {
  const scene = new Scene({ writeStallTimeoutMs: Infinity });
  Object.assign(scene.signs, { canPing: true, isEnding: true, pendingBytes: 1_000 });
  assert.equal(
    scene.run(600_000, () => scene.signs.takenBytes++),
    undefined,
  );
  assert.notEqual(scene.run(60_000), undefined);
  assert.deepEqual([scene.codes, scene.pings], [['ERR_RINGWIRE_PEER_DEAD'], []]);
});

test('heartbeat: two pings, dead within 45 s; any byte starts anew', () => {
  const scene = new Scene();
  scene.signs.canPing = true;
  scene.run(250);
  const at = scene.run(60_000) as number;
  assert.ok(at > 43_000 && at <= 45_000, String(at));
  assert.deepEqual(
    scene.pings.map(({ token, atMs }) => [token, Math.round(atMs / 1000)]),
    [
      [1, 15],
      [2, 30],
    ],
  );
  assert.deepEqual(scene.codes, ['ERR_RINGWIRE_PEER_DEAD']);

  const alive = new Scene();
  alive.signs.canPing = true;
  const answered = (): void => {
    alive.signs.receivedBytes += alive.pings.splice(0).length;
  };
  assert.equal(alive.run(600_000, answered), undefined, 'a pong is enough');
});

test('heartbeat: on the wire of node-ipc there is none; while much waits, what is taken is the sign', () => {
  const scene = new Scene();
  assert.equal(scene.run(600_000), undefined);
  const busy = new Scene({ writeStallTimeoutMs: Infinity });
  Object.assign(busy.signs, { canPing: true, isFull: true, pendingBytes: 2 ** 30 });
  assert.equal(
    busy.run(600_000, () => busy.signs.takenBytes++),
    undefined,
  );
  assert.notEqual(busy.run(60_000), undefined);
  assert.deepEqual(busy.codes, ['ERR_RINGWIRE_PEER_DEAD']);
});

test('flood: only where it is asked for, and only when the turn is spent without a break', () => {
  const patient = new Scene();
  assert.equal(
    patient.run(600_000, () => patient.signs.turnsSpent++),
    undefined,
  );
  const scene = new Scene({ floodTimeoutMs: 5_000 });
  const withBreaks = (sinceMs: number): void => {
    if (sinceMs % 4_000 !== 0) scene.signs.turnsSpent++;
  };
  assert.equal(scene.run(60_000, withBreaks), undefined);
  const at = scene.run(60_000, () => scene.signs.turnsSpent++) as number;
  assert.ok(at >= 5_000 && at <= 5_500, String(at));
  assert.deepEqual(scene.codes, ['ERR_RINGWIRE_FLOOD']);
});

test('Infinity: no deadline', () => {
  const scene = new Scene({
    frameTimeoutMs: Infinity,
    writeStallTimeoutMs: Infinity,
    heartbeatMs: Infinity,
    floodTimeoutMs: Infinity,
  });
  Object.assign(scene.signs, { unfinishedBytes: 1, isFull: true, pendingBytes: 2 ** 30, canPing: true });
  assert.equal(
    scene.run(1_000_000, () => scene.signs.turnsSpent++),
    undefined,
  );
  assert.deepEqual(scene.pings, []);
});
