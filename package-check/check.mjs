/**
 * `npm run check:package`: packs what is built, installs it in a folder of its own as a stranger would, and looks at it from outside: consumer
 * programs compile with TypeScript 5.9, 6 and 7 as ES module and as CommonJS and run, schemas of zod, valibot and arktype carry types and check values, the
 * examples of the guides compile, publint and attw find nothing.
 *
 * It asks the registry for its tools; what it installs is gone afterwards. Exit code 1: something is wrong, and was printed.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const COMPILERS = { typescript59: '5.9.3', typescript6: '6.0.3', typescript7: '7.0.2' };
const TOOLS = [
  'publint@0.3.25',
  '@arethetypeswrong/cli@0.18.5',
  '@types/node@20.19.8',
  '@opentelemetry/api@1.10.0',
  'zod@4.6.7',
  'valibot@1.5.0',
  'arktype@2.2.10',
];
const OPTIONS = {
  module: 'nodenext',
  target: 'es2022',
  types: ['node'],
  strict: true,
  // The declarations of the package are what is checked here.
  skipLibCheck: false,
  rootDir: '.',
};
/** Guides whose TypeScript stands alone. */
const GUIDES = ['README.md', 'docs/modern-face.md', 'docs/structs.md'];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ringwire-package-'));

/** @throws Error with what the program said, when it fails */
async function run(command, args, cwd = folder) {
  try {
    return (await promisify(execFile)(command, args, { cwd, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    throw new Error(`${error.message}\n${error.stdout ?? ''}`, { cause: error });
  }
}

/** The program of an installed package. */
function program(name, bin) {
  const place = path.join(folder, 'node_modules', name);
  const { bin: bins } = JSON.parse(fs.readFileSync(path.join(place, 'package.json'), 'utf8'));
  return path.join(place, typeof bins === 'string' ? bins : bins[bin]);
}

async function step(name, action) {
  const start = performance.now();
  try {
    await action();
    console.log(`ok    ${name} (${Math.round(performance.now() - start)} ms)`);
  } catch (error) {
    console.log(`FAIL  ${name}\n${error.message}`);
    process.exitCode = 1;
  }
}

/** TypeScript blocks that import the package, each a module. */
function writeGuides() {
  let count = 0;
  for (const guide of GUIDES) {
    const blocks = fs.readFileSync(path.join(root, guide), 'utf8').matchAll(/^```ts\n([^]*?)^```$/gm);
    for (const [, code] of blocks) {
      if (!/^import .* from 'ringwire'/m.test(code)) continue;
      fs.writeFileSync(path.join(folder, `guide-${++count}.mts`), code);
    }
  }
  if (count < 3) throw new Error(`only ${count} blocks in the guides`);
}

/** Compiles the consumers, then runs them. */
async function compileAndRun(name, version) {
  await step(`TypeScript ${version}`, () =>
    run(process.execPath, [program(name, 'tsc'), '-p', '.', '--outDir', name]),
  );
  for (const file of ['consumer.mjs', 'consumer.cjs', 'schemas.mjs'])
    await step(`TypeScript ${version}: ${file} runs`, () => run(process.execPath, [path.join(name, file)]));
}

async function lint(tarball) {
  await step('publint --strict', () =>
    run(process.execPath, [program('publint', 'publint'), '--strict', tarball]),
  );
  await step('attw --profile esm-only', () =>
    run(process.execPath, [program('@arethetypeswrong/cli', 'attw'), tarball, '--profile', 'esm-only']),
  );
}

try {
  const [{ filename }] = JSON.parse(
    await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  );
  const tarball = path.join(folder, filename);
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const aliases = Object.entries(COMPILERS).map(([name, version]) => `${name}@npm:typescript@${version}`);
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
  await step('install', () => run('npm', ['install', ...quiet, tarball, ...TOOLS, ...aliases]));
  for (const name of ['consumer.mts', 'consumer.cts', 'schemas.mts'])
    fs.copyFileSync(path.join(here, name), path.join(folder, name));
  writeGuides();
  const config = { compilerOptions: OPTIONS, include: ['*.mts', '*.cts'] };
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
  // Each has a folder of its own to write to, and takes one processor for itself.
  await Promise.all([
    ...Object.entries(COMPILERS).map(([name, version]) => compileAndRun(name, version)),
    lint(tarball),
  ]);
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
