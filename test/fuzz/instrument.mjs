/**
 * `node instrument.mjs [folder] [json of planted bugs]` makes build/fuzz, or another folder, from build: the same programs, but every branch of src counts
 * how often it was taken, in `globalThis.ringwireCoverage`, a Uint8Array. Beside them it writes words.json: the numbers and short texts that the code compares with, which a fuzzer puts into its inputs.
 *
 * It changes no file of build, and instruments only code that targets run: the bench and the command line stay as they are.
 * Invariant: code that counts does otherwise what it did; the same sources give the same numbers of branches.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'acorn';

const build = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'build');
const [out = path.join(build, 'fuzz'), planted = '[]'] = process.argv.slice(2);
const ROOMS = /^(?:bytes|frames|codecs|connection)\//;
const COUNTERS = 'ringwireCounters';
const TEXT_MAX = 24;

const words = { numbers: new Set(), texts: new Set() };
const count = { branches: 0 };

function counter() {
  return `${COUNTERS}[${count.branches++}]++`;
}

/** What happens to a child because of where it stands. */
function placed(parent, key, node, text) {
  const { type } = parent;
  const isBody = /^(?:For|ForIn|ForOf|While|DoWhile)Statement$/.test(type) && key === 'body';
  if (isBody || (type === 'IfStatement' && (key === 'consequent' || key === 'alternate'))) {
    const isOpen = type === 'IfStatement' && key === 'consequent' && parent.alternate === null;
    return `{${counter()};${text}}${isOpen ? ` else {${counter()};}` : ''}`;
  }
  const isValue =
    (type === 'ConditionalExpression' && key !== 'test') ||
    (type === 'LogicalExpression' && key === 'right') ||
    (type === 'ArrowFunctionExpression' && key === 'body' && node.type !== 'BlockStatement');
  return isValue ? `(${counter()},${text})` : text;
}

function note(node) {
  if (node.type !== 'Literal') return;
  if (Number.isInteger(node.value) && node.value > 0 && node.value < 2 ** 32) words.numbers.add(node.value);
  if (typeof node.value === 'string' && node.value.length > 0 && node.value.length <= TEXT_MAX)
    words.texts.add(node.value);
}

function childrenOf(node) {
  return Object.entries(node)
    .flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((child) => [key, child]))
    .filter(([, child]) => typeof child?.type === 'string' && typeof child.start === 'number')
    .toSorted(([, a], [, b]) => a.start - b.start);
}

function render(source, node) {
  note(node);
  let text = '';
  let at = node.start;
  for (const [key, child] of childrenOf(node)) {
    // A shorthand property is its key and its value at once.
    if (child.start < at) continue;
    text += source.slice(at, child.start) + placed(node, key, child, render(source, child));
    at = child.end;
  }
  text += source.slice(at, node.end);
  if (node.type === 'BlockStatement') return `{${counter()};${text.slice(1)}`;
  if (node.type === 'SwitchCase') return text.replace(':', `:${counter()};`);
  return text;
}

/** The source with the bugs that are planted in it. */
function sourceOf(file) {
  let source = fs.readFileSync(path.join(build, 'src', file), 'utf8');
  for (const bug of JSON.parse(planted)) {
    if (bug.file !== file) continue;
    const [before, behind, ...more] = source.split(bug.text);
    if (behind === undefined || more.length > 0) throw new Error(`${file} has not '${bug.text}' once`);
    source = before + bug.instead + behind;
  }
  return source;
}

function instrument(file) {
  const source = sourceOf(file);
  const tree = parse(source, { ecmaVersion: 'latest', sourceType: 'module' });
  return `const ${COUNTERS} = globalThis.ringwireCoverage;\n${render(source, tree)}`;
}

fs.rmSync(out, { recursive: true, force: true });
for (const folder of ['src', 'test'])
  fs.cpSync(path.join(build, folder), path.join(out, folder), {
    recursive: true,
    filter: (file) => !file.endsWith('.map'),
  });
const files = fs
  .readdirSync(path.join(build, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.js') && ROOMS.test(file))
  .toSorted();
for (const file of files) fs.writeFileSync(path.join(out, 'src', file), instrument(file));
const { numbers, texts } = words;
fs.writeFileSync(
  path.join(out, 'words.json'),
  JSON.stringify({ branches: count.branches, numbers: [...numbers], texts: [...texts] }),
);
process.stdout.write(`${count.branches} branches in ${files.length} files\n`);
