/**
 * The settings of limits: their defaults are those of the limits, each reaches its limit, and impossible values are refused by name.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Config } from '../../src/ipc/config.ts';
import { contextOptions } from '../../src/ipc/config-options.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts';

/** Setting, limit, whether false is possible. */
const SETTINGS: readonly (readonly [setting: keyof Config, limit: keyof Limits, mayBeFalse: boolean])[] = [
  ['maxMessageSize', 'frameBytesMax', false],
  ['maxDepth', 'depthMax', false],
  ['maxElements', 'elementsMax', false],
  ['maxKeys', 'keysMax', false],
  ['maxEventNameBytes', 'eventNameBytesMax', false],
  ['highWaterMark', 'pendingBytesSoft', false],
  ['maxPendingBytes', 'pendingBytesMax', false],
  ['maxTotalPendingBytes', 'totalPendingBytesMax', false],
  ['writeStallTimeout', 'writeStallTimeoutMs', true],
  ['frameTimeout', 'frameTimeoutMs', true],
  ['minFrameProgress', 'frameProgressBytesMin', false],
  ['heartbeat', 'heartbeatMs', true],
  ['maxHeartbeatMisses', 'heartbeatMissesMax', false],
  ['stableTime', 'stableMs', false],
  ['floodTimeout', 'floodTimeoutMs', true],
  ['maxTurnBytes', 'turnBytesMax', false],
  ['maxTurnMessages', 'turnMessagesMax', false],
  ['maxTurnTime', 'turnTimeMsMax', false],
  ['handshakeTimeout', 'handshakeTimeoutMs', false],
  ['syncTimeout', 'syncTimeoutMs', false],
];

function limitsWith(settings: object, isServer = true): Limits {
  return contextOptions(Object.assign(new Config(), settings), isServer).limits;
}

test('the defaults are those of RELIABILITY, and those of a server are all there', () => {
  assert.deepEqual(limitsWith({}), DEFAULT_LIMITS);
  const { frameBytesMax, pendingBytesSoft, pendingBytesMax, totalPendingBytesMax } = DEFAULT_LIMITS;
  const MiB = 1024 * 1024;
  assert.deepEqual(
    [frameBytesMax, pendingBytesSoft, pendingBytesMax, totalPendingBytesMax],
    [16 * MiB, MiB, 64 * MiB, 512 * MiB],
  );
  const { depthMax, elementsMax, keysMax, eventNameBytesMax } = DEFAULT_LIMITS;
  assert.deepEqual([depthMax, elementsMax, keysMax, eventNameBytesMax], [64, 1_000_000, 100_000, 256]);
  const { handshakeTimeoutMs, frameTimeoutMs, frameProgressBytesMin, writeStallTimeoutMs } = DEFAULT_LIMITS;
  assert.deepEqual(
    [handshakeTimeoutMs, frameTimeoutMs, frameProgressBytesMin, writeStallTimeoutMs],
    [5_000, 30_000, 1_024, 10_000],
  );
  const { heartbeatMs, heartbeatMissesMax, stableMs, syncTimeoutMs } = DEFAULT_LIMITS;
  assert.deepEqual([heartbeatMs, heartbeatMissesMax, stableMs, syncTimeoutMs], [15_000, 3, 5_000, 30_000]);
});

test('each setting reaches its limit', () => {
  for (const [setting, limit, mayBeFalse] of SETTINGS) {
    const value = setting === 'maxMessageSize' || setting === 'maxPendingBytes' ? 2_000_000 : 77;
    assert.equal(limitsWith({ [setting]: value })[limit], value, setting);
    if (mayBeFalse) assert.equal(limitsWith({ [setting]: false })[limit], Infinity, setting);
  }
  assert.equal(
    limitsWith({}, false).writeStallTimeoutMs,
    Infinity,
    'clients have nothing to gain from cutting',
  );
});

test('impossible values are refused by name', () => {
  for (const [setting, , mayBeFalse] of SETTINGS) {
    for (const value of [
      -1,
      Number.NaN,
      '10',
      null,
      undefined,
      true,
      {},
      ...(mayBeFalse ? [0, Infinity] : [false]),
    ]) {
      assert.throws(
        () => limitsWith({ [setting]: value }),
        { code: 'ERR_RINGWIRE_BAD_CONFIG', message: new RegExp(`^config\\.(?:${setting}|highWaterMark) `) },
        `${setting} ${String(value)}`,
      );
    }
  }
  assert.throws(() => limitsWith({ maxEventNameBytes: 257 }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
  for (const slowConsumer of ['block', undefined, 1])
    assert.throws(() => limitsWith({ slowConsumer }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
  for (const slowConsumer of ['drop-oldest', 'latest'])
    assert.throws(() => limitsWith({ slowConsumer, rawBuffer: true }), { code: 'ERR_RINGWIRE_BAD_CONFIG' });
});
