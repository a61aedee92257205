/**
 * Runs the compiled tests: `node test/run.mjs [--node <binary>] [--without <regular expression>] [pattern]`. Node 20 knows no globs and a run that found no test
 * exits 0 there, so the files are listed here and the count is checked. Received bytes are poisoned throughout: a view that
 * outlives its handler shows itself. At the end the slowest files are named.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { node: { type: 'string', default: process.execPath }, without: { type: 'string' } },
  allowPositionals: true,
});
const pattern = positionals[0] ?? '';
const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'build', 'test');
const sources = path.join(folder, '..', '..', 'test');

// A compiled test whose source is gone would go on being run.
const files = fs
  .readdirSync(folder, { recursive: true })
  .filter((file) => file.endsWith('.test.js') && file.includes(pattern))
  .filter((file) => values.without === undefined || !new RegExp(values.without).test(file))
  .filter((file) => fs.existsSync(path.join(sources, file.replace(/\.js$/, '.ts'))))
  .map((file) => path.join(folder, file))
  .toSorted();

// Without a file to run, node --test would look for tests everywhere.
if (files.length === 0) {
  process.stderr.write(`no test file has '${pattern}' in its name\n`);
  process.exit(1);
}

const DURATIONS = new URL('durations.mjs', import.meta.url).href;

/** More than processors: many tests wait for a process or a deadline meanwhile. */
const AT_ONCE = 3;

/** The longest test takes a fraction of it: one that waits for ever ends as a failure. */
const TEST_MS_MAX = 300_000;

/** @returns whether all of them ran and passed */
async function run(some, concurrency) {
  if (some.length === 0) return true;
  const options = [
    '--enable-source-maps',
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${DURATIONS}`,
    '--test-reporter-destination=stdout',
    `--test-timeout=${TEST_MS_MAX}`,
  ];
  const child = spawn(values.node, [...options, ...some], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, RINGWIRE_POISON: '1' },
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    output += chunk;
  });
  const [code] = await once(child, 'close');
  const count = Number(/^\S* ?tests (\d+)$/m.exec(output)?.[1] ?? 0);
  if (count < some.length) {
    process.stderr.write(`${count} tests ran from ${some.length} files: that cannot be all of them\n`);
    return false;
  }
  return code === 0;
}

// Rows with witnesses, whose speed counts, have the machine to themselves.
const alone = (file) =>
  /^(?:reliability.(?:frames|payloads|slow-peers)|udp.programs)\./.test(path.relative(folder, file));
const passed = await run(
  files.filter((file) => !alone(file)),
  AT_ONCE,
);
const passedAlone = await run(files.filter(alone), 1);
if (!passed || !passedAlone) process.exitCode = 1;
