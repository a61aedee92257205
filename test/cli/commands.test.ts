/**
 * What all commands have in common: help with examples and exit codes, JSON that parses with data on stdout alone, colour on terminals and where it is
 * asked for.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { hasColour } from '../../src/cli/style.ts';
import { listen } from '../../src/index.ts';
import {
  file,
  folder,
  freeAddress,
  type Outcome,
  removeFolder,
  ringwire,
  ringwireEach,
  run,
  start,
} from './support.ts';

after(removeFolder);

/** The commands that a help lists. */
function listed(help: string): string[] {
  return Array.from(help.matchAll(/^ {2}([a-z]+) [^\n]* {2}\S/gm), ([, command = '']) => command);
}

const commands: readonly string[] = listed(ringwire(['--help']).out);
const subcommands: readonly string[] = listed(ringwire(['bench', '--help']).out);
const helps = new Map<string, string>();

function look(words: readonly string[], { out, err, code }: Outcome): void {
  assert.deepEqual([code, err], [0, ''], words.join(' '));
  const name = words.join(' ');
  assert.ok(out.startsWith(`Usage: ringwire ${name} `) || out.startsWith(`Usage: ringwire ${name}\n`), out);
  const examples = out.slice(out.search(/^Examples?:$/m));
  assert.ok(examples !== '' && examples.startsWith('Example') && examples.includes(`ringwire ${name}`), out);
  assert.match(out, /^Exit codes?: 0 /m, name);
  assert.match(out, /^ +(?:-h, )?--help/m, name);
  helps.set(name, out);
}

test('every command has help with examples, its options and its exit codes', () => {
  const sources = fs.readdirSync(path.join(import.meta.dirname, '..', '..', 'src', 'cli'));
  for (const command of commands) assert.ok(sources.includes(`${command}.js`), command);
  assert.equal(commands.length, 12, commands.join(' '));
  assert.ok(subcommands.length >= 11, subcommands.join(' '));
  const all = [
    ...commands.filter((command) => command !== 'bench').map((command) => [command]),
    ...subcommands.map((subcommand) => ['bench', subcommand]),
  ];
  const outcomes = ringwireEach(all.map((words) => [...words, '--help']));
  for (const [at, words] of all.entries()) look(words, outcomes[at] as Outcome);
});

test('--json prints JSON and nothing else, of every command that talks to peers or makes something', async (context) => {
  const server = await listen(freeAddress(), { inspect: true });
  context.after(() => server.close());
  server.handle('echo', (input) => input);
  const schema = file('schema.json', { structs: { pose: { x: 'f32' } }, events: { pose: 1 } });
  const recording = path.join(folder, 'r.ndjson');
  const where = server.address;
  const recipes: Record<string, () => Promise<{ out: string; code: number | null }>> = {
    certs: () => run('certs', '--output', path.join(folder, 'certs'), '--json'),
    codegen: () => run('codegen', schema, '-o', path.join(folder, 'pose.h'), '--json'),
    doctor: () => run('doctor', where, '--json'),
    lat: () => run('lat', where, '--count', '10', '--json'),
    listen: async () => {
      const listening = await start(context, 'listen', freeAddress(), '--count', '1', '--json');
      await run('send', listening.where, 'message', '[1]');
      return listening.done;
    },
    record: async () => {
      const recorded = await start(
        context,
        'record',
        freeAddress(),
        where,
        recording,
        '--connections',
        '1',
        '--json',
      );
      await run('send', recorded.where, 'message', '[1]');
      return recorded.done;
    },
    replay: () => run('replay', recording, where, '--json'),
    request: () => run('request', where, 'echo', '[1]', '--json'),
    send: () => run('send', where, 'message', '--json'),
    tap: async () => {
      const tapped = await start(
        context,
        'tap',
        freeAddress(),
        where,
        '--connections',
        '1',
        '--json',
        '--control',
      );
      await run('send', tapped.where, 'message', '[1]');
      return tapped.done;
    },
    top: () => run('top', where, '--count', '2', '--interval', '0.05', '--json'),
  };
  const withJson = [...helps].filter(([name, help]) => !name.includes(' ') && /^ {2}--json {2}/m.test(help));
  assert.deepEqual(withJson.map(([name]) => name).toSorted(), Object.keys(recipes).toSorted());
  for (const [name, recipe] of Object.entries(recipes)) {
    const { out, code } = await recipe();
    assert.equal(code, 0, `${name}: ${out}`);
    const lines = out.trimEnd().split('\n');
    for (const line of lines) assert.equal(typeof JSON.parse(line), 'object', `${name}: ${line}`);
  }
});

test('colour: on terminals, never with NO_COLOR, wherever FORCE_COLOR asks for it', async (context) => {
  const server = await listen(freeAddress());
  context.after(() => server.close());
  for (const [isTTY, env, expected] of [
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [false, { FORCE_COLOR: '' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ] as const)
    assert.equal(hasColour({ isTTY }, env), expected, JSON.stringify([isTTY, env]));
  const missing = freeAddress();
  const plain = ringwire(['doctor', missing], { FORCE_COLOR: '0' });
  const coloured = ringwire(['doctor', missing], { FORCE_COLOR: '1' });
  assert.ok(coloured.out.startsWith('\u001b[31mFAIL\u001b[39m '), coloured.out);
  // oxlint-disable-next-line no-control-regex
  assert.equal(coloured.out.replaceAll(/\u001b\[\d+m/g, ''), plain.out);
});
