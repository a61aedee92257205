/**
 * The conformance pack: hundreds of inputs, cut in several ways, against the TypeScript server, the TypeScript client and ringwire.h. docs/conformance.md shows the
 * result; `npm run conformance` writes it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { compilerMissing, make } from '../support/native.ts';
import { projectRoot } from '../support/project.ts';
import { readCases } from './cases.ts';
import { caseRows, REPORT } from './report.ts';
import { type Result, runClients, runNative, runServer } from './run.ts';

const inputs = readCases();

function check(results: readonly Result[], least: number): void {
  const faults = results.filter(({ fault }) => fault !== '');
  const told = faults
    .slice(0, 10)
    .map(({ input, chunking, fault }) => `${input.id} ${input.name}, ${chunking}: ${fault}`);
  assert.equal(faults.length, 0, `${faults.length} of ${results.length} cases\n${told.join('\n')}`);
  assert.ok(results.length >= least, `${results.length} cases`);
}

test('there are enough cases, of all groups, and no two are the same', () => {
  assert.ok(inputs.length >= 600, `${inputs.length} inputs`);
  const distinct = new Set(inputs.map(({ wire, setting, bytes }) => JSON.stringify([wire, setting, bytes])));
  assert.ok(distinct.size >= 600, `${distinct.size} different inputs`);
  assert.equal(new Set(inputs.map(({ id }) => id)).size, inputs.length);
  const codes = new Set(
    inputs.flatMap(({ events, code }) => [
      code,
      ...events.filter((line) => line.startsWith('error ')).map((line) => line.slice(6)),
    ]),
  );
  for (const code of [
    'OK',
    'TRUNCATED',
    'BAD_MAGIC',
    'BAD_VERSION',
    'BAD_FLAGS',
    'BAD_CODEC',
    'BAD_CONTROL',
    'BAD_CHECKSUM',
    'INVALID_EVENT',
    'FRAME_TOO_LARGE',
  ])
    assert.ok(codes.has(code), code);
  for (const code of [
    'PEER_GOODBYE',
    'INVALID_JSON',
    'INVALID_ENVELOPE',
    'INVALID_MSGPACK',
    'EXT_NOT_ALLOWED',
    'TOO_DEEP',
  ])
    assert.ok(codes.has(code), code);
  const ways = new Set(inputs.flatMap(({ chunkings }) => Object.keys(chunkings)));
  for (const way of ['whole', 'bytes', 'header', 'extension', 'payload', 'padding', 'before the delimiter'])
    assert.ok(ways.has(way), way);
});

test('the TypeScript server', async () => check(await runServer(inputs), 2000));

test('the TypeScript client', async () => check(await runClients(inputs), 2000));

test('ringwire.h', { skip: compilerMissing('gcc') ?? false }, async () => {
  make('native-peers', 'bin/vectors');
  check(await runNative(inputs), 2000);
});

test('the pack is what its tables make', async () => {
  const script = pathToFileURL(join(projectRoot(), 'fixtures', 'make-conformance.mjs')).href;
  const { makeFiles } = (await import(script)) as { makeFiles: () => [string, string][] };
  for (const [file, text] of makeFiles())
    assert.ok(
      readFileSync(join(projectRoot(), 'fixtures', 'conformance', file), 'utf8') === text,
      `${file}: run fixtures/make-conformance.mjs`,
    );
});

test('the report lists the cases of the pack', () => {
  const text = readFileSync(REPORT, 'utf8');
  const rows = text.split('\n').filter((line) => /^\| \d+\.\d+ /.test(line));
  assert.deepEqual(
    rows.map((row) => row.split(' | ').slice(0, 4).join(' | ')),
    caseRows(inputs).map((row) => row.join(' | ')),
    'npm run conformance',
  );
});
