/**
 * node-ipc's log: objects inspected, strings as they are, joined by spaces into one line for the program's logger. Costs one look at
 * `silent` when that is set. ringwire itself logs what happens to connections, never keys, and payloads only when asked to.
 */
import util from 'node:util';
import type { Config } from './config.ts';

const debug: ReturnType<typeof util.debuglog> = util.debuglog('ringwire');

export type Log = (...args: unknown[]) => void;

export function writeLog(config: Config, args: readonly unknown[]): void {
  if (config.silent && !debug.enabled) return;
  const options = { depth: config.logDepth, colors: config.logInColor };
  const words = args.map((arg) => (typeof arg === 'object' ? util.inspect(arg, options) : arg));
  const line = words.join(' ');
  debug('%s', line);
  if (config.silent) return;
  const { logger } = config;
  if (typeof logger === 'function') logger(line);
  else logger.info(line);
}

const LINE_LENGTH_MAX = 1_024;

/** Text that a peer may have chosen, as a part of one line: nothing in it can forge lines or colours. */
export function oneLine(text: string): string {
  const shown = text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX - 1)}\u2026` : text;
  // oxlint-disable-next-line no-control-regex
  return shown.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A received value in the log: objects are inspected, which escapes what is in them. */
export function inLog(data: unknown): unknown {
  return typeof data === 'string' ? oneLine(data) : data;
}
