/**
 * A planted bug for each fuzz target, in a copy of the build that counts its branches: the fuzzer has to get to it from the committed corpus, which does not
 * show it.
 *
 * It changes nothing in the tree.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project.ts';

interface Bug {
  readonly target: string;
  /** Compiled, below build/src. */
  readonly file: string;
  readonly text: string;
  readonly instead: string;
  /** Found within a second or two; the others take up to some hundred thousand runs. */
  readonly isSoon: boolean;
}

const BUGS: readonly Bug[] = [
  {
    target: 'datagram',
    file: 'connection/sequence-window.js',
    text: 'if ((seen[bit >>> 5] & (1 << (bit & 31))) !== 0) {',
    instead: 'if (behind < 500 && (seen[bit >>> 5] & (1 << (bit & 31))) !== 0) {',
    isSoon: false,
  },
  {
    target: 'frames',
    file: 'frames/header.js',
    text: 'if (codec > HIGHEST_CODEC ||',
    instead: 'if ((codec > HIGHEST_CODEC && codec !== 77) ||',
    isSoon: true,
  },
  {
    target: 'hello',
    file: 'connection/agreement.js',
    text: 'own.hashOf(fieldCount) === hash',
    instead: '((own.hashOf(fieldCount) ^ hash) & 255n) === 0n',
    isSoon: false,
  },
  {
    target: 'json',
    file: 'connection/delimited-wire.js',
    text: 'envelopes.of(type)',
    instead: "envelopes.of(type.replace('Q', 'q'))",
    isSoon: true,
  },
  {
    target: 'msgpack',
    file: 'codecs/msgpack-check.js',
    text: 'at += 1 + length;',
    instead: 'at += length;',
    isSoon: true,
  },
  {
    target: 'shapes',
    file: 'codecs/shapes/json-reader.js',
    text: '(bytes[first] === ZERO && at > first + 1)',
    instead: '(bytes[first] === ZERO && at > first + 3)',
    isSoon: false,
  },
];

const root: string = projectRoot();
const folder: string = fs.mkdtempSync(join(tmpdir(), 'ringwire-planted-'));
const isFull: boolean = process.env['RINGWIRE_FULL'] === '1';
/** Several times what those took that are found soon, and the others. */
const RUNS: number = isFull ? 4_000_000 : 400_000;
const SECONDS = 240;

before(() => {
  for (const part of ['node_modules', 'fixtures']) fs.symlinkSync(join(root, part), join(folder, part));
  fs.copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  const instrument = join(root, 'test', 'fuzz', 'instrument.mjs');
  execFileSync(process.execPath, [instrument, join(folder, 'build'), JSON.stringify(BUGS)]);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('the fuzzer finds', { concurrency: 2 }, () => {
  for (const { target, instead, isSoon } of BUGS) {
    const skip = isSoon || isFull ? false : 'takes minutes: RINGWIRE_FULL=1 runs it';
    test(`${target}: ${instead}`, { skip }, async (context) => {
      const main = join(folder, 'build', 'test', 'fuzz', 'main.js');
      const args = [main, target, '--runs', String(RUNS), '--seconds', String(SECONDS), '--state', folder];
      const output = await promisify(execFile)(process.execPath, args).then(
        ({ stdout }) => stdout,
        ({ code, stdout }: { code: number; stdout: string }) => {
          assert.equal(code, 1, stdout);
          return stdout;
        },
      );
      const [, runs] = new RegExp(`^FINDING in ${target} after (\\d+) runs: `, 'm').exec(output) ?? [];
      assert.ok(runs !== undefined, output);
      assert.ok(Number(runs) > 0, 'the corpus does not show it');
      context.diagnostic(`${runs} runs`);
    });
  }
});
