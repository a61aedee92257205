/**
 * `import ipc from 'ringwire'`, `import { IPC } from 'ringwire'`, `require('ringwire').serve`, `require('ringwire').default.serve`:
 * the default export is one ready instance of IPC, and CommonJS gets that instance with every named export on it.
 */
import * as api from './api.ts';

export * from './api.ts';

type Default = api.IPC & { readonly IPC: typeof api.IPC };

const ipc: Default = Object.defineProperty(new api.IPC(), 'IPC', { value: api.IPC }) as Default;
export default ipc;

type CommonJs = Default & typeof api & { readonly default: Default };

const exportsOfCommonJs = ipc as CommonJs;
for (const [name, value] of Object.entries({ ...api, default: ipc })) {
  if (!(name in ipc)) Object.defineProperty(ipc, name, { value });
}
export { exportsOfCommonJs as 'module.exports' };
