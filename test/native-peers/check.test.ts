/**
 * native-peers checks itself: `make check` (headers in C99 and C++11, vectors, the corpus, peers over unix, tcp and udp), the same under
 * sanitizers without sockets and with a short fuzz run, and the CMake target in a project of somebody else.
 *
 * Without make and a compiler it is skipped, with the reason.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { corpusFile, readCorpus } from '../fuzz/corpus.ts';
import { compilerMissing, make } from '../support/native.ts';
import { projectRoot } from '../support/project.ts';
import { readVectors } from '../support/vectors.ts';

const missing = compilerMissing('gcc', 'g++');
/** The folders of fixtures/corpus that the C parser replays. */
const CORPORA: readonly string[] = ['native', 'frames', 'hello', 'datagram', 'json'];

/** Why gcc has no sanitizers here; undefined when it has. */
function sanitizersMissing(): string | undefined {
  if (missing !== undefined) return missing;
  const args = ['-x', 'c', '-fsanitize=address,undefined', '-o', '/dev/null', '-'];
  const { status } = spawnSync('gcc', args, { input: 'int main(void) { return 0; }' });
  return status === 0 ? undefined : 'gcc has no sanitizers here';
}

function cmakeMissing(): string | undefined {
  if (missing !== undefined) return missing;
  return spawnSync('cmake', ['--version']).status === 0 ? undefined : 'there is no cmake here';
}

function cmake(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('cmake', args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}

/** Text of a comment, however it is laid out. */
function words(text: string): string {
  return text.replaceAll(/[\s*]+/g, ' ').replaceAll('`', '');
}

test('make check', { skip: missing ?? false }, () => {
  const printed = make('native-peers', 'check');
  assert.match(printed, /^check: ok$/m);
  assert.match(printed, /^check-cpp: ok$/m);
  assert.match(printed, new RegExp(`^vectors: ${readVectors().length} passed, 0 failed$`, 'm'));
  const kept = CORPORA.flatMap((target) => readCorpus(corpusFile(target))).length;
  const seeds = Number(/^fuzz: (\d+) seeds: ok$/m.exec(printed)?.[1]);
  assert.ok(seeds > kept && kept > 400, `${seeds} seeds, ${kept} of them from fixtures/corpus`);
  for (const line of [
    'tcp: 20000 x 100 bytes: ok',
    'udp: 50 x 20000 bytes: ok',
    'echo on unix, tcp and udp: ok',
    'node-ipc on unix and tcp: ok',
    'loss is noticed: ok',
  ])
    assert.ok(printed.includes(line), line);
});

test('make sanitize-quick', { skip: sanitizersMissing() ?? false }, () => {
  const printed = make('native-peers', 'sanitize-quick', 'RUNS=50000');
  assert.match(printed, /^fuzz: 50000 mutated runs: ok$/m);
  assert.match(printed, /^vectors: \d+ passed, 0 failed$/m);
});

test('add_subdirectory', { skip: cmakeMissing() ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-cmake-'));
  const native = join(projectRoot(), 'native-peers');
  try {
    const lines = [
      'cmake_minimum_required(VERSION 3.10)',
      'project(somebody LANGUAGES C CXX)',
      `add_subdirectory("${native}" ringwire)`,
      `add_executable(look "${join(native, 'check-cpp.cpp')}")`,
      'target_link_libraries(look PRIVATE ringwire::ringwire)',
    ];
    writeFileSync(join(folder, 'CMakeLists.txt'), lines.join('\n'));
    cmake('-S', folder, '-B', join(folder, 'build'));
    cmake('--build', join(folder, 'build'));
    const { stdout } = spawnSync(join(folder, 'build', 'look'), { encoding: 'utf8' });
    assert.equal(stdout, 'check-cpp: ok\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the sections of ringwire.h open with the words of their TypeScript twins', () => {
  const header = words(readFileSync(join(projectRoot(), 'native-peers', 'ringwire.h'), 'utf8'));
  for (const file of ['header.ts', 'control.ts', 'length-prefixed.ts', 'delimited.ts', 'datagram.ts']) {
    const source = readFileSync(join(projectRoot(), 'src', 'frames', file), 'utf8');
    const opening = words(/\/\*\*([\s\S]*?)\n \*\n/.exec(source)?.[1] ?? '').trim();
    const first = /^.*?\.(?= |$)/.exec(opening)?.[0] ?? opening;
    assert.ok(first.length > 30 && header.includes(first), `${file}: ${first}`);
  }
});
