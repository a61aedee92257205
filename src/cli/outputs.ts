/**
 * Files that a command writes while it goes on.
 *
 * Invariant: a file that cannot be written is told before anything else happens.
 */
import { once } from 'node:events';
import fs from 'node:fs';
import { UsageError } from './usage.ts';

/** @throws UsageError */
export function openOutput(file: string, help: string): fs.WriteStream {
  try {
    return fs.createWriteStream(file, { fd: fs.openSync(file, 'w') });
  } catch (error) {
    throw new UsageError(`${file} cannot be written: ${(error as Error).message}`, help);
  }
}

/** Settles when everything is in the file. Fails when it is not. */
export async function closeOutput(output: fs.WriteStream): Promise<void> {
  output.end();
  await once(output, 'close');
}
