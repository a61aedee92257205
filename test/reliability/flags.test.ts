/**
 * Row T105 of RELIABILITY.md: ringwire works where Node is told to allow less: no code from text, frozen built-in objects, no `__proto__`, and only the files that the program names.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../support/project.ts';

const LIBRARY: string = join(projectRoot(), 'dist', 'index.js');
/** Every codec, both faces, a local socket, TCP and UDP. */
const PROGRAM = `import { connect, defineStruct, IPC, listen } from ${JSON.stringify(LIBRARY)};
  const folder = process.argv[1];
  const told = [];
  for (const address of ['unix:' + folder + '/m', 'tcp://127.0.0.1:0']) {
    const server = await listen(address);
    server.handle('echo', (input) => input);
    for (const codec of ['msgpack', 'json', 'raw']) {
      const client = await connect(server.address, { codec });
      const value = codec === 'raw' ? Buffer.from('bytes') : { list: [1, 'two'], deep: { n: null } };
      told.push(JSON.stringify(await client.request('echo', value)) === JSON.stringify(value));
      await client.close();
    }
    await server.close();
  }
  const point = defineStruct('point', { x: 'f64', y: 'f64' });
  for (const [name, settings, value] of [['n', {}, { a: [1] }], ['s', { codec: 'struct', structs: { m: point } }, { x: 1, y: 2 }], ['u', { codec: 'msgpack' }, [1]]]) {
    const [own, other] = [new IPC(), new IPC()];
    for (const ipc of [own, other]) Object.assign(ipc.config, { silent: true, ...settings });
    if (name === 'u') own.serveNet('127.0.0.1', 0, 'udp4'); else own.serve(folder + '/' + name);
    const heard = new Promise((resolve) => own.server.on('m', resolve));
    const started = new Promise((resolve) => own.server.on('start', resolve));
    own.server.start();
    const place = await started;
    if (name === 'u') {
      other.serveNet('127.0.0.1', 0, 'udp4');
      other.server.on('start', () => other.server.emit(place, 'm', value));
      other.server.start();
    } else other.connectTo('w', folder + '/' + name, () => other.of.w.on('connect', () => other.of.w.emit('m', value)));
    const got = await heard;
    told.push(name === 's' ? got.x === 1 && got.y === 2 : JSON.stringify(got) === JSON.stringify(value));
    if (name === 'u') other.server.stop(); else other.disconnect('w');
    own.server.stop();
  }
  console.log(told.join());`;

const [major = 0] = process.versions.node.split('.').map(Number);
const PERMISSION: string = major >= 23 ? '--permission' : '--experimental-permission';
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  'no code from text': ['--disallow-code-generation-from-strings'],
  'frozen built-in objects': ['--frozen-intrinsics'],
  'no __proto__': ['--disable-proto=throw'],
  'named files only': [PERMISSION, `--allow-fs-read=${projectRoot()}/*`, '--allow-net'],
};

for (const [name, flags] of Object.entries(FLAGS)) {
  test(`T105 ${name}: both faces and every codec work`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringwire-flags-'));
    try {
      // Node 25 and later ask for the network too; earlier ones do not know the word.
      const known = flags.filter((flag) => flag !== '--allow-net' || major >= 25);
      const own = flags.includes(PERMISSION)
        ? [`--allow-fs-read=${folder}/*`, `--allow-fs-write=${folder}/*`]
        : [];
      const args = [...known, ...own, '--no-warnings', '--input-type=module', '-e', PROGRAM, folder];
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
      assert.equal(stdout, `${Array.from({ length: 9 }, () => true).join()}\n`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
