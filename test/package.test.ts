/**
 * What people install: the files in the package, one exact dependency, and nothing that runs when it is installed.
 *
 * It packs nothing and asks no registry.
 * Row T104 of RELIABILITY.md.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from './support/project.ts';

interface Manifest {
  readonly name: string;
  readonly type: string;
  readonly main: string;
  readonly types: string;
  readonly license: string;
  readonly sideEffects: boolean;
  readonly engines: Record<string, string>;
  readonly exports: Record<string, string>;
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly [key: string]: unknown;
}

const root: string = projectRoot();
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const AROUND: readonly string[] = [
  'CHANGELOG.md',
  'LICENSE',
  'PROTOCOL.md',
  'README.md',
  'RELIABILITY.md',
  'SECURITY.md',
  'native-peers/ringwire.h',
  'package.json',
  'wireshark/ringwire.lua',
];

async function pack(): Promise<string[]> {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'];
  const { stdout } = await promisify(execFile)('npm', args, {
    cwd: root,
    timeout: 20_000,
    shell: process.platform === 'win32',
  });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map((file) => file.path).toSorted();
}

const packed = pack();

function sources(): string[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts'));
}

/** What package.json names, and what the sources load by its place; with what these import, each a file below dist. */
function programs(): Set<string> {
  const { bin } = manifest as unknown as { bin: Record<string, string> };
  const named = [...Object.values(manifest.exports), ...Object.values(bin)].filter((target) =>
    target.endsWith('.js'),
  );
  const found = new Set(named.map((target) => target.replace(/^(?:\.\/)?dist\//, '')));
  for (const source of sources())
    for (const [, name] of readFileSync(join(root, 'src', source), 'utf8').matchAll(
      /\b(?:ownFile|loadOwn)\('(.*?)'\)/g,
    ))
      found.add(`${name}.js`);
  for (const file of found)
    for (const [, name] of readFileSync(join(root, 'dist', file), 'utf8').matchAll(
      /\b(?:from|import)\s*\(?["'`](\.[^"'`]+\.js)["'`]/g,
    ))
      found.add(posix.join(posix.dirname(file), name as string));
  return found;
}

test('the package holds dist, src, the C header, the dissector and its papers, and nothing else', async () => {
  const files = await packed;
  const expected = new Set<string>(AROUND);
  for (const file of readdirSync(join(root, 'docs'))) if (file.endsWith('.md')) expected.add(`docs/${file}`);
  for (const file of sources()) {
    expected.add(`src/${file}`);
    for (const ending of ['.d.ts', '.d.ts.map']) expected.add(`dist/${file.replace(/\.ts$/, ending)}`);
  }
  for (const file of programs()) {
    expected.add(`dist/${file}`);
    // Files that only hand on what others export have none.
    if (readFileSync(join(root, 'dist', file), 'utf8').includes('sourceMappingURL='))
      expected.add(`dist/${file}.map`);
  }
  // A build that is older than src has files too many or too few: `npm run build` before this test.
  assert.deepEqual(
    files.filter((file) => !expected.has(file)),
    [],
    'files that do not belong in the package',
  );
  assert.deepEqual(
    [...expected].filter((file) => !files.includes(file)),
    [],
    'files that are missing from the package',
  );
  for (const file of files)
    assert.doesNotMatch(file, /\.(?:key|pem|crt|p12|pfx|tsbuildinfo|env)$|^(?:test|bench|fixtures)\//i);
});

test('no private key and no path of this machine in what is packed', async () => {
  for (const file of await packed) {
    const text = readFileSync(join(root, file), 'utf8');
    assert.doesNotMatch(text, /-----BEGIN [A-Z ]*PRIVATE KEY-----/, file);
    assert.ok(!text.includes(root), `${file} names ${root}`);
  }
});

test('source maps lead to files that are in the package', async () => {
  const files = await packed;
  for (const file of files.filter((each) => each.endsWith('.map'))) {
    const map = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      sources: string[];
      sourceRoot?: string;
    };
    for (const each of map.sources) {
      const source = new URL((map.sourceRoot ?? '') + each, `file:///${file}`).pathname.slice(1);
      assert.ok(files.includes(source), `${file} leads to ${source}`);
    }
  }
});

test('installing it runs nothing', () => {
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare'])
    assert.equal(manifest.scripts[script], undefined, script);
  for (const field of ['gypfile', 'bundleDependencies', 'bundledDependencies', 'optionalDependencies'])
    assert.equal(manifest[field], undefined, field);
  assert.equal(existsSync(join(root, 'binding.gyp')), false);
});

test('one dependency, at one exact version, which is the one that is tested', () => {
  assert.deepEqual(Object.keys(manifest.dependencies), ['msgpackr']);
  const version = manifest.dependencies['msgpackr'] as string;
  assert.match(version, /^\d+\.\d+\.\d+$/);
  const installed = JSON.parse(
    readFileSync(join(root, 'node_modules/msgpackr/package.json'), 'utf8'),
  ) as Manifest;
  assert.equal(installed['version'], version);
  const [major, minor, patch] = version.split('.').map(Number) as [number, number, number];
  assert.ok(
    major > 2 || (major === 2 && (minor > 1 || patch >= 3)),
    'older ones can be brought down by 100 bytes',
  );
});

test('what only ringwire/otel needs is optional, and is tested in the oldest version that will do', () => {
  const peer = '@opentelemetry/api';
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules', peer, 'package.json'), 'utf8'),
  ) as Manifest & { version: string };
  assert.deepEqual(manifest['peerDependencies'], { [peer]: `^${version}` });
  assert.deepEqual(manifest['peerDependenciesMeta'], { [peer]: { optional: true } });
});

test('the manifest says what tools need to know', () => {
  assert.equal(manifest.name, 'ringwire');
  assert.equal(manifest.type, 'module');
  assert.equal(manifest.sideEffects, false);
  assert.equal(manifest.license, 'MIT');
  assert.deepEqual(manifest.engines, { node: '>=20.19' });
  assert.deepEqual(Object.keys(manifest.exports), ['.', './wire', './daemon', './otel', './package.json']);
  for (const target of [manifest.main, manifest.types, ...Object.values(manifest.exports)])
    assert.ok(existsSync(join(root, target)), `${target} does not exist: build first`);
});
