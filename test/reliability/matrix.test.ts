/**
 * The test matrix of RELIABILITY.md is true: each row names test files that are there and speak of the row, and each row that a test carries in its title
 * stands in the matrix.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../support/project.ts';

const root: string = projectRoot();
const text: string = fs.readFileSync(join(root, 'RELIABILITY.md'), 'utf8');
const rows = new Map(
  Array.from(text.matchAll(/^\| ([ST]\d+) \| [^|]+ \| (`[^|]+`) \|$/gm), ([, row, files]) => [
    row as string,
    files?.match(/[^`, ]+/g) ?? [],
  ]),
);

test('each row names tests that are there', () => {
  assert.ok(rows.size >= 60, `${rows.size} rows`);
  for (const [row, files] of rows) {
    for (const file of files) {
      const source = fs.readFileSync(join(root, file), 'utf8');
      assert.match(source, new RegExp(`\\b${row}\\b`), `${file} does not speak of ${row}`);
    }
  }
});

test('each row that a test names stands in the matrix', () => {
  const folder = join(root, 'test');
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'));
  const titled = files.flatMap((file) =>
    Array.from(
      fs.readFileSync(join(folder, file), 'utf8').matchAll(/test\(\s*['"`]([ST]\d+) /g),
      ([, row]) => row as string,
    ),
  );
  assert.ok(titled.length >= 40);
  for (const row of titled) assert.ok(rows.has(row), `${row} is not in RELIABILITY.md`);
});
