/**
 * How events fan out (the semantics of event-pubsub): chaining, order, wildcards, what a handler may do to the list while
 * it runs. Servers and clients are emitters; a server that never started is the purest one.
 *
 * Nothing is sent here. Invariant: rows on which the original is wrong are planted, the others hold for both.
 */
import assert from 'node:assert/strict';
import type { Stage } from './support/stage.ts';
import type { Emitter, Handler } from './support/subjects.ts';
import { both, fixed, ours } from './support/suites.ts';
import { record } from './support/waiting.ts';

/** EventEmitter's names, which only ringwire has. */
interface WithAliases extends Emitter {
  addListener(type: string, handler: Handler): this;
  removeListener(type: string, handler: Handler): this;
  prependListener(type: string, handler: Handler): this;
  listenerCount(type: string): number;
}

function emitterOf(stage: Stage): Emitter {
  const ipc = stage.make();
  ipc.serve(stage.path());
  return ipc.server;
}

function clientOf(stage: Stage): Emitter {
  return stage.dial({ path: stage.path() }).client;
}

const nothing = (): void => {};

both('on, once, off and reset chain', async (stage) => {
  for (const emitter of [emitterOf(stage), clientOf(stage)]) {
    assert.equal(emitter.on('a', nothing), emitter);
    assert.equal(
      emitter.once('a', () => {}),
      emitter,
    );
    assert.equal(emitter.off('a', nothing), emitter);
    assert.equal(emitter.off('a'), emitter);
    assert.equal(emitter.off(), emitter);
    assert.equal(emitter.off('nobody listens', nothing), emitter);
    assert.equal(emitter.reset(), emitter);
    assert.equal(emitter.publish('a'), emitter);
  }
});

both('types are strings and handlers functions, or a TypeError says so', async (stage) => {
  const emitter = emitterOf(stage);
  for (const type of [undefined, null, 5, {}, ['a'], Symbol('a')] as unknown as string[]) {
    if (type !== undefined) assert.throws(() => emitter.off(type), TypeError);
    assert.throws(() => emitter.on(type, nothing), TypeError);
    assert.throws(() => emitter.once(type, nothing), TypeError);
    assert.throws(() => emitter.publish(type), TypeError);
  }
  emitter.on('a', nothing);
  for (const handler of [undefined, null, 5, 'a', {}] as unknown as Handler[]) {
    assert.throws(() => emitter.on('a', handler), TypeError);
    assert.throws(() => emitter.once('a', handler), TypeError);
    if (handler !== undefined) assert.throws(() => emitter.off('a', handler), TypeError);
  }
});

both('handlers run in order with all arguments; wildcards come first and get the type', async (stage) => {
  const emitter = emitterOf(stage);
  const got: unknown[] = [];
  emitter.on('a', (...args: unknown[]) => got.push(['first', ...args]));
  emitter.on('*', (...args: unknown[]) => got.push(['all', ...args]));
  emitter.on('a', (...args: unknown[]) => got.push(['second', ...args]));
  emitter.publish('a', 1, 2, 3);
  emitter.publish('b');
  assert.deepEqual(got, [
    ['all', 'a', 1, 2, 3],
    ['first', 1, 2, 3],
    ['second', 1, 2, 3],
    ['all', 'b'],
  ]);
});

both('a handler registered twice runs twice', async (stage) => {
  const emitter = emitterOf(stage);
  let calls = 0;
  const count = (): void => void calls++;
  emitter.on('a', count).on('a', count).publish('a');
  assert.equal(calls, 2);
});

both('a handler added during a dispatch runs in that dispatch', async (stage) => {
  const emitter = emitterOf(stage);
  const calls: string[] = [];
  emitter.on('a', () => {
    calls.push('one');
    if (calls.length === 1) emitter.on('a', () => calls.push('late'));
  });
  emitter.on('a', () => calls.push('two'));
  emitter.publish('a');
  assert.deepEqual(calls, ['one', 'two', 'late']);
});

fixed('a handler that removes itself does not make the next one miss its turn', /'b'/, async (stage) => {
  const emitter = emitterOf(stage);
  const calls: string[] = [];
  const a = (): void => {
    calls.push('a');
    emitter.off('x', a);
  };
  emitter.on('x', a);
  for (const name of ['b', 'c']) emitter.on('x', () => calls.push(name));
  emitter.publish('x');
  assert.deepEqual(calls, ['a', 'b', 'c']);
  emitter.publish('x');
  assert.deepEqual(calls, ['a', 'b', 'c', 'b', 'c']);
});

ours('a handler removed during a dispatch before its turn does not run', async (stage) => {
  const emitter = emitterOf(stage);
  const calls: string[] = [];
  const victim = (): void => void calls.push('victim');
  emitter.on('x', () => emitter.off('x', victim));
  emitter.on('x', victim);
  emitter.on('x', () => calls.push('last'));
  emitter.publish('x');
  assert.deepEqual(calls, ['last']);
});

both('once runs once', async (stage) => {
  const emitter = emitterOf(stage);
  const calls: unknown[] = [];
  emitter.once('a', (value: unknown) => calls.push(value));
  emitter.publish('a', 1);
  emitter.publish('a', 2);
  assert.deepEqual(calls, [1]);
  assert.equal('a' in emitter.list, false);
});

both('a once wildcard runs once', async (stage) => {
  const emitter = emitterOf(stage);
  const calls: unknown[] = [];
  emitter.once('*', (type: string) => calls.push(type));
  emitter.publish('a');
  emitter.publish('b');
  assert.deepEqual(calls, ['a']);
});

fixed(
  'once is over before its handler runs: publishing again inside does not re-enter it',
  /3/,
  async (stage) => {
    const emitter = emitterOf(stage);
    let calls = 0;
    emitter.once('a', () => {
      if (++calls < 3) emitter.publish('a');
    });
    emitter.publish('a');
    assert.equal(calls, 1);
  },
);

fixed('once is a matter of one registration, not of the function', /AssertionError/, async (stage) => {
  const one = emitterOf(stage);
  const other = emitterOf(stage);
  let calls = 0;
  const handler = (): void => void calls++;
  one.on('a', handler);
  other.once('a', handler);
  for (let i = 0; i < 3; i++) one.publish('a');
  assert.equal(calls, 3);
});

fixed('a frozen function may be a handler', /not extensible/, async (stage) => {
  let calls = 0;
  const frozen = Object.freeze(() => void calls++);
  emitterOf(stage).on('a', frozen).once('a', frozen).publish('a');
  assert.equal(calls, 2);
});

both('off: wildcards alone, all of a type, every copy of one handler', async (stage) => {
  for (const wildcards of [[], ['*'], ['*', '*']] as [string?, '*'?][]) {
    const emitter = emitterOf(stage);
    const calls: string[] = [];
    const typed = (): void => void calls.push('typed');
    emitter.on('*', () => calls.push('all')).on('a', typed);
    emitter.off(...wildcards).publish('a');
    assert.deepEqual(calls, ['typed']);
  }
  const emitter = emitterOf(stage);
  const calls: string[] = [];
  const copy = (): void => void calls.push('copy');
  emitter.on('a', copy).on('a', () => calls.push('other'));
  emitter.on('a', copy).on('b', () => calls.push('b'));
  emitter.off('a', copy);
  emitter.publish('a');
  emitter.off('a');
  emitter.publish('a');
  emitter.publish('b');
  assert.deepEqual(calls, ['other', 'b']);
});

both('reset removes everything', async (stage) => {
  const emitter = clientOf(stage);
  const events = record(emitter, 'a', 'b', '*');
  emitter.reset();
  for (const type of ['a', 'b']) emitter.publish(type);
  assert.deepEqual(events.entries, []);
  assert.deepEqual(Reflect.ownKeys(emitter.list), []);
});

both('list shows the handlers by type, the wildcards under a symbol, and is a snapshot', async (stage) => {
  const emitter = clientOf(stage);
  emitter.on('a', nothing).on('*', nothing);
  const { list } = emitter;
  assert.deepEqual(list['a'], [nothing]);
  const symbols = Object.getOwnPropertySymbols(list);
  assert.equal(symbols.length, 1);
  for (const symbol of symbols) assert.deepEqual(list[symbol], [nothing]);
  assert.equal('*' in list, false);
  delete list['a'];
  assert.deepEqual(emitter.list['a'], [nothing]);
});

fixed('every string is a type, also those that objects inherit', /TypeError/, async (stage) => {
  const emitter = emitterOf(stage);
  for (const type of ['toString', 'constructor', '__proto__', 'hasOwnProperty', 'valueOf', '']) {
    emitter.publish(type, 'nobody listens');
    const got: unknown[] = [];
    emitter.on(type, (value: unknown) => got.push(value));
    emitter.publish(type, 1);
    emitter.off(type);
    emitter.publish(type, 2);
    assert.deepEqual(got, [1], type);
  }
});

ours("EventEmitter's names work too", async (stage) => {
  const emitter = emitterOf(stage) as WithAliases;
  const calls: string[] = [];
  const one = (): void => void calls.push('one');
  assert.equal(emitter.addListener('a', one), emitter);
  assert.equal(
    emitter.prependListener('a', () => calls.push('zero')),
    emitter,
  );
  assert.equal(emitter.listenerCount('a'), 2);
  emitter.publish('a');
  assert.equal(emitter.removeListener('a', one), emitter);
  emitter.publish('a');
  assert.deepEqual(calls, ['zero', 'one', 'zero']);
});
