/**
 * `ringwire bench ab`: two versions in turns. A version with a delay for every message is slower, the same one twice is not.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { projectRoot } from '../support/project.ts';
import { folder, type Outcome, removeFolder, ringwire, ringwireEach } from './support.ts';

after(removeFolder);

/** A version: its entry file is `body`. */
function version(name: string, body: string): string {
  const place = path.join(folder, name);
  fs.mkdirSync(path.join(place, 'dist'), { recursive: true });
  fs.writeFileSync(path.join(place, 'package.json'), '{"type":"module"}');
  fs.writeFileSync(path.join(place, 'dist', 'index.js'), body);
  return place;
}

const PLAIN = `export * from '${projectRoot()}/build/src/index.js';`;
/** Every write waits: a planted slowdown. */
const SLOW = `
import { StreamTransport } from '${projectRoot()}/build/src/transports/stream.js';
const write = StreamTransport.prototype.write;
StreamTransport.prototype.write = function (segments) {
  const end = performance.now() + 0.15;
  while (performance.now() < end);
  return write.call(this, segments);
};
${PLAIN}
`;
const ROW = 'unix/raw-frame/64B/echo';

test('a planted slowdown is found, the same version twice is not slower', () => {
  const [plain, slow] = [version('plain', PLAIN), version('slow', SLOW)];
  const options = ['--share', '0.005', '--min-effect', '10'];
  const found = ringwire(['bench', 'ab', '--rounds', '7', ...options, plain, slow, ROW]);
  assert.equal(found.code, 1, found.out + found.err);
  assert.match(found.out, /\| unix\/raw-frame\/64B\/echo#p50 \| slower \| 0\.\d+ /);
  const same = ringwire(['bench', 'ab', '--rounds', '2', ...options, plain, plain, ROW, '--json']);
  assert.equal(same.code, 0);
  const { rows } = JSON.parse(same.out) as { rows: { id: string; verdict: string; rounds: number }[] };
  const judged = rows.filter(({ id }) => id.endsWith('p50'));
  assert.deepEqual(
    judged.map(({ id, rounds }) => [id, rounds]),
    [[`${ROW}#p50`, 2]],
  );
  assert.notEqual(judged[0]?.verdict, 'slower');
});

test('versions that are none are told', () => {
  const empty = path.join(folder, 'empty');
  fs.mkdirSync(empty, { recursive: true });
  const cases = [
    [['onlyone'], 'two versions are needed'],
    [[empty, empty], 'holds no built ringwire'],
    [['no-such-commit', empty], 'no-such-commit is neither a folder nor a commit'],
    [[empty, empty, 'no-such-row'], 'no row has no-such-row in its name'],
    [['--rounds', 'x', empty, empty], "--rounds is a number from 1 on, not 'x'"],
  ] as const;
  const outcomes = ringwireEach(cases.map(([args]) => ['bench', 'ab', ...args]));
  for (const [at, [args, message]] of cases.entries()) {
    const { code, err } = outcomes[at] as Outcome;
    assert.equal(code, 2, args.join(' '));
    assert.ok(err.includes(message), err);
  }
});
