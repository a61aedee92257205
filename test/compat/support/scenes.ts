/**
 * Short programs for a process of their own, because they would disturb the one that tests: `scenes <scene> <subject>
 * <path>` plays one of them and prints what happens as JSON lines.
 *
 * It judges nothing. Invariant: a scene ends by itself or by its standard input closing.
 */
import { loadSubject, type Ipc, type SubjectName } from './subjects.ts';

const [, , scene, name, path] = process.argv as [string, string, string, SubjectName, string];

function tell(event: string, details: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
}

/** A handler that throws, in a process that survives it. */
function throwing(ipc: Ipc): void {
  process.on('uncaughtException', (error) => tell('thrown', { message: error.message }));
  ipc.serve(path, () => tell('start'));
  ipc.server.on('error', (error: Error) => tell('thrown', { message: error.message }));
  ipc.server.on('m', (data: string) => {
    tell('m', { data });
    if (data === 'bad') throw new Error('from the handler');
  });
  ipc.server.start();
  process.stdin.on('close', () => process.exit()).resume();
}

/** Nothing keeps this process alive but the attempts to connect. */
function retrying(ipc: Ipc): void {
  ipc.config.retry = 150;
  ipc.config.maxRetries = 2;
  ipc.connectTo('world', path);
  ipc.of['world']?.on('error', () => tell('error')).on('destroy', () => tell('destroy'));
}

/** On any other system a pipe's name is the name of a socket file in the working folder, backslashes and all. */
function pipe(ipc: Ipc): void {
  ipc.config.maxRetries = 0;
  ipc.serve(path, () => {
    tell('start', { path: ipc.server.path });
    ipc.connectTo('world', path);
    ipc.of['world']?.on('error', (error: Error) => tell('client error', { message: error.message }));
    ipc.of['world']?.on('connect', () => {
      tell('connect');
      process.exit();
    });
  });
  ipc.server.on('error', (error: Error) => tell('server error', { message: error.message }));
  ipc.server.start();
}

if (scene === 'pipe') Object.defineProperty(process, 'platform', { value: 'win32' });
const subject = await loadSubject(name);
const ipc = new subject.default.IPC();
ipc.config.silent = true;
const scenes: Record<string, (ipc: Ipc) => void> = { throwing, retrying, pipe };
scenes[scene]?.(ipc);
