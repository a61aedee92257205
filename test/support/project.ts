/**
 * Where the project's own files are, seen from a compiled test anywhere below it.
 *
 * Invariant: the folder that is returned holds the package.json of ringwire.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'ringwire')
      return folder;
    const above = dirname(folder);
    if (above === folder) throw new Error('this test does not lie in the project');
    folder = above;
  }
}
