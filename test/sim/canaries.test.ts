/**
 * Row S5 of RELIABILITY.md: every planted bug is noticed by the check that is named for it, in a copy of the build. One that nobody notices fails, and so
 * does one whose text is not in the code any more.
 *
 * It changes nothing in the tree. The same checks have to pass in the copy before anything is planted.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { projectRoot } from '../support/project.ts';
import { ACKNOWLEDGED, type Canary, CANARIES, DATAGRAMS, IPC_FACE, SIMULATOR } from './canaries.ts';

const root: string = projectRoot();
/** So many that each bug shows; the runs end with the first that does. */
const SEEDS = 150;
const RUN_MS_MAX = 60_000;
/** Two copies, on two processors. */
const COPIES = 2;

const folders: string[] = Array.from({ length: COPIES }, () =>
  fs.mkdtempSync(join(tmpdir(), 'ringwire-canary-')),
);
after(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
});

function copyBuild(folder: string): void {
  for (const part of ['src', 'test']) {
    fs.cpSync(join(root, 'build', part), join(folder, 'build', part), {
      recursive: true,
      filter: (path) => !path.endsWith('.map'),
    });
  }
  fs.copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  for (const part of ['node_modules', 'fixtures', 'test'])
    fs.symlinkSync(join(root, part), join(folder, part));
}

interface Result {
  readonly isCaught: boolean;
  readonly output: string;
}

/** Runs a check in a copy. It is caught by a test that fails or by a promise that was broken, not by a program that does not start. */
function check(folder: string, caughtBy: string, from: number, seeds: number): Promise<Result> {
  const build = join(folder, 'build', 'test');
  const isSimulator = [SIMULATOR, DATAGRAMS, ACKNOWLEDGED, IPC_FACE].includes(caughtBy);
  const kind = isSimulator ? caughtBy.split(' ').slice(1) : [];
  const args = isSimulator
    ? [join(build, 'sim', 'main.js'), '--from', String(from), '--seeds', String(seeds), ...kind]
    : ['--test-reporter=tap', join(build, caughtBy)];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const options = { env: { ...env, RINGWIRE_POISON: '1' }, timeout: RUN_MS_MAX, maxBuffer: 2 ** 26 };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (_error, output) => {
      const isCaught = isSimulator ? /^seed \d+ failed/m.test(output) : /^not ok /m.test(output);
      resolve({ isCaught, output });
    });
  });
}

async function release(folder: string, canary: Canary): Promise<string | undefined> {
  const file = join(folder, 'build', 'src', canary.file);
  const text = fs.readFileSync(file, 'utf8');
  const count = text.split(canary.text).length - 1;
  if (count !== 1)
    return `${canary.bug}: its text occurs ${count} times in ${canary.file}, it has to follow the code`;
  fs.writeFileSync(
    file,
    text.replace(canary.text, () => canary.instead),
  );
  const { isCaught, output } = await check(folder, canary.caughtBy, canary.from, SEEDS);
  fs.writeFileSync(file, text);
  return isCaught ? undefined : `${canary.bug}: ${canary.caughtBy} has not noticed\n${output.slice(-1_000)}`;
}

/** Takes work from one list in both copies. */
async function inCopies<T>(
  work: readonly T[],
  run: (folder: string, item: T) => Promise<void>,
): Promise<void> {
  const left = [...work];
  await Promise.all(
    folders.map(async (folder) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await run(folder, item);
    }),
  );
}

test('S5 the checks pass in a copy of the build', async () => {
  for (const folder of folders) copyBuild(folder);
  await inCopies([...new Set(CANARIES.map(({ caughtBy }) => caughtBy))], async (folder, caughtBy) => {
    const { isCaught, output } = await check(folder, caughtBy, 1, 5);
    assert.equal(isCaught, false, output);
    assert.match(output, caughtBy.startsWith(SIMULATOR) ? /^0 failures/m : /^# pass [1-9]/m);
  });
});

test('S5 every planted bug is caught', async (context) => {
  assert.ok(CANARIES.length >= 25);
  const survivors: string[] = [];
  await inCopies(CANARIES, async (folder, canary) => {
    const survivor = await release(folder, canary);
    if (survivor !== undefined) survivors.push(survivor);
  });
  assert.deepEqual(survivors, [], survivors.join('\n'));
  context.diagnostic(`${CANARIES.length} planted bugs`);
});
