/**
 * A session and its link by themselves: what they hand to a connection that is going.
 *
 * The carrier and the outbox are this file's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlabPool } from '../../src/bytes/slab-pool.ts';
import { KeptBytes } from '../../src/connection/kept-bytes.ts';
import type { Sender } from '../../src/connection/sender.ts';
import { type Carrier, newSession, type Session } from '../../src/connection/session.ts';
import { SessionLink } from '../../src/connection/session-link.ts';
import type { SharedMessage } from '../../src/connection/shared-message.ts';
import type { Wire } from '../../src/connection/wire.ts';
import { DEFAULT_LIMITS } from '../../src/limits.ts';

function makeSession(): Session {
  const pool = new SlabPool();
  const session = newSession({ pool, keptPool: pool, limits: DEFAULT_LIMITS, kept: new KeptBytes(Infinity) });
  session.startWith({} as Wire);
  return session;
}

test('a connection that is cut for what a session hands on, or ends, gets no more of it', () => {
  for (const all of [false, true]) {
    const session = makeSession();
    const parts = [Buffer.alloc(64), Buffer.alloc(100_000)];
    const message = { bytes: 100_064, check: () => {}, keep: () => parts } as unknown as SharedMessage;
    for (let count = 0; count < 5; count++) session.sendShared(message);
    let handed = 0;
    const carrier = {
      wire: session.wire,
      isFull: false,
      get isClosed(): boolean {
        return handed === 2;
      },
      hand: (): void => void handed++,
    } as unknown as Carrier;
    session.attach(carrier, 0);
    session.flush(all);
    assert.equal(handed, 2);
    assert.equal(session.unacknowledged.messages, 5);
  }
});

test('an outbox that is closed is given no acknowledgements, behind which an end would wait', () => {
  for (const isClosed of [false, true]) {
    let responses = 0;
    const outbox = { isFull: false, isClosed };
    const sender = { outbox, respond: () => void responses++ } as unknown as Sender;
    const session = makeSession();
    const handlers = { cut: () => {}, refused: () => {}, drained: () => {} };
    const link = new SessionLink(session, sender, handlers);
    link.session = session;
    link.counted(true);
    link.acknowledge();
    assert.equal(responses, isClosed ? 0 : 1);
    assert.equal(link.isClosed, isClosed);
  }
});
