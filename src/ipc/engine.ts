/** What the first `serve` or `connectTo` loads: a program that only imports ringwire does not wait for it. */
export { Client } from './client.ts';
export { Server } from './server.ts';
export { Shared } from './shared.ts';
