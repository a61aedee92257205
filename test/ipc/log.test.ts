/**
 * The log and the warnings: a peer that misbehaves gets one line a second, nothing that it sends can forge a line, and trust in anybody is
 * said once.
 * Row T100 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Config } from '../../src/ipc/config.ts';
import { oneLine, writeLog } from '../../src/ipc/log.ts';
import { Shared } from '../../src/ipc/shared.ts';
import { trustOf } from '../../src/transports/tls-options.ts';
import { onStage } from '../limits/stage.ts';

function logging(): { shared: Shared; lines: string[]; config: Config } {
  const lines: string[] = [];
  const config = Object.assign(new Config(), {
    logger: (line: string) => lines.push(line),
    logInColor: false,
  });
  return { shared: new Shared(config, (...args) => writeLog(config, args)), lines, config };
}

test('one line a second for each peer, which says how many were left out', (context) => {
  let nowMs = 5_000;
  context.mock.method(performance, 'now', () => nowMs);
  const { shared, lines, config } = logging();
  const [one, other] = [{}, {}];
  for (let count = 0; count < 10; count++) shared.logFault('error', one, new Error('bad'));
  shared.logFault('error', other, Object.assign(new Error('worse'), { code: 'ERR_X' }));
  nowMs += 999;
  shared.logFault('error', one, new Error('bad'));
  nowMs += 1;
  shared.logFault('error', one, new Error('bad'));
  assert.deepEqual(lines, [
    'error Error: bad',
    'error ERR_X: worse',
    'error Error: bad (and 10 more since the last line)',
  ]);
  config.silent = true;
  nowMs += 5_000;
  shared.logFault('error', one, new Error('bad'));
  assert.equal(lines.length, 3);
});

test('what a peer chose stays within its line', () => {
  const vectors = [
    '\n',
    '\r\n',
    '\u001b[31mred',
    '\u0000',
    '\u0007',
    '\u0085',
    '\u009b2J',
    '\u2028',
    '\u2029',
    '\t',
    '\u007f',
  ];
  for (const vector of vectors) {
    const shown = oneLine(`before${vector}behind`);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(shown, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/, JSON.stringify(vector));
    assert.match(shown, /^before\\u.*behind$/);
  }
  assert.equal(oneLine('x'.repeat(1_000_000)).length, 1_024);
  assert.equal(oneLine('ä\u{1f600}'), 'ä\u{1f600}');
});

test('a hostile peer at a server: one line for it, whatever it calls itself and its events', async () => {
  const lines: string[] = [];
  const settings = {
    silent: false,
    logPayloads: true,
    logInColor: false,
    logger: (line: string) => lines.push(line),
  };
  await onStage(settings, async (stage) => {
    const peer = await stage.peer();
    peer.socket.write('{"type":"a\\nserver error forged","data":{"id":"\\u001b[31m\\nforged"}}\f');
    peer.socket.write('{"type":"b","data":"\\nforged"}\fnot json\f');
    await peer.closed;
    await stage.askWitness();
  });
  assert.ok(lines.some((line) => line.includes('server error forged')));
  for (const line of lines) {
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/, JSON.stringify(line));
  }
  assert.deepEqual(lines.filter((line) => line.startsWith('server error')).length, 1);
});

test('trust: what is warned of, and what is not', () => {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  try {
    assert.equal(trustOf({}, false), undefined);
    assert.equal(trustOf({ rejectUnauthorized: true }, false), undefined);
    assert.match(trustOf({ rejectUnauthorized: false }, false) ?? '', /rejectUnauthorized/);
    assert.equal(
      trustOf({ rejectUnauthorized: false }, true),
      undefined,
      'nobody is asked for a certificate',
    );
    assert.match(trustOf({ rejectUnauthorized: false, requestCert: true }, true) ?? '', /rejectUnauthorized/);
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    assert.match(trustOf({}, false) ?? '', /NODE_TLS_REJECT_UNAUTHORIZED/);
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  }
});

test('trust: an instance warns once', (context) => {
  const warnings: unknown[] = [];
  context.mock.method(process, 'emitWarning', (_text: string, options: { code: string }) =>
    warnings.push(options.code),
  );
  const { shared } = logging();
  shared.warnOfTrust({}, false);
  for (let count = 0; count < 3; count++) shared.warnOfTrust({ rejectUnauthorized: false }, false);
  assert.deepEqual(warnings, ['ERR_RINGWIRE_TLS_UNVERIFIED']);
});
