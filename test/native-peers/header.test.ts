/**
 * ringwire.h and ringwire.hpp are what they say: no warning from any compiler, standard and word width that is here, nothing of libc but
 * string.h, no globals, each public function with its comment.
 *
 * Compilers that are not here are named in the output. Without any the file is skipped, with the reason.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compilerMissing } from '../support/native.ts';
import { projectRoot } from '../support/project.ts';

const NATIVE: string = join(projectRoot(), 'native-peers');
const WARNINGS =
  '-Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wpedantic -Wcast-qual -Wundef -Werror';
const LANGUAGES = [
  { compilers: ['gcc', 'clang'], language: 'c', standards: ['c99', 'c11', 'c17'], header: 'ringwire.h' },
  {
    compilers: ['g++', 'clang++'],
    language: 'c++',
    standards: ['c++11', 'c++17', 'c++20'],
    header: 'ringwire.hpp',
  },
] as const;
const STRING_H = new Set(['memchr', 'memcmp', 'memcpy', 'memmove', 'memset']);

const missing = compilerMissing('gcc');
const header: string = readFileSync(join(NATIVE, 'ringwire.h'), 'utf8');

/** What a compiler says of a text; undefined when it has no objection. */
function objection(compiler: string, args: readonly string[], input: string): string | undefined {
  const { status, stderr, error } = spawnSync(compiler, [...args, '-'], { input, encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr);
}

test('no warning from any compiler that is here', { skip: missing ?? false }, (context) => {
  let compiled = 0;
  for (const { compilers, language, standards, header: name } of LANGUAGES) {
    for (const compiler of compilers) {
      for (const width of [[], ['-m32']]) {
        const plain = ['-x', language, '-fsyntax-only', ...width];
        const absent = objection(
          compiler,
          plain,
          '#include <stdint.h>\n#include <string.h>\n#include <stdlib.h>\n',
        );
        if (absent !== undefined) context.diagnostic(`${compiler} ${width.join(' ')} is not here`);
        for (const standard of absent === undefined ? standards : []) {
          const args = [...plain, `-std=${standard}`, ...WARNINGS.split(' '), '-I', NATIVE];
          assert.equal(
            objection(compiler, args, `#include "${name}"\n`),
            undefined,
            `${compiler} ${args.join(' ')}`,
          );
          compiled++;
        }
      }
    }
  }
  context.diagnostic(`${compiled} combinations`);
  assert.ok(compiled >= LANGUAGES[0].standards.length);
});

test('nothing of libc but string.h, nothing that can be written to', { skip: missing ?? false }, () => {
  const includes = [...header.matchAll(/^#include (.*)$/gm)].map(([, name]) => name);
  assert.deepEqual(includes, ['<stdint.h>', '<string.h>']);
  const folder = mkdtempSync(join(tmpdir(), 'ringwire-header-'));
  try {
    // Every function for itself, so that none is left out.
    const file = join(folder, 'all.c');
    writeFileSync(file, header.replaceAll('static inline ', ''));
    const object = join(folder, 'all.o');
    const built = spawnSync(
      'gcc',
      ['-std=c99', '-ffreestanding', '-fno-pic', '-O1', '-c', '-o', object, file],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(built.status, 0, built.stderr);
    const symbols = spawnSync('nm', [object], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n')
      .map((line) => /^\S* *(\S) (\S+)$/.exec(line) ?? []);
    const functions = symbols.filter(([, kind]) => kind === 'T').length;
    assert.ok(functions > 50, `${functions} functions`);
    for (const [, kind = '', name = ''] of symbols) {
      if (kind === 'U') assert.ok(STRING_H.has(name), name);
      else assert.match(kind, /[TtRr]/, `${name} can be written to`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('every public function has its comment', () => {
  let seen = 0;
  // Functions that stand together without an empty line share the comment above the first.
  for (const paragraph of header.split('\n\n')) {
    for (const [, name = ''] of paragraph.matchAll(/^static inline [^(]*?\b(rw_\w+)\(/gm)) {
      if (name.endsWith('_')) continue;
      assert.ok(paragraph.startsWith('/*'), name);
      seen++;
    }
  }
  assert.ok(seen > 45, `${seen} functions`);
});
