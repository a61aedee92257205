/**
 * `import ipc from 'ringwire'`, `import { IPC } from 'ringwire'`, `require('ringwire').serve`, `require('ringwire').default.serve`:
 * the default export is one ready instance of IPC, and CommonJS gets that instance with every named export on it.
 */
import * as api from './api.ts';

export * from './api.ts';

type Default = api.IPC & { readonly IPC: typeof api.IPC };

/** One ready instance, as node-ipc exports it; `ipc.IPC` makes more. */
const ipc: Default = Object.defineProperty(new api.IPC(), 'IPC', { value: api.IPC }) as Default;
export default ipc;

type CommonJs = Default & typeof api & { readonly default: Default };

/** What `require('ringwire')` gives: the instance, with every named export on it. */
const exportsOfCommonJs = ipc as CommonJs;
for (const [name, value] of Object.entries({ ...api, default: ipc })) {
  if (!(name in ipc)) Object.defineProperty(ipc, name, { value });
}
export { exportsOfCommonJs as 'module.exports' };
