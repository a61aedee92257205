/**
 * `npm run build`, after the compiler has written the declarations: the modules of src become a few files in dist. Loading 170 files took ten
 * times as long as loading one; most of what is left is loaded when it is first used, see src/loading.ts.
 *
 * Invariant: a module is in one file only, so each class exists once, whatever of the package a program imports.
 */
import fs from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';

const root = import.meta.dirname;
const source = path.join(root, 'src');

/** What package.json names, and what the sources load by its place. @returns path of the source by its name in dist, without ending */
function entries() {
  const { exports, bin } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const named = [...Object.values(exports), ...Object.values(bin)]
    .map((target) => /^(?:\.\/)?dist\/(.*)\.js$/.exec(target)?.[1])
    .filter((name) => name !== undefined);
  const loaded = fs
    .readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...fs.readFileSync(path.join(source, file), 'utf8').matchAll(/\b(?:ownFile|loadOwn)\('(.*?)'\)/g),
    ])
    .map(([, name]) => name);
  return Object.fromEntries([...named, ...loaded].map((name) => [name, path.join(source, `${name}.ts`)]));
}

/** Rooms that programs do not import. */
const COMMANDS = /[\\/]src[\\/](?:bench|cli|codegen)[\\/]/;

/**
 * `import fs from 'node:fs'` reads every export of fs for the module's namespace, and so loads what Node itself keeps for later: 9 ms for fs, as
 * much for util. This takes the module as it is, for each importer, so that a file that is loaded early loads nothing for another. Only default imports can be written so; any other is an error here.
 */
const builtins = {
  name: 'builtins',
  resolveId(id, importer) {
    if (!id.startsWith('node:')) return null;
    return COMMANDS.test(importer)
      ? { id, external: true }
      : { id: `\0${id}?${path.relative(source, importer)}`, moduleSideEffects: false };
  },
  load(id) {
    const [, name] = /^\0(node:[^?]*)/.exec(id) ?? [];
    return name === undefined ? null : `export default process.getBuiltinModule('${name}');`;
  },
};

/** Modules that all of these entries need are in one file. A module is in the first that fits; what none of them needs, rolldown divides. */
const LAYERS = {
  base: ['index'],
  frames: ['wire'],
  streams: ['ipc/engine', 'api/client'],
  peers: ['api/client', 'api/server'],
  datagrams: ['ipc/datagram', 'api/datagram/server'],
};

const input = entries();
const reached = new Map();

/** What an entry imports, and what that imports. */
function reach(entry, context) {
  const known = reached.get(entry);
  if (known !== undefined) return known;
  const ids = new Set([input[entry]]);
  for (const id of ids) for (const next of context.getModuleInfo(id)?.importedIds ?? []) ids.add(next);
  reached.set(entry, ids);
  return ids;
}

const layers = Object.entries(LAYERS).map(([name, names], place) => ({
  name: (id, context) => (names.every((entry) => reach(entry, context).has(id)) ? name : null),
  debugName: name,
  priority: Object.keys(LAYERS).length - place,
}));

const bundle = await rolldown({
  input,
  platform: 'neutral',
  external: (id) => !/^(?:\.|\/|node:|\0)|^[A-Za-z]:/.test(id),
  plugins: [builtins],
  onLog(level, { message }) {
    if (level === 'warn') throw new Error(message);
  },
});
const { output } = await bundle.write({
  dir: path.join(root, 'dist'),
  format: 'esm',
  // Beside index.js, see src/loading.ts.
  chunkFileNames: 'chunk-[name].js',
  codeSplitting: { groups: layers },
  sourcemap: true,
  // They are in the package.
  sourcemapExcludeSources: true,
  // In lines: Node shows the line of an error that nobody catches.
  minify: false,
  comments: { jsdoc: false },
});

// Two classes of one name in a file: the second would be called `Name$1`, in stack traces and wherever an object is shown.
for (const { fileName, code = '' } of output)
  for (const [, name] of code.matchAll(/\b([A-Za-z]\w*\$\d+)=class\b|\bclass ([A-Za-z]\w*\$\d+)\b/g))
    throw new Error(`${fileName}: ${name} is not the only class of its name`);
