/**
 * The contestant that ringwire replaces, when it is installed: beside ringwire or in the folder that the bench was started in. It is never a
 * dependency.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import type { IPC } from '../ipc/ipc.ts';

export const ORIGINAL = '@achrinza/node-ipc';

/** Its class, which has ringwire's names; undefined when it is not installed. */
export function loadOriginal(): (new () => IPC) | undefined {
  for (const place of [import.meta.url, path.join(process.cwd(), 'index.js')]) {
    const require = createRequire(place);
    try {
      require.resolve(ORIGINAL);
    } catch {
      continue;
    }
    return (require(ORIGINAL) as { IPCModule: new () => IPC }).IPCModule;
  }
  return undefined;
}
