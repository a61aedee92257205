/**
 * node-ipc's log: objects inspected, strings as they are, joined by spaces into one line for the program's logger. Costs one look at
 * `silent` when that is set. ringwire itself logs what happens to connections, never keys, and payloads only when asked to.
 */
import util from 'node:util';
import type { Config } from './config.ts';

export type Log = (...args: unknown[]) => void;

export function writeLog(config: Config, args: readonly unknown[]): void {
  if (config.silent) return;
  const options = { depth: config.logDepth, colors: config.logInColor };
  const words = args.map((arg) => (typeof arg === 'object' ? util.inspect(arg, options) : arg));
  config.logger(words.join(' '));
}
