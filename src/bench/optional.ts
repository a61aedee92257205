/**
 * Packages that the bench measures or draws with when they are installed: beside ringwire, or in the folder that it was started in. None is a
 * dependency.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** The file that the name stands for; undefined when it is not installed. */
export function findPackage(name: string): string | undefined {
  for (const place of [import.meta.url, path.join(process.cwd(), 'index.js')]) {
    try {
      return createRequire(place).resolve(name);
    } catch {
      continue;
    }
  }
  return undefined;
}

/** @throws Error when it is not installed */
export async function loadPackage(name: string): Promise<unknown> {
  const file = findPackage(name);
  if (file === undefined) throw new Error(`${name} is not installed`);
  // The CommonJS exports as a whole are the default.
  const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  return module.default ?? module;
}
