/**
 * The files that people install: few of them are loaded by an import, what is loaded later is found, each class exists once, and stack traces lead
 * to the sources. All other tests run modules as the compiler writes them.
 *
 * It measures no time: how many files and which modules of Node are loaded is what the time of an import comes from.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { projectRoot } from './support/project.ts';

const DIST: string = path.join(projectRoot(), 'dist');
/** What an import has to read and compile. Node compiles 10 KB of it in a millisecond. */
const IMPORT_BYTES_MAX = 56 * 1024;

const folder: string = mkdtempSync(path.join(tmpdir(), 'ringwire-bundle-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a module with `load(entry)`, which imports an entry of dist. @returns what it wrote to stdout, as JSON; stderr has to be empty */
async function run(code: string, ...options: string[]): Promise<unknown> {
  const program = `const load = (entry) => import(${JSON.stringify(pathToFileURL(DIST).href)} + '/' + entry);\n${code}`;
  const args = [...options, '--input-type=module', '-e', program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

/** A file of dist and what it imports, and so on. */
function importsOf(entry: string): string[] {
  const files = new Set([entry]);
  for (const file of files) {
    const code = readFileSync(path.join(DIST, file), 'utf8');
    for (const [, name] of code.matchAll(/\b(?:from|import)\s*"(\.[^"]+)"/g))
      files.add(path.posix.join(path.posix.dirname(file), name as string));
  }
  return [...files];
}

test('an import reads two small files', () => {
  const files = importsOf('index.js');
  assert.deepEqual(files, ['index.js', 'chunk-base.js']);
  const bytes = files.reduce((sum, file) => sum + statSync(path.join(DIST, file)).size, 0);
  assert.ok(bytes <= IMPORT_BYTES_MAX, `${bytes} bytes`);
  assert.ok(importsOf('ipc/engine.js').length > 3, 'the pattern finds imports');
  // Node 20 cannot load at once what an import of it is loading.
  assert.deepEqual(importsOf('daemon/daemon.js'), ['daemon/daemon.js', 'chunk-base.js']);
});

test('an error that nobody catches shows a line of code, not a file of it', async () => {
  const code = "load('index.js').then(({ listen }) => listen('nowhere'))";
  const { code: status, stderr } = (await run(code).catch((error: unknown) => error)) as {
    code: number;
    stderr: string;
  };
  assert.equal(status, 1);
  assert.match(stderr, /ERR_RINGWIRE_BAD_ADDRESS/);
  for (const line of stderr.split('\n'))
    assert.ok(line.length < 1_000, `a line of ${line.length} characters`);
});

test('nothing of the place where it was built is in it', () => {
  for (const file of readdirSync(DIST, { recursive: true, encoding: 'utf8' }))
    if (/\.js(?:\.map)?$/.test(file))
      assert.equal(readFileSync(path.join(DIST, file), 'utf8').includes(projectRoot()), false, file);
});

test('an import loads nothing of Node that the program may not need', async () => {
  const loaded = (await run(`
    const before = new Set(process.moduleLoadList);
    await load('index.js');
    const names = process.moduleLoadList.filter((name) => !before.has(name));
    console.log(JSON.stringify(names.map((name) => /^NativeModule (.*)$/.exec(name)?.[1]).filter(Boolean)));
  `)) as string[];
  const costly =
    /^(?:net|stream|crypto|zlib|tls|cluster|dns|dgram|child_process|worker_threads|fs\/promises)$/;
  assert.deepEqual(
    loaded.filter((name) => costly.test(name)),
    [],
  );
});

test('both faces, streams and datagrams, are found when they are used, though another import is under way', async () => {
  const answers = await run(`
    const { default: ipc, connect, listen, RingwireError } = await load('index.js');
    ipc.config.silent = true;
    const daemon = load('daemon/daemon.js');
    const socket = ${JSON.stringify(path.join(folder, 'old'))};
    const echo = await new Promise((resolve) => {
      ipc.serve(socket, () => {
        ipc.server.on('ask', (data, peer) => ipc.server.emit(peer, 'answer', data + 1));
        ipc.connectTo('world', socket, () => {
          ipc.of.world.on('connect', () => ipc.of.world.emit('ask', 1));
          ipc.of.world.on('answer', resolve);
        });
      });
      ipc.server.start();
    });
    ipc.disconnect('world');
    ipc.server.stop();
    const old = await new Promise((resolve) => {
      ipc.serveNet('127.0.0.1', 0, 'udp4', () => {
        const { port } = ipc.server.server.address();
        ipc.server.on('ask', resolve);
        ipc.server.emit({ address: '127.0.0.1', port }, 'ask', 3);
      });
      ipc.server.start();
    });
    ipc.server.stop();

    const server = await listen('unix:' + ${JSON.stringify(path.join(folder, 'new'))}, { inspect: true });
    server.handle('double', (value) => value * 2);
    const client = await connect('unix:' + ${JSON.stringify(path.join(folder, 'new'))});
    const doubled = await client.request('double', 4);
    await client.close();
    await server.close();

    const receiver = await listen('udp://127.0.0.1:0');
    const datagram = new Promise((resolve) => receiver.on('sample', resolve));
    const sender = await connect(receiver.address);
    sender.send('sample', 9);
    const sample = await datagram;
    await sender.close();
    await receiver.close();

    await daemon;
    const wire = await load('wire.js');
    const failure = await connect('unix:' + ${JSON.stringify(path.join(folder, 'none'))} + 'x'.repeat(200)).catch((error) => error);
    const same = failure instanceof RingwireError && wire.RingwireError === RingwireError;
    console.log(JSON.stringify({ echo, old, doubled, sample, same }));
  `);
  assert.deepEqual(answers, { echo: 2, old: 3, doubled: 8, sample: 9, same: true });
});

test('stack traces lead to the sources', async () => {
  const stack = await run(
    `const { default: ipc } = await load('index.js');
    ipc.config.codec = 'none';
    ipc.serve(${JSON.stringify(path.join(folder, 'stack'))});
    try { ipc.server.start(); } catch (error) { console.log(JSON.stringify(error.stack)); }`,
    '--enable-source-maps',
  );
  assert.match(String(stack), /src[\\/]ipc[\\/]config-options\.ts:\d+:\d+/);
  assert.match(String(stack), /Server\.start .*src[\\/]ipc[\\/]server\.ts:\d+/);
});
