#!/usr/bin/env node
/**
 * The command `ringwire`, as a process.
 *
 * Invariant: its exit code is that of the command, and a reader of its output who leaves ends it.
 */
import { runCommand } from './command.ts';

// Whoever read our output has seen enough, as in `ringwire tap ... | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCommand(process.argv.slice(2));
