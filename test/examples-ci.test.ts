/**
 * The CI example says only what is so: its YAML has a sane shape, every command and option in it exists, and what it promises about exit codes
 * is what the commands say themselves.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Outcome, ringwire, ringwireEach } from './cli/support.ts';
import { projectRoot } from './support/project.ts';

const place: string = join(projectRoot(), 'examples', 'ci');
const files: readonly string[] = readdirSync(place);
const HELP: string = ringwire(['bench', '--help']).out;

interface Use {
  readonly command: string;
  readonly options: readonly string[];
}

/** Each `ringwire bench <command> ...` up to the end of the line or of the code. */
function usesIn(text: string): Use[] {
  return Array.from(text.matchAll(/ringwire bench ([a-z]+)([^\n`|#>]*)/g), ([, command = '', rest = '']) => ({
    command,
    options: Array.from(rest.matchAll(/--[a-z-]+/g), ([option]) => option),
  }));
}

function read(file: string): string {
  return readFileSync(join(place, file), 'utf8');
}

/** What is wrong with the shape of YAML that uses mappings, lists and literal blocks, each level two spaces deeper. */
function faults(yaml: string): string[] {
  const found: string[] = [];
  let deepest = 0;
  let block: number | undefined;
  const keys: Set<string>[] = [new Set()];
  for (const [index, line] of yaml.split('\n').entries()) {
    const indent = line.search(/\S/);
    if (indent < 0 || (block !== undefined && indent > block)) continue;
    const text = line.slice(indent);
    if (text.startsWith('#')) continue;
    const item = text.startsWith('- ');
    const [, key, value] = /^(?:- )?([\w-]+):(?: (.+))?$/.exec(text) ?? [];
    const complain = (what: string): number => found.push(`line ${index + 1}: ${what}`);
    if (line.includes('\t')) complain('a tab');
    if (line !== line.trimEnd()) complain('spaces at the end');
    if (indent % 2 !== 0) complain('an odd indentation');
    if (indent > deepest) complain('deeper than the line above allows');
    if (key === undefined && !item) complain('neither a key nor an item');
    const level = indent / 2 + (item ? 1 : 0);
    keys.length = Math.min(keys.length, item ? level : level + 1);
    const siblings = (keys[level] ??= new Set());
    if (key !== undefined && siblings.has(key)) complain(`${key} twice`);
    if (key !== undefined) siblings.add(key);
    if ((value?.match(/\$\{\{/g)?.length ?? 0) !== (value?.match(/\}\}/g)?.length ?? 0)) complain('open ${{');
    block = value === '|' || value === '>' ? indent : undefined;
    deepest = level * 2 + (key !== undefined && value === undefined ? 2 : 0);
  }
  return found;
}

test('the check of the shape sees planted faults', () => {
  for (const [yaml, fault] of [
    ['a:\n\tb: 1', 'a tab'],
    ['a:\n   b: 1', 'an odd indentation'],
    ['a: 1\n  b: 1', 'deeper than the line above allows'],
    ['a: 1\njust words', 'neither a key nor an item'],
    ['a: 1\na: 2', 'a twice'],
    ['a:\n  - b: 1\n    b: 2', 'b twice'],
    ['a: ${{ b', 'open ${{'],
  ] as const)
    assert.ok(
      faults(yaml).some((each) => each.endsWith(fault)),
      `${yaml}: ${faults(yaml).join('; ')}`,
    );
  assert.deepEqual(faults('a:\n  - b: 1\n    c: |\n      free text: x\n       y\n  - b: 1\nd: [e]\n'), []);
});

test('the YAML has a sane shape, in the workflow and in the text', () => {
  const blocks = Array.from(read('README.md').matchAll(/```yaml\n([\s\S]*?)```/g), ([, yaml = '']) => yaml);
  assert.ok(blocks.length > 0);
  for (const yaml of [read('bench.yml'), ...blocks]) assert.deepEqual(faults(yaml), []);
});

test('every command in the examples exists, with the options that it is given', () => {
  const uses = files.flatMap((file) => usesIn(read(file)));
  assert.ok(uses.length > 10);
  const helps = ringwireEach(uses.map(({ command }) => ['bench', command, '--help']));
  for (const [at, { command, options }] of uses.entries()) {
    assert.match(HELP, new RegExp(`^  ${command}\\b`, 'm'), `there is no ringwire bench ${command}`);
    const { code, out } = helps[at] as Outcome;
    assert.equal(code, 0);
    for (const option of options) {
      assert.match(out, new RegExp(`${option}\\b`), `ringwire bench ${command} has no ${option}`);
    }
  }
});

test('the text names each command of the workflow, and the exit codes are those of the help', () => {
  const text = read('README.md');
  for (const { command } of usesIn(read('bench.yml')))
    assert.ok(text.includes(`ringwire bench ${command}`), command);
  const table = text.slice(text.indexOf('## Exit codes'));
  for (const [, command = '', cells = ''] of table.matchAll(/^\| `ringwire bench ([a-z]+)` \|(.*)\|$/gm)) {
    const help = ringwire(['bench', command, '--help']).out;
    const codes = /^Exit codes: (.*)$/m.exec(help)?.[1] ?? '';
    cells.split('|').forEach((cell, code) => {
      const said = new RegExp(`(?:^|, )${code} `).test(codes);
      assert.equal(cell.trim() !== '', said, `${command}, exit code ${code}: ${codes}`);
    });
  }
});
