/**
 * The small files in which Linux tells about itself, below /proc and /sys. A file that is not there, or may not be read, is undefined: other
 * systems have none of them, containers hide some.
 *
 * Invariant: reading never throws and never writes.
 */
import fs from 'node:fs';
import path from 'node:path';

export class SystemFiles {
  readonly #root: string;

  /** @param root where `proc` and `sys` are; a test puts its own there */
  constructor(root = '/') {
    this.#root = root;
  }

  /** Without the line end. */
  read(file: string): string | undefined {
    try {
      return fs.readFileSync(path.join(this.#root, file), 'utf8').trimEnd();
    } catch {
      return undefined;
    }
  }

  /** The names in a folder. */
  list(folder: string): readonly string[] | undefined {
    try {
      return fs.readdirSync(path.join(this.#root, folder));
    } catch {
      return undefined;
    }
  }
}
