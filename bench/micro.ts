/**
 * `npm run bench:micro [-- options] [pattern ...]`: what a message costs in each part of ringwire, without sockets. `--smoke` only sees that everything
 * runs, `--rounds <n>` says how many samples, `--json <file>` keeps them for `ringwire bench compare`.
 */
import fs from 'node:fs';
import { makeResults } from '../src/bench/results.ts';
import { bootstrap, median } from '../src/bench/statistics.ts';
import { CASES, runMicro } from './micro/run.ts';
import { mistaken, numberOf, readOptions } from '../test/support/options.ts';

const { values, positionals } = readOptions(
  {
    usage: 'npm run bench:micro -- [part of a name ...] [options]',
    about: 'Measures the parts, each alone in one process.',
    words: 'Without a name all cases are run.',
  },
  {
    rounds: { type: 'string', default: '7', help: 'each case once in each of them' },
    smoke: { type: 'boolean', default: false, help: 'as short as can be: does each still run?' },
    json: { type: 'string', help: 'a file for the result' },
  },
);
const cases = CASES.filter(
  ({ id }) => positionals.length === 0 || positionals.some((part) => id.includes(part)),
);
if (cases.length === 0) mistaken(`no case has ${positionals.join(' or ')} in its name`);
const rows = await runMicro(cases, {
  rounds: values.smoke ? 1 : numberOf('rounds', values.rounds, 1),
  time: values.smoke ? 1 : 50,
  progress: (round, id) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[Kround ${round}: ${id}`);
    else if (id === cases[0]?.id) process.stderr.write(`round ${round}\n`);
  },
});
if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
console.log('| case | ns/message | 95 % interval |\n|---|---|---|');
for (const { id, samples } of rows) {
  const { low, high } = bootstrap([samples], median);
  console.log(`| ${id} | ${median(samples).toFixed(1)} | ${low.toFixed(1)} to ${high.toFixed(1)} |`);
}
if (values.json !== undefined) fs.writeFileSync(values.json, `${JSON.stringify(makeResults(rows))}\n`);
