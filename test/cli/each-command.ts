/**
 * Runs the commands on stdin, a JSON list of lists of words, one after the other in this process, and prints for each its exit code and what it wrote.
 *
 * It ends no command: one that waits for something waits for ever.
 * Invariant: the exit code is what the process of a command would end with.
 */
import { readFileSync, writeSync } from 'node:fs';
import { runCommand } from '../../src/cli/command.ts';
import type { Outcome } from './support.ts';

function collect(stream: NodeJS.WriteStream): () => string {
  const texts: string[] = [];
  stream.write = (text: Uint8Array | string): boolean => {
    texts.push(String(text));
    return true;
  };
  return () => texts.splice(0).join('');
}

const commands = JSON.parse(readFileSync(0, 'utf8')) as string[][];
const out = collect(process.stdout);
const err = collect(process.stderr);
const outcomes: Outcome[] = [];
for (const words of commands) {
  const code = await runCommand(words);
  outcomes.push({ code, out: out(), err: err() });
}
const printed = Buffer.from(JSON.stringify(outcomes));
for (let at = 0; at < printed.length;) at += writeSync(1, printed, at);
process.exit(0);
