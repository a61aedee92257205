/**
 * `npm run bench:micro [-- options] [pattern ...]`: what a message costs in each part of ringwire, without sockets. `--smoke` only sees that everything
 * runs, `--rounds <n>` says how many samples, `--json <file>` keeps them for `ringwire bench compare`.
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { makeResults } from '../src/bench/results.ts';
import { bootstrap, median } from '../src/bench/statistics.ts';
import { CASES, runMicro } from './micro/run.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
    json: { type: 'string' },
  },
});
const cases = CASES.filter(
  ({ id }) => positionals.length === 0 || positionals.some((part) => id.includes(part)),
);
if (cases.length === 0) throw new Error(`no case has ${positionals.join(' or ')} in its name`);
const rows = await runMicro(cases, {
  rounds: values.smoke ? 1 : Number(values.rounds),
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
