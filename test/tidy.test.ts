/**
 * The house rules of src that a compiler does not know: rooms import downwards only, modules keep no state, nothing is `any`, every
 * file is used by somebody and stays readable.
 *
 * It reads text, not types: strings and comments are taken out first.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from './support/project.ts';

const SOURCE: string = join(projectRoot(), 'src');

/** A file imports from its own room or from one of strictly lower rank. */
const RANKS: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  'limits.ts': 0,
  'emitter.ts': 0,
  'loading.ts': 0,
  bytes: 1,
  frames: 2,
  codecs: 2,
  transports: 2,
  connection: 3,
  codegen: 3,
  endpoints: 4,
  ipc: 5,
  api: 5,
  daemon: 6,
  otel: 6,
  bench: 6,
  cli: 7,
  'api.ts': 7,
  'wire.ts': 7,
  'index.ts': 8,
};
/** What the package exports: nobody has to import these. */
const ENTRIES: readonly string[] = [
  'index.ts',
  'wire.ts',
  'daemon/daemon.ts',
  'otel/otel.ts',
  'cli/ringwire.ts',
];
/** Programs that are started, or put into a page: nobody imports them. */
const PROCESSES: readonly string[] = ['bench/peer.ts', 'bench/report/page-script.ts'];
/** The contract between frames and codecs is a type; codecs may name it without depending on the room. */
const SHARED_TYPES: readonly string[] = ['frames/frame.ts'];
const LINES_MAX = 300;

interface Import {
  readonly target: string;
  readonly typeOnly: boolean;
}

const files: readonly string[] = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/'))
  .toSorted();

function read(file: string): string {
  return readFileSync(join(SOURCE, file), 'utf8');
}

function roomOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file;
}

/** Every import and re-export of a file of our own, static or dynamic. */
function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const pattern =
    /\b(?:import|export)\b(\s+type\b)?[^'";]*?['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/g;
  for (const [, type, from, dynamic] of read(file).matchAll(pattern)) {
    const target = normalize(join(dirname(file), (from ?? dynamic) as string)).replaceAll('\\', '/');
    found.push({ target, typeOnly: type !== undefined });
  }
  return found;
}

/** The code without comments, strings and regular expressions that could look like code. */
function codeOf(file: string): string {
  return read(file)
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
    .replaceAll(/\/\/.*$/gm, '')
    .replaceAll(/`(?:[^`\\]|\\.)*`/g, '``');
}

test('there is something to look at', () => {
  assert.ok(files.length > 30, files.join(' '));
  assert.ok(
    importsOf('connection/connection.ts').some(
      (each) => each.target === 'frames/control.ts' && !each.typeOnly,
    ),
  );
  assert.ok(importsOf('codecs/raw.ts').some((each) => each.target === 'frames/frame.ts' && each.typeOnly));
  assert.ok(importsOf('api.ts').some((each) => each.target === 'ipc/ipc.ts'));
});

test('every file lives in a room that has a rank', () => {
  for (const file of files) assert.ok(RANKS[roomOf(file)] !== undefined, `${file} is in no known room`);
});

test('rooms import from themselves or from lower ranks', () => {
  for (const file of files) {
    const own = RANKS[roomOf(file)] as number;
    for (const { target, typeOnly } of importsOf(file)) {
      assert.ok(files.includes(target), `${file} imports ${target}, which does not exist`);
      if (roomOf(target) === roomOf(file) || (typeOnly && SHARED_TYPES.includes(target))) continue;
      assert.ok((RANKS[roomOf(target)] as number) < own, `${file} (rank ${own}) imports ${target}`);
    }
  }
});

test('no file imports itself in a circle', () => {
  const done = new Set<string>();
  const visit = (file: string, above: readonly string[]): void => {
    assert.ok(!above.includes(file), `circle: ${[...above, file].join(' -> ')}`);
    if (done.has(file)) return;
    for (const { target, typeOnly } of importsOf(file)) if (!typeOnly) visit(target, [...above, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test('every file is imported by another one, or is an entry', () => {
  const used = new Set<string>([...ENTRIES, ...PROCESSES]);
  for (const file of files) for (const { target } of importsOf(file)) if (target !== file) used.add(target);
  assert.deepEqual(
    files.filter((file) => !used.has(file)),
    [],
  );
  const { exports, bin } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as {
    exports: Record<string, string>;
    bin: Record<string, string>;
  };
  const entries = [...Object.values(exports), ...Object.values(bin)].filter((target) =>
    target.endsWith('.js'),
  );
  assert.deepEqual(
    entries.map((target) => target.replace(/^(?:\.\/)?dist\//, '').replace('.js', '.ts')).toSorted(),
    [...ENTRIES].toSorted(),
  );
});

test('modules keep no state: no let or var at the top of a file', () => {
  for (const file of files) assert.doesNotMatch(codeOf(file), /^(?:export )?(?:let|var)\b/m, file);
});

test('nothing is any, and no check of the compiler is switched off', () => {
  for (const file of files) {
    assert.doesNotMatch(codeOf(file), /[:<,|&([]\s*any\b|\bas any\b|=>\s*any\b|\bany\[\]/, file);
    assert.doesNotMatch(read(file), /@ts-(?:ignore|nocheck|expect-error)/, file);
  }
});

test('files open with what they do, and stay readable', () => {
  for (const file of files) {
    const lines = read(file).split('\n');
    assert.ok(
      lines.length <= LINES_MAX + 1,
      `${file} has ${lines.length - 1} lines, ${LINES_MAX} are allowed`,
    );
    if (lines[0]?.startsWith('#!')) lines.shift();
    const comment = lines.findIndex((line) => line.endsWith('*/')) + 1;
    assert.ok(
      lines[0]?.startsWith('/**') && comment >= 1 && comment <= 10,
      `${file} opens with a short comment`,
    );
  }
});
