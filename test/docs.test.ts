/**
 * The papers say what is so: their links lead somewhere, their tables have every code, setting and bound that the code has and no other, their
 * commands exist, their JavaScript parses, and the README's first programs do what the comments beside them say.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { Script } from 'node:vm';
import { Config } from '../src/ipc/config.ts';
import { DEFAULT_LIMITS } from '../src/limits.ts';
import { projectRoot } from './support/project.ts';

const root: string = projectRoot();
/** `api` is the generated reference: what it says is said in the code. */
const SKIPPED: readonly string[] = ['node_modules', 'build', 'dist', '.git', '.ci', 'api'];

function papersBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.includes(entry.name) ? [] : papersBelow(file);
    return entry.name.endsWith('.md') ? [file] : [];
  });
}

const papers: readonly string[] = papersBelow(root);
function read(...names: readonly string[]): string {
  return readFileSync(join(root, ...names), 'utf8');
}

/** The text without code, where brackets are no links. */
function prose(text: string): string {
  return text
    .replaceAll(/^```[^]*?^```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => (code.includes('](') ? '' : code));
}

/** As GitHub makes them from headings. */
function anchorsOf(text: string): Set<string> {
  const headings = Array.from(
    text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm),
    ([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
  );
  return new Set(headings);
}

/** Links and pictures that lead nowhere. */
function deadLinks(file: string, text: string): string[] {
  const targets = Array.from(
    prose(text).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g),
    ([, link, source]) => (link ?? source) as string,
  );
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const place = path === '' ? file : join(dirname(file), decodeURIComponent(path));
    if (!existsSync(place)) return true;
    return anchor !== undefined && !anchorsOf(path === '' ? text : readFileSync(place, 'utf8')).has(anchor);
  });
}

function blocks(text: string, language: string): string[] {
  return Array.from(text.matchAll(/^```(\w+)\n([^]*?)^```$/gm))
    .filter(([, tag]) => tag === language)
    .map(([, , code = '']) => code);
}

/** A block of several ways to import declares the same names in each line: each line is a program. */
function parts(block: string): string[] {
  const lines = block.trim().split('\n');
  return lines.every((line) => /^import |^const .* = require\(/.test(line)) ? lines : [block];
}

/** A module without its imports and exports is the body of a function, which is not called. @throws SyntaxError */
function parse(code: string): void {
  const body = code
    .replaceAll(/^import [^;]*;/gm, '')
    .replaceAll(/^export (?=const|async|function)/gm, '')
    .replaceAll('import.meta', 'meta');
  void new Script(`async () => {\n${body}\n}`);
}

/** The names in backticks in one column of the tables of a text. */
function namesIn(text: string, column: number): string[] {
  return Array.from(text.matchAll(/^\|(.*)\|$/gm)).flatMap(([, line = '']) =>
    Array.from((line.split(/(?<!\\)\|/)[column] ?? '').matchAll(/`(\w+)`/g), ([, name = '']) => name),
  );
}

describe('links', () => {
  test('a planted dead link is seen', () => {
    const file = join(root, 'README.md');
    const text = '# A b\n[a](#a-b) [b](docs/errors.md#errors) [c](https://example.org/x)\n';
    assert.deepEqual(deadLinks(file, text), []);
    assert.deepEqual(
      deadLinks(file, `${text}[d](#a-c) [e](nowhere.md) <img src="no.svg"> [f](docs/errors.md#no)`),
      ['#a-c', 'nowhere.md', 'no.svg', 'docs/errors.md#no'],
    );
  });

  for (const file of papers) {
    test(relative(root, file), () => assert.deepEqual(deadLinks(file, readFileSync(file, 'utf8')), []));
  }
});

describe('tables', () => {
  test('docs/errors.md has every code once, and no text names another', () => {
    const declared = Array.from(
      read('src', 'errors.ts').matchAll(/^ {2}\| 'ERR_RINGWIRE_(\w+)'/gm),
      ([, code]) => code,
    );
    assert.ok(declared.length > 50);
    const rows = Array.from(read('docs', 'errors.md').matchAll(/^\| `([A-Z_]+)` \|/gm), ([, code]) => code);
    assert.deepEqual(rows, declared.toSorted());
    for (const file of papers) {
      for (const [, code] of readFileSync(file, 'utf8').matchAll(/\bERR_RINGWIRE_([A-Z][A-Z_]*[A-Z])\b/g))
        assert.ok(declared.includes(code), `${relative(root, file)} names ERR_RINGWIRE_${code}`);
    }
    const known = namesIn(read('README.md').split('## Troubleshooting')[1]?.split('\n## ')[0] ?? '', 0);
    assert.ok(known.length > 10);
    for (const code of known) if (/^[A-Z_]+$/.test(code)) assert.ok(declared.includes(code), code);
  });

  test('docs/settings.md has every setting of ipc.config once', () => {
    assert.deepEqual(
      namesIn(read('docs', 'settings.md'), 0).toSorted(),
      Object.keys(new Config()).toSorted(),
    );
  });

  test('docs/limits.md has every limit once, and settings that exist', () => {
    const table =
      read('docs', 'limits.md')
        .split('\n\n')
        .find((part) => part.startsWith('|')) ?? '';
    const options = ['maxConnections', 'timeout', 'limit'];
    assert.deepEqual(
      namesIn(table.split('\n').slice(1).join('\n'), 2)
        .filter((name) => !options.includes(name))
        .toSorted(),
      Object.keys(DEFAULT_LIMITS).toSorted(),
    );
    const settings = new Set(Object.keys(new Config()));
    for (const name of namesIn(table.split('\n').slice(1).join('\n'), 3)) assert.ok(settings.has(name), name);
  });
});

describe('code', () => {
  test('every npm script that the papers name exists', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = papers.flatMap((file) =>
      Array.from(readFileSync(file, 'utf8').matchAll(/\bnpm run ([\w:-]+)/g), ([, name = '']) => name),
    );
    assert.ok(named.length > 3);
    for (const name of named) assert.ok(scripts[name] !== undefined, `npm run ${name}`);
  });

  for (const file of papers) {
    const code = blocks(readFileSync(file, 'utf8'), 'js');
    if (code.length === 0) continue;
    test(`the JavaScript in ${relative(root, file)} parses`, () => {
      for (const block of code) for (const part of parts(block)) assert.doesNotThrow(() => parse(part), part);
    });
  }

  for (const [paper, first] of [
    ['README.md', 'hello world!\n3\n'],
    [join('docs', 'node-ipc-face.md'), 'hello world!\n'],
    [join('docs', 'modern-face.md'), 'hello world!\n'],
  ] as const) {
    test(`the first programs of ${paper} run`, { timeout: 20_000 }, async (context) => {
      const folder = mkdtempSync(join(tmpdir(), 'ringwire-papers-'));
      context.after(() => rmSync(folder, { recursive: true, force: true }));
      mkdirSync(join(folder, 'node_modules'));
      symlinkSync(root, join(folder, 'node_modules', 'ringwire'), 'junction');
      const programs = blocks(read(paper), 'js').filter((code) =>
        /^\/\/ (?:server|client)\.mjs\n/.test(code),
      );
      assert.equal(programs.length, 2);
      const [server, client] = programs.map((code) => {
        const name = code.slice(3, code.indexOf('\n'));
        // A place of our own, and a word when it listens.
        const text = code
          .replaceAll("'ipc://world'", `{ ipc: 'world', socketRoot: ${JSON.stringify(`${folder}/`)} }`)
          .replace(
            /^ipc\.config\.id = .*$/m,
            (line) =>
              `${line}\nipc.config.silent = true;\nipc.config.socketRoot = ${JSON.stringify(`${folder}/`)};`,
          );
        const listening = "\nif (typeof ipc === 'undefined') console.log('listening');";
        const begun = code.includes('ipc.serve(')
          ? "\nipc.server.on('start', () => console.log('listening'));"
          : listening;
        writeFileSync(join(folder, name), name === 'server.mjs' ? `${text}${begun}` : text);
        return join(folder, name);
      });
      const run = (file = ''): { child: ChildProcess; output: () => string } => {
        const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
        context.after(() => child.kill());
        let output = '';
        for (const stream of [child.stdout, child.stderr])
          stream?.on('data', (text: Buffer) => (output += text));
        return { child, output: () => output };
      };
      const serving = run(server);
      while (!serving.output().includes('listening')) {
        assert.equal(serving.child.exitCode, null, serving.output());
        await once(serving.child.stdout as NonNullable<typeof serving.child.stdout>, 'data');
      }
      const asking = run(client);
      const [code] = (await once(asking.child, 'close')) as [number];
      assert.deepEqual([code, asking.output()], [0, first], serving.output());
    });
  }
});
