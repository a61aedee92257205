/**
 * Emitter and Slot by themselves: node-ipc's order of handlers, changes in the middle of a dispatch, and the path without a lookup,
 * which has to behave as the other one does.
 *
 * What programs see of it beside node-ipc is tested in compat.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter, Slot } from '../src/emitter.ts';

function ignore(): void {}

type Publish = (emitter: Emitter, type: string, data: unknown, origin?: unknown) => void;

function publish(emitter: Emitter, type: string, data: unknown, origin?: unknown): void {
  if (origin === undefined) emitter.publish(type, data);
  else emitter.publish(type, data, origin);
}

/** As a connection does it: the slot is kept from message to message. */
function slotted(): Publish {
  const slots = new Map<string, Slot>();
  return (emitter, type, data, origin) => {
    const slot = slots.get(type) ?? new Slot(type);
    slots.set(type, slot);
    emitter.publishTo(slot, data, origin);
  };
}

/** Runs a test by name and by slot. */
function both(name: string, run: (emitter: Emitter, send: Publish) => void): void {
  test(`publish: ${name}`, () => run(new Emitter(), publish));
  test(`publishTo: ${name}`, () => run(new Emitter(), slotted()));
}

both('handlers run in order, with data and origin', (emitter, send) => {
  const calls: unknown[][] = [];
  emitter.on('a', (...args: unknown[]) => calls.push(['one', ...args]));
  send(emitter, 'a', 1);
  emitter.on('a', (...args: unknown[]) => calls.push(['two', ...args]));
  send(emitter, 'a', 2, 'origin');
  send(emitter, 'other', 3);
  assert.deepEqual(calls, [
    ['one', 1],
    ['one', 2, 'origin'],
    ['two', 2, 'origin'],
  ]);
});

both('the wildcard hears everything first, with the name', (emitter, send) => {
  const calls: unknown[][] = [];
  emitter.on('a', (...args: unknown[]) => calls.push(['a', ...args]));
  send(emitter, 'a', 0);
  emitter.on('*', (...args: unknown[]) => calls.push(['*', ...args]));
  send(emitter, 'a', 1);
  send(emitter, 'nobody', 2);
  emitter.off('*');
  send(emitter, 'a', 3);
  assert.deepEqual(calls, [
    ['a', 0],
    ['*', 'a', 1],
    ['a', 1],
    ['*', 'nobody', 2],
    ['a', 3],
  ]);
});

both('once: once, also when the handler publishes again', (emitter, send) => {
  let calls = 0;
  emitter.once('a', () => {
    calls++;
    send(emitter, 'a', 2);
  });
  send(emitter, 'a', 1);
  send(emitter, 'a', 3);
  assert.equal(calls, 1);
  assert.equal(emitter.listenerCount('a'), 0);
});

both('handlers added during a dispatch still run in it', (emitter, send) => {
  const calls: string[] = [];
  emitter.on('a', () => {
    calls.push('first');
    if (calls.length === 1) emitter.on('a', () => calls.push('added'));
  });
  send(emitter, 'a', 0);
  assert.deepEqual(calls, ['first', 'added']);
  send(emitter, 'a', 0);
  assert.deepEqual(calls, ['first', 'added', 'first', 'added']);
});

both('handlers removed during a dispatch do not run any more', (emitter, send) => {
  const calls: string[] = [];
  const second = (): void => void calls.push('second');
  emitter.on('a', () => {
    calls.push('first');
    emitter.off('a', second);
  });
  emitter.on('a', second);
  emitter.on('a', () => calls.push('third'));
  send(emitter, 'a', 0);
  assert.deepEqual(calls, ['first', 'third']);
});

both('a handler that removes itself is called once and takes nobody with it', (emitter, send) => {
  const calls: string[] = [];
  const self = (): void => {
    calls.push('self');
    emitter.off('a', self);
  };
  emitter.on('a', self);
  send(emitter, 'a', 0);
  emitter.on('a', () => calls.push('later'));
  send(emitter, 'a', 0);
  assert.deepEqual(calls, ['self', 'later']);
});

both('an only handler that replaces itself: the new one hears the next message', (emitter, send) => {
  const calls: string[] = [];
  emitter.on('a', () => {
    calls.push('old');
    emitter.off('a');
    emitter.on('a', () => calls.push('new'));
  });
  send(emitter, 'a', 0);
  assert.deepEqual(calls, ['old']);
  send(emitter, 'a', 0);
  assert.deepEqual(calls, ['old', 'new']);
});

both('a handler that throws: the error reaches the caller, the emitter works on', (emitter, send) => {
  let throws = true;
  let calls = 0;
  emitter.on('a', () => {
    calls++;
    if (throws) throw new Error('of the user');
  });
  assert.throws(() => send(emitter, 'a', 0), /of the user/);
  throws = false;
  send(emitter, 'a', 0);
  assert.equal(calls, 2);
});

both('names of Object.prototype are names like any other', (emitter, send) => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
    send(emitter, name, 0);
    const heard: unknown[] = [];
    emitter.on(name, (data: unknown) => heard.push(data));
    send(emitter, name, 'data');
    assert.deepEqual(heard, ['data'], name);
    assert.equal(emitter.listenerCount(name), 1);
  }
});

test('off removes every copy of a handler; off() the wildcards; reset all; prepend comes first', () => {
  const emitter = new Emitter();
  const calls: string[] = [];
  const a = (): void => void calls.push('a');
  const b = (): void => void calls.push('b');
  emitter.on('x', a).on('x', b).on('x', a).prependListener('x', b);
  emitter.publish('x');
  assert.equal(calls.join(''), 'baba');
  emitter.off('x', a);
  emitter.publish('x');
  assert.equal(calls.join(''), 'bababb');
  emitter.on('*', a).off();
  emitter.publish('x');
  assert.equal(calls.join(''), 'bababbbb');
  emitter.reset().publish('x');
  assert.equal(calls.join(''), 'bababbbb');
  assert.deepEqual(Reflect.ownKeys(emitter.list), []);
});

test('list is a snapshot without a prototype; the wildcards stand under a symbol', () => {
  const emitter = new Emitter();
  emitter.on('__proto__', ignore).on('*', ignore);
  const { list } = emitter;
  assert.equal(Object.getPrototypeOf(list), null);
  assert.deepEqual(Reflect.ownKeys(list), ['__proto__', Symbol.for('event-pubsub-all')]);
  list['__proto__']?.pop();
  assert.equal(emitter.listenerCount('__proto__'), 1);
});

test('names that are no strings and handlers that are no functions are TypeErrors', () => {
  const emitter = new Emitter();
  for (const type of [undefined, null, 5, {}, Symbol('s')]) {
    assert.throws(() => emitter.on(type as string, () => {}), TypeError);
    assert.throws(() => emitter.publish(type as string), TypeError);
  }
  for (const handler of [undefined, null, 5, 'handler', {}])
    assert.throws(() => emitter.on('a', handler as () => void), TypeError);
  assert.equal(emitter.listenerCount('a'), 0);
});

test('10,000 random changes: publishTo calls what publish calls', () => {
  const emitter = new Emitter();
  const send = slotted();
  const calls: string[] = [];
  const handlers = Array.from({ length: 4 }, (_, index) => () => void calls.push(`${index}`));
  let state = 1;
  const below = (bound: number): number => (state = (state * 48_271) % 2_147_483_647) % bound;
  for (let step = 0; step < 10_000; step++) {
    const name = ['a', 'b', '*'][below(3)] as string;
    const handler = handlers[below(4)] as () => void;
    const kind = below(8);
    if (kind < 2) emitter.on(name, handler);
    else if (kind === 2) emitter.prependListener(name, handler);
    else if (kind < 5) emitter.off(name, handler);
    else if (kind === 5) emitter.off(name);
    for (const type of ['a', 'b']) {
      calls.length = 0;
      publish(emitter, type, step);
      const expected = calls.join('');
      calls.length = 0;
      send(emitter, type, step);
      assert.equal(calls.join(''), expected, `step ${step}`);
    }
  }
});
