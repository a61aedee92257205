/**
 * What is loaded when it is first used, so that `import 'ringwire'` takes little time: modules of Node that few programs need, and most of ringwire
 * itself. What every program needs of Node is imported as usual, as `import name from 'node:...'`, which bundle.mjs makes cheap.
 *
 * Invariant: this file lies at the top of src, as its chunk lies at the top of dist: places of other files are relative to it.
 */
import type { Cluster } from 'node:cluster';

/** Keeps it: to look it up each time would be too slow for what is called per message. */
export function onFirstUse<Module>(load: () => Module): () => Module {
  let module: Module | undefined;
  return () => (module ??= load());
}

export const cluster: () => Cluster = onFirstUse(
  () => process.getBuiltinModule('node:cluster') as unknown as Cluster,
);
export const crypto: () => typeof import('node:crypto') = onFirstUse(() =>
  process.getBuiltinModule('node:crypto'),
);
export const dgram: () => typeof import('node:dgram') = onFirstUse(() =>
  process.getBuiltinModule('node:dgram'),
);
export const dns: () => typeof import('node:dns') = onFirstUse(() => process.getBuiltinModule('node:dns'));
export const tls: () => typeof import('node:tls') = onFirstUse(() => process.getBuiltinModule('node:tls'));
export const workerThreads: () => typeof import('node:worker_threads') = onFirstUse(() =>
  process.getBuiltinModule('node:worker_threads'),
);
export const zlib: () => typeof import('node:zlib') = onFirstUse(() => process.getBuiltinModule('node:zlib'));

/** `.js`, or `.ts` where Node runs the sources. */
const ENDING: string = /\.[jt]s$/.exec(import.meta.url)?.[0] ?? '';

/** The place of one of ringwire's own files, a URL. @param name below src, without its ending */
export function ownFile(name: string): string {
  return new URL(`./${name}${ENDING}`, import.meta.url).href;
}

/**
 * One of ringwire's own modules, at once: in the middle of a call that returns its result. Node 20 cannot do that while the same file is being
 * imported, so none of these shares a file with `ringwire/daemon` but what `ringwire` itself imports. @param name below src, without its ending
 */
export function loadOwn(name: string): unknown {
  return loadPackage(`./${name}${ENDING}`);
}

export function loadPackage(name: string): unknown {
  return process.getBuiltinModule('node:module').createRequire(import.meta.url)(name);
}
