/**
 * What a program takes from its surroundings, taken from the simulator instead: timers, the monotonic clock, random numbers, `net` and `dgram`. The
 * code under test does not know: it finds what it always finds.
 *
 * Invariant: after `restore` everything is as it was, listeners of the process included.
 */
import crypto from 'node:crypto';
import dgram from 'node:dgram';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import type { Random } from '../support/seeded.ts';
import type { Alarm, Clock } from './clock.ts';
import { FakeDatagramSocket } from './datagrams.ts';
import type { Network } from './network.ts';
import { FakeServer, FakeSocket } from './sockets.ts';

const TIMEOUT_MAX: number = 2 ** 31 - 1;

/** What `setTimeout` and `setImmediate` return. */
class FakeTimer {
  alarm: Alarm;

  constructor(alarm: Alarm) {
    this.alarm = alarm;
    alarm.isRef = true;
  }

  ref(): this {
    this.alarm.isRef = true;
    return this;
  }

  unref(): this {
    this.alarm.isRef = false;
    return this;
  }

  hasRef(): boolean {
    return this.alarm.isRef;
  }

  /** A copy for the next turn of an interval. */
  again(alarm: Alarm): void {
    alarm.isRef = this.alarm.isRef;
    this.alarm = alarm;
  }
}

/** As Node's timers have it. */
function delayOf(ms: number): number {
  return ms >= 1 && ms <= TIMEOUT_MAX ? ms : 1;
}

function clear(timer: unknown): void {
  if (timer instanceof FakeTimer) timer.alarm.isDone = true;
}

type Call = (...args: unknown[]) => void;

function fakeTimers(clock: Clock): Record<string, unknown> {
  const interval = (call: Call, ms: number, ...args: unknown[]): FakeTimer => {
    const host = clock.current;
    const next = (): Alarm =>
      clock.after(delayOf(ms), host, () => {
        timer.again(next());
        call(...args);
      });
    const timer = new FakeTimer(next());
    return timer;
  };
  return {
    setTimeout: (call: Call, ms = 1, ...args: unknown[]) =>
      new FakeTimer(clock.after(delayOf(ms), clock.current, () => call(...args))),
    setInterval: interval,
    setImmediate: (call: Call, ...args: unknown[]) =>
      new FakeTimer(clock.behind(clock.current, () => call(...args))),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  };
}

/** Replaces properties. @returns what puts them back */
function replace(target: object, values: Record<string, unknown>): () => void {
  const before = Object.keys(values).map(
    (key) => [key, Object.getOwnPropertyDescriptor(target, key)] as const,
  );
  for (const [key, value] of Object.entries(values)) {
    Object.defineProperty(target, key, { value, configurable: true, writable: true, enumerable: true });
  }
  return () => {
    for (const [key, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(target, key);
      else Object.defineProperty(target, key, descriptor);
    }
  };
}

/** Programs that ended by a crash leave what they hung on the process. */
function keepProcessClean(): () => void {
  const before = process.listeners('exit');
  const max = process.getMaxListeners();
  return () => {
    for (const listener of process.listeners('exit')) {
      if (!before.includes(listener)) process.off('exit', listener);
    }
    process.setMaxListeners(max);
  };
}

/** @returns `restore` */
export function install(clock: Clock, network: Network, random: Random): () => void {
  // Made before `net.Socket` is another one.
  process.stdout.writable satisfies boolean;
  process.stderr.writable satisfies boolean;
  const connect = (options: object): FakeSocket => FakeSocket.connect(network, options);
  const undo = [
    keepProcessClean(),
    replace(globalThis, fakeTimers(clock)),
    replace(performance, { now: () => clock.nowMs }),
    replace(Math, { random: () => random.below(2 ** 32) / 2 ** 32 }),
    replace(crypto, { randomInt: (least: number, most?: number) => randomInt(random, least, most) }),
    replace(net, {
      Socket: FakeSocket,
      connect,
      createConnection: connect,
      createServer: (options: object, accept: (socket: FakeSocket) => void) =>
        new FakeServer(network, options, accept),
    }),
    replace(dgram, { createSocket: () => new FakeDatagramSocket(network) }),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const each of undo.toReversed()) each();
    syncBuiltinESMExports();
  };
}

function randomInt(random: Random, least: number, most: number | undefined): number {
  return most === undefined ? random.below(least) : least + random.below(most - least);
}
